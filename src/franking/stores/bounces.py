"""What comes back, in a database: `franking.stores.returns.Returns`, the same on every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from franking.core.bounce import Bounce, Candidate, Decide, Filing
from franking.core.suppression import Suppression
from franking.core.unknown import UnknownError, example, fingerprint
from franking.stores.base import Change, Mail
from franking.stores.queries import Db
from franking.stores.rows import report, text, update

MOST_CANDIDATES = 100
MOST_BOUNCES = 1_000
MOST_UNKNOWN = 10_000

Run = Callable[[Callable[[Db], Any]], Awaitable[Any]]

_mail = msgspec.json.Decoder(Mail)
_candidates = msgspec.json.Decoder(list[Candidate])
_bounces = msgspec.json.Decoder(list[Bounce])
_names = msgspec.json.Decoder(list[str])
_suppressions = msgspec.json.Decoder(list[Suppression])
_unknown = msgspec.json.Decoder(list[UnknownError])


class ReturnRows:
    """The rows of a store, whose `write` and `read` run a script in one transaction."""

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read
        self.suppression_changes = 0

    async def file(self, message_ids: Sequence[str], decide: Decide) -> Filing | None:
        filing: Filing | None = await self._write(lambda db: _file(db, message_ids, decide))
        if filing is not None and filing.suppressions:
            self.suppression_changes += 1
        return filing

    async def bounces(self, mail: str) -> list[Bounce]:
        row = await self._read(lambda db: db.value("bounces_of", mail=mail, limit=MOST_BOUNCES))
        return _bounces.decode(row)

    async def any_suppressed(self) -> bool:
        return bool(await self._read(lambda db: db.value("any_suppressed")))

    async def suppressed(self, addresses: Sequence[str]) -> dict[str, Suppression]:
        row = await self._read(lambda db: _suppressed(db, addresses))
        return {one.address: one for one in _suppressions.decode(row)}

    async def suppressions(self, q: str | None, after: str, limit: int) -> list[Suppression]:
        row = await self._read(
            lambda db: db.value("page_suppressions", q=q, after=after, limit=limit)
        )
        return _suppressions.decode(row)

    async def suppress(self, suppression: Suppression) -> Suppression:
        row = await self._write(lambda db: _put(db, suppression))
        self.suppression_changes += 1
        [kept] = _suppressions.decode(row)
        return kept

    async def allow(self, address: str) -> bool:
        removed: int = await self._write(lambda db: db.run("delete_suppression", address=address))
        self.suppression_changes += 1
        return removed > 0

    async def unknown_errors(self, limit: int) -> list[UnknownError]:
        return _unknown.decode(await self._read(lambda db: db.value("unknown_errors", limit=limit)))


def count_unknown(db: Db, texts: Sequence[str], at: int) -> None:
    """Count errors that no rule knows, each by its shape."""
    if not texts:
        return
    kinds: dict[str, list[str]] = {}
    for said in texts:
        kinds.setdefault(fingerprint(said), []).append(said)
    rows = [(kind, example(said[0]), len(said), at) for kind, said in kinds.items()]
    db.run("count_unknown", rows=text(rows), most=MOST_UNKNOWN)


def _file(db: Db, message_ids: Sequence[str], decide: Decide) -> Filing | None:
    for message_id in message_ids:
        candidates = _having(db, message_id)
        if candidates:
            filing = decide(message_id, candidates, lambda prints: _known(db, prints))
            _write_down(db, filing)
            return filing
    return None


def _having(db: Db, message_id: str) -> list[Candidate]:
    # Our own Message-IDs begin with the mail's token.
    token = message_id.strip("<>").partition("@")[0]
    found = db.value("bounced_mails", message_id=message_id, token=token, limit=MOST_CANDIDATES)
    return _candidates.decode(found)


def _known(db: Db, fingerprints: Sequence[str]) -> set[str]:
    return set(_names.decode(db.value("known_bounces", fingerprints=text(list(fingerprints)))))


def _write_down(db: Db, filing: Filing) -> None:
    """Proofs first, so that a mail is told to be sent before it is told to have bounced."""
    for proof in filing.proofs:
        mail = _mail.decode(db.value("read_row", seq=proof.seq))
        update(db, mail, Change(delivery=proof.delivery, event=proof.event))
    if filing.fresh:
        db.run("insert_bounces", rows=text(filing.fresh))
        count_unknown(db, filing.unknown, filing.fresh[0].received_at)
    if filing.suppressions:
        db.run("add_suppressions", rows=text(filing.suppressions))
    report(db, filing.events)


def _suppressed(db: Db, addresses: Sequence[str]) -> Any:
    return db.value("suppressed_among", addresses=text(list(addresses)))


def _put(db: Db, suppression: Suppression) -> Any:
    db.run("put_suppression", **msgspec.structs.asdict(suppression))
    return _suppressed(db, [suppression.address])
