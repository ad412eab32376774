"""What a restored database needs before anything is sent: the same on every one.

Policy. A backup knows nothing of what happened since. What had not ended may have gone out, so it
ends in doubt, each with an attempt of its own that says why; and every number that others compare
begins beyond what may have been given since: epochs, so that a worker which outlived the database
holds no lease that is given again; sequences, so that the CRM does not take what is new for old;
numbers of events, so that listeners who were further wait for none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from franking.core.attempt import Attempt
from franking.core.delivery import Outcome, Stage
from franking.stores.base import Change, Decide, Stored
from franking.stores.queries import Db
from franking.stores.rows import text
from franking.stores.writes import change

EPOCH_GAP = 1_000_000_000
SEQUENCE_GAP = 1_000_000
EVENT_GAP = 1_000_000_000
# So many touchpoints' sequences are written by one statement, which has an end on every database.
SEQUENCES_AT_ONCE = 50_000
WORKER = "db after-restore"

Run = Callable[..., Awaitable[Any]]


class RestoringRows:
    """`franking.stores.restoring_store.RestoringStore`; `write` runs a script."""

    def __init__(self, write: Run) -> None:
        self._write = write

    async def end(self, later: int | None, limit: int, decide: Decide, at: int) -> int:
        found: int = await self._write(lambda db: _ended(db, later, limit, decide, at))
        return found

    async def skip(self) -> None:
        await self._write(_skipped)


def _ended(db: Db, later: int | None, limit: int, decide: Decide, at: int) -> int:
    ids = _names.decode(db.value("unfinished_mails", later=later, limit=limit))
    for id in ids:
        before: list[Stored] = []

        def kept(stored: Stored | None, before: list[Stored] = before) -> Change | None:
            before.extend([] if stored is None else [stored])
            return decide(stored)

        after = change(db, id, kept)
        if after is not None:
            db.run("insert_attempts", rows=text([_attempt(db, before[0], after, at)]))
    return len(ids)


def _attempt(db: Db, before: Stored, after: Stored, at: int) -> Attempt:
    """What the timeline tells of it: as far as an attempt may have come that nobody knows of."""
    delivery = after.mail.delivery
    return Attempt(
        mail=after.mail.id,
        epoch=db.value("draw_epochs", count=1),
        number=delivery.attempts,
        revision=before.mail.revision,
        event="restored",
        stage=Stage.TRANSMITTING,
        outcome=Outcome.UNKNOWN,
        started_at=at,
        ended_at=at,
        error=delivery.error,
        category=delivery.category,
        worker=WORKER,
    )


def _skipped(db: Db) -> None:
    db.run("skip_epochs", gap=EPOCH_GAP)
    after = ""
    while (last := db.value("sequences_after", after=after, limit=SEQUENCES_AT_ONCE)) is not None:
        db.run("skip_sequences", gap=SEQUENCE_GAP, after=after, last=last)
        after = last
    db.run("skip_events", gap=EVENT_GAP)


_names = msgspec.json.Decoder(list[str])
