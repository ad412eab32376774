"""Takes in what applications wrote with INSERT: looks when woken, and once a second whatever comes.

Policy. Whoever looks takes BATCH rows at a time until there are none that are due; others, in other
processes, pass over those and take the next. A store that is out of reach is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from franking.clock import Clock
from franking.core.expiry import NEVER, Expiry
from franking.core.reading import MAX_DOCUMENT_BYTES
from franking.office.inbox import Taker
from franking.stores.base import Store, StoreUnavailable

log = structlog.get_logger()

BATCH = 200
# Heals a wake that was lost, and is all there is where nobody can be woken.
POLL_SECONDS = 1.0


class Intake:
    """The intake of one process; `stirred` is told that there are mails to send. A document may
    have `most_bytes`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        stirred: Callable[[], None],
        expiry: Expiry = NEVER,
        most_bytes: int = MAX_DOCUMENT_BYTES,
    ) -> None:
        self._store = store.inbox
        self._clock = clock
        self._stirred = stirred
        self._expiry = expiry
        self._most_bytes = most_bytes
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something in the inbox."""
        self._woken.set()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("the inbox waits for the store", why=str(error))
                await asyncio.sleep(POLL_SECONDS)
            except Exception:
                log.exception("the inbox could not be taken in")
                await asyncio.sleep(POLL_SECONDS)
            await self._rest()

    async def look(self) -> int:
        """Take in what is due; how many rows were looked at."""
        next_at = await self._store.next_at()
        if next_at is None or next_at > self._clock.now():
            return 0
        count = 0
        while found := await self._batch():
            count += found
            self._stirred()
        return count

    async def _batch(self) -> int:
        now = self._clock.now()
        take = Taker(now, self._clock.new_id, self._expiry, self._most_bytes)
        return await self._store.take_in(now, BATCH, self._most_bytes, take)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
