"""The calls of a store, the same on every database: each is a script in one transaction.

What a store of one kind has of its own are its connections; it hands in how a script is run there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from franking.core.attempt import Attempt, Lease, Settlement
from franking.stores import claims, journal, reads, rows, writes
from franking.stores.accounts import AccountRows
from franking.stores.base import (
    Claimed,
    Counts,
    Decide,
    Filter,
    Lapse,
    Mail,
    NewMail,
    Once,
    Replay,
    Stored,
    StoredEvent,
    Usage,
)
from franking.stores.bounces import ReturnRows
from franking.stores.cadence import CadenceRows
from franking.stores.collections import CollectionRows, TemplateRows
from franking.stores.inbox import InboxRows
from franking.stores.keys import KeyRows
from franking.stores.look import LookRows
from franking.stores.outbox import OutboxRows
from franking.stores.queries import Db
from franking.stores.restoring import RestoringRows
from franking.stores.retention import RetentionRows
from franking.stores.retention_store import RetentionStore
from franking.stores.returns import Returns
from franking.stores.sessions import SessionRows
from franking.stores.timers import TimerRows
from franking.stores.watch import WatchRows
from franking.stores.webhooks import WebhookRows

FENCE, END, PLAIN, LAST = 0, 1, 2, 3

Run = Callable[..., Awaitable[Any]]


class StoreCalls:
    """What `franking.stores.base.Store` promises, but for opening and closing.

    `write(script, batch, urgency)` runs a script in a transaction that others share, `read(script)`
    on what was committed; `pulse` counts what was committed by whomever; `errors` are the
    database's own, which end a whole transaction.
    """

    def __init__(
        self,
        write: Run,
        read: Run,
        pulse: Callable[[], Awaitable[int]],
        usage: Callable[[], Usage],
        errors: type[Exception],
    ) -> None:
        self._write = write
        self._read = read
        self._errors = errors
        self.keys = KeyRows(write, read)
        self.sessions = SessionRows(write, read)
        self.returns: Returns = ReturnRows(write, read)
        self.accounts = AccountRows(write, read)
        self.timers = TimerRows(write, read)
        self.inbox = InboxRows(write, read)
        self.outbox = OutboxRows(write, read)
        self.webhooks = WebhookRows(write, read)
        self.cadence = CadenceRows(write, read)
        self.look = LookRows(write, read, pulse)
        self.watch = WatchRows(read, usage)
        self.retention: RetentionStore = RetentionRows(write)
        self.restoring = RestoringRows(write)
        self.templates = TemplateRows(write, read)
        self.users = CollectionRows(write, read, "users")

    async def submit(
        self, mails: Sequence[NewMail], once: Once | None = None
    ) -> list[Mail] | Replay:
        if once is None:
            return await self._write(rows.insert, mails)  # type: ignore[no-any-return]
        key, ids = once, [m.id for m in mails]
        return await self._write(  # type: ignore[no-any-return]
            lambda db: writes.once(db, key, ids, lambda: rows.insert(db, mails))
        )

    async def change(
        self, ids: Sequence[str], decide: Decide, once: Once | None = None
    ) -> list[Stored | Exception | None] | Replay:
        def script(db: Db) -> list[Stored | Exception | None]:
            writes.lock(db, ids)
            return [self._changed(db, id, decide) for id in ids]

        if once is None:
            return await self._write(script)  # type: ignore[no-any-return]
        key = once
        return await self._write(  # type: ignore[no-any-return]
            lambda db: writes.once(db, key, ids, lambda: script(db))
        )

    def _changed(self, db: Db, id: str, decide: Decide) -> Stored | Exception | None:
        try:
            return writes.change(db, id, decide)
        except self._errors:
            raise
        except Exception as error:
            return error

    async def claim(self, now: int, limit: int, lease_ms: int) -> list[Claimed]:
        found: list[Claimed] = await self._write(lambda db: claims.claim(db, now, limit, lease_ms))
        return found

    async def claim_alone(self, now: int, lease_ms: int) -> Claimed | None:
        found: Claimed | None = await self._write(lambda db: claims.claim_alone(db, now, lease_ms))
        return found

    async def suspects(self, now: int) -> bool:
        return bool(await self._read(lambda db: db.value("suspect", now=now)))

    async def transmitting(self, leases: Sequence[Lease], now: int) -> list[bool]:
        batch = [(e, now) for e in leases]
        held: list[bool] = await self._write(journal.transmitting, batch, FENCE)
        return held

    async def renew(self, leases: Sequence[Lease], expires_at: int) -> list[bool]:
        batch = [(e, expires_at) for e in leases]
        held: list[bool] = await self._write(journal.renew, batch, FENCE)
        return held

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        held: list[bool] = await self._write(journal.settle, settlements, END)
        return held

    async def sweep(self, now: int, limit: int, lapse: Lapse) -> int:
        return await self._count(lambda db: journal.sweep(db, now, limit, lapse))

    async def give_up(self, now: int, limit: int, decide: Decide) -> int:
        return await self._count(lambda db: journal.give_up(db, now, limit, decide))

    async def give_up_held(
        self, limited_before: int, disconnected_before: int, limit: int, decide: Decide
    ) -> int:
        def script(db: Db) -> int:
            return journal.give_up_held(db, limited_before, disconnected_before, limit, decide)

        return await self._count(script)

    async def delete_expired(self, now: int, limit: int) -> int:
        return await self._count(lambda db: journal.delete_expired(db, now, limit))

    async def forget_answers(self, before: int, limit: int) -> int:
        return await self._count(lambda db: db.run("forget_answers", before=before, limit=limit))

    async def _count(self, script: Callable[[Db], int]) -> int:
        count: int = await self._write(script, None, LAST)
        return count

    async def next_due(self) -> int | None:
        due: int | None = await self._read(lambda db: db.value("next_due"))
        return due

    async def read(self, id: str) -> Stored | None:
        found: Stored | None = await self._read(lambda db: reads.read(db, id))
        return found

    async def page(self, filter: Filter, limit: int) -> list[Stored]:
        found: list[Stored] = await self._read(lambda db: reads.page(db, filter, limit))
        return found

    async def matching(self, filter: Filter, limit: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = await self._read(
            lambda db: reads.matching(db, filter, limit)
        )
        return found

    async def timeline(self, id: str) -> list[Attempt]:
        found: list[Attempt] = await self._read(lambda db: reads.timeline(db, id))
        return found

    async def events(self, after: int, limit: int) -> list[StoredEvent]:
        found: list[StoredEvent] = await self._read(lambda db: reads.events(db, after, limit))
        return found

    async def last_event(self) -> int:
        last: int = await self._read(lambda db: db.value("last_event"))
        return last

    async def counts(self, now: int, grace_ms: int) -> Counts:
        counts: Counts = await self._read(lambda db: reads.counts(db, now, grace_ms))
        return counts
