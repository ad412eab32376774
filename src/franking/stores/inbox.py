"""Takes in what applications wrote with INSERT: rows become mails, in one transaction.

Policy. New mails are inserted together; where that fails, and where a mail has the id already, each
row is taken in alone, under a savepoint. A row that trips then is put off, for a second first and a
minute at most, so that it stops nobody; after a day, and LEAST_TRIES, it ends as a mail in ERROR
that says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog

from franking.stores.inbox_store import MOST_COUNTED, InboxCounts, InboxRow, TakeIn
from franking.stores.queries import Db
from franking.stores.rows import insert, text
from franking.stores.values import Change, NewMail, Stored
from franking.stores.writes import change

log = structlog.get_logger()

FIRST_PUT_OFF_MS = 1_000
LONGEST_PUT_OFF_MS = 60_000
GIVE_UP_MS = 24 * 3_600_000
LEAST_TRIES = 10
# So many bytes of documents are taken in at once; one row is, however many it has.
BYTES_AT_ONCE = 16 * 1024 * 1024
# So many are told of a document that has too many.
HEAD_BYTES = 4_000
TROUBLE_CHARACTERS = 300

Run = Callable[..., Awaitable[Any]]


class InboxRows:
    """`franking.stores.inbox_store.InboxStore`; `write` and `read` run a script."""

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read

    async def take_in(self, now: int, limit: int, most_bytes: int, take: TakeIn) -> int:
        count: int = await self._write(lambda db: _taken(db, now, limit, most_bytes, take))
        return count

    async def next_at(self) -> int | None:
        found: int | None = await self._read(lambda db: db.value("inbox_next"))
        return found

    async def standing(self, now: int) -> InboxCounts:
        found: InboxCounts = await self._read(
            lambda db: _counts.decode(db.value("inbox_standing", now=now, most=MOST_COUNTED))
        )
        return found


class _Row(msgspec.Struct, frozen=True):
    seq: int
    id: str | None
    document: str
    bytes: int
    created_at: int
    tries: int


def _taken(db: Db, now: int, limit: int, most_bytes: int, take: TakeIn) -> int:
    rows = _due(db, now, limit, most_bytes)
    if not rows:
        return 0
    known = _known.decode(db.value("mails_known", ids=text([r.id for r in rows if r.id])))
    fresh = [row for row in rows if row.id not in known]
    others = [row for row in rows if row.id in known]
    if fresh and db.alone(lambda: _inserted(db, fresh, take)) is not None:
        fresh, others = [], rows
    done = fresh + [row for row in others if _alone(db, row, now, take)]
    db.run("delete_inbox", seqs=text([row.seq for row in done]))
    return len(rows)


def _due(db: Db, now: int, limit: int, most_bytes: int) -> list[InboxRow]:
    seqs: list[int] = []
    left = BYTES_AT_ONCE
    for seq, size in _sized.decode(db.value("inbox_due", now=now, limit=limit)):
        left -= min(size, most_bytes)
        if seqs and left < 0:
            break
        seqs.append(seq)
    if not seqs:
        return []
    found = db.value("inbox_rows", seqs=text(seqs), most=most_bytes, head=HEAD_BYTES)
    return [_row(raw) for raw in _rows.decode(found)]


def _row(raw: _Row) -> InboxRow:
    id = None if raw.id is None else bytes.fromhex(raw.id).decode("utf-8", "replace")
    document = bytes.fromhex(raw.document)
    return InboxRow(raw.seq, id, document, raw.bytes, raw.created_at, raw.tries)


def _inserted(db: Db, rows: Sequence[InboxRow], take: TakeIn) -> None:
    """Rows whose ids no mail has: their mails are inserted together."""
    mails = [take(row, None) for row in rows]
    insert(db, [mail for mail in mails if isinstance(mail, NewMail)])


def _alone(db: Db, row: InboxRow, now: int, take: TakeIn) -> bool:
    """Take in one row; is it done with?"""
    error = db.alone(partial(_one, db, row, take))
    if error is None:
        return True
    why = (str(error).strip() or type(error).__name__).partition("\n")[0][:TROUBLE_CHARACTERS]
    log.warning("a row of the inbox waits", row=row.seq, tries=row.tries + 1, why=why)
    if row.tries + 1 >= LEAST_TRIES and now - row.created_at >= GIVE_UP_MS:
        error = db.alone(partial(_ended, db, row, take, why))
        if error is None:
            return True
    pause = min(FIRST_PUT_OFF_MS << min(row.tries, 10), LONGEST_PUT_OFF_MS)
    db.run("put_off_inbox", seq=row.seq, until=now + pause, trouble=why)
    return False


def _ended(db: Db, row: InboxRow, take: TakeIn, why: str) -> None:
    insert(db, [take.given_up(row, why)])


def _one(db: Db, row: InboxRow, take: TakeIn) -> None:
    new: list[NewMail] = []

    def decide(stored: Stored | None) -> Change | None:
        wanted = take(row, stored)
        if isinstance(wanted, Change):
            return wanted
        new.append(wanted)
        return None

    id = row.id or ""
    db.value("free_mail", id=id)
    try:
        change(db, id, decide)
    except Exception as error:
        new.append(take.refused(row, error))
    insert(db, new)


_sized = msgspec.json.Decoder(list[tuple[int, int]])
_rows = msgspec.json.Decoder(list[_Row])
_known = msgspec.json.Decoder(dict[str, int])
_counts = msgspec.json.Decoder(InboxCounts)
