"""Lets go of what ended long ago (RETAIN_DAYS): a small batch each time the sweeper comes by.

Policy. It walks through mails, timers, events and the rest one after the other, a batch a round;
while nothing is being sent, several. A walk that has come to its end rests, and then begins anew,
for what was too young then is older now. What had to stay is passed, so it holds nothing up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from franking.clock import Clock
from franking.engine.meter import Meter
from franking.stores.base import Store, StoreUnavailable, Walk, Walked

log = structlog.get_logger()

DAY_MS = 24 * 3_600_000
# Rows that one batch looks at, and removes at most: some ten milliseconds of the database.
LOOK = 1_000
MOST = 50
BATCHES_AT_REST = 10
REST_MS = 10 * 60_000


class Retention:
    """What one process does of it; `busy` says whether mails are being sent here."""

    def __init__(
        self, store: Store, clock: Clock, days: int, busy: Callable[[], bool], meter: Meter
    ) -> None:
        self._store = store.retention
        self._clock = clock
        self._kept_ms = days * DAY_MS
        self._busy = busy
        self._meter = meter
        self._places: dict[Walk, Any | None] = dict.fromkeys(Walk)
        self._free_at = dict.fromkeys(Walk, 0)

    async def round(self) -> None:
        """One batch, or several at rest. Raises `StoreUnavailable`."""
        for _ in range(1 if self._busy() else BATCHES_AT_REST):
            now = self._clock.steady_ms()
            walk = next((walk for walk in Walk if self._free_at[walk] <= now), None)
            if walk is None:
                return
            await self._batch(walk, now)

    async def _batch(self, walk: Walk, now: int) -> None:
        before = self._clock.now() - self._kept_ms
        try:
            walked = await self._store.walk(walk, self._places[walk], before, LOOK, MOST)
        except StoreUnavailable:
            raise
        except Exception:
            # The other walks go on; this one begins anew, later.
            log.exception("what is old could not be let go of", walk=walk)
            walked = Walked(None, 0)
        self._places[walk] = walked.next
        self._meter.removed[walk] += walked.removed
        if walked.next is None:
            self._free_at[walk] = now + REST_MS
