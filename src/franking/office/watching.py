"""How everything stands, for whoever watches it: the door of `/metrics`.

Policy. What is asked for within ASKED_MS of the last answer gets that answer, so that several who
watch cost no more than one; those who ask at the same time share one look. A store that is out of
reach, or does not answer within a time, is told as such: what this process counted of its own is
there all the same.
"""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from franking.clock import Clock
from franking.stores.base import (
    InboxCounts,
    OutboxCounts,
    Store,
    StoreUnavailable,
    Tallied,
    Usage,
    Watched,
)

ASKED_MS = 1_000
ANSWER_SECONDS = 5.0
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

log = structlog.get_logger()


class Standing(msgspec.Struct, frozen=True):
    """What there was at `at`: `last_hour` is what happened in the 60 minutes to then, `due_since`
    when the mail was due that has been for longest."""

    at: int
    watched: Watched
    outbox: OutboxCounts
    last_hour: tuple[Tallied, ...] = ()
    inbox: InboxCounts = InboxCounts()
    due_since: int | None = None


class Watching:
    """The door for whoever watches a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asked_at: int | None = None
        self._last: Standing | None = None
        self._looking = asyncio.Lock()

    async def standing(self) -> Standing | None:
        """How things stand, a moment ago at most; None where the store does not say."""
        async with self._looking:
            now = self._clock.steady_ms()
            if self._asked_at is None or not 0 <= now - self._asked_at < ASKED_MS:
                self._last = await self._looked()
                self._asked_at = now
            return self._last

    def usage(self) -> Usage:
        """How busy this process's part of the store is."""
        return self._store.watch.usage()

    async def _looked(self) -> Standing | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._read()
        except (TimeoutError, StoreUnavailable) as error:
            log.warning("the store can't be watched", why=str(error) or "it does not answer")
            return None

    async def _read(self) -> Standing:
        now, look = self._clock.now(), self._store.look
        oldest = await look.oldest_waiting()
        since = now - now % MINUTE_MS - HOUR_MS + MINUTE_MS
        return Standing(
            at=now,
            watched=await self._store.watch.watched(now),
            outbox=await self._store.outbox.counts(),
            inbox=await self._store.inbox.standing(now),
            last_hour=tuple(await look.tally(MINUTE_MS, since, HOUR_MS)),
            due_since=None if oldest is None else oldest.mail.delivery.due_at,
        )
