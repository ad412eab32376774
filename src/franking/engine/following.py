"""Keeps a process's clock by the database's, and says so when this machine's own is far off.

Policy. The time there is asked at the start, whenever the connection was made anew (it may be to
another server) and once a minute; an answer that took long says little and is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from franking.clock import Clock, FollowingClock, Sighting
from franking.stores.base import StoreUnavailable

log = structlog.get_logger()

ASK_MS = 60_000
LOOK_SECONDS = 1.0


class Follower:
    """Follows the time that `ask` tells; `connects` grows with each new connection, `right` is
    called when the machine's clock is right again."""

    def __init__(
        self,
        clock: FollowingClock,
        ask: Callable[[Clock], Awaitable[Sighting]],
        connects: Callable[[], int],
        right: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._connects = connects
        self._right = right
        self._connected = -1
        self._ask_at = 0
        self._astray = False

    async def run(self) -> None:
        """Follow until cancelled. A store that is out of reach is asked again and again."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("the database's time is not known", why=str(error))
            except Exception:
                log.exception("the database's time could not be followed")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ask if it is time to, and tell of what changed. Raises `StoreUnavailable`."""
        self._tell()
        connects, now = self._connects(), self._clock.steady_ms()
        if connects == self._connected and now < self._ask_at:
            return
        if self._clock.see(await self._ask(self._clock)):
            self._connected, self._ask_at = connects, now + ASK_MS
        self._tell()

    def _tell(self) -> None:
        before, self._astray = self._astray, self._clock.astray()
        off_seconds = self._clock.off_ms() / 1000
        if self._astray and not before:
            log.error("the clock is off: nothing is claimed here", off_seconds=off_seconds)
        elif before and not self._astray:
            log.info("the clock is right again", off_seconds=off_seconds)
            self._right()
