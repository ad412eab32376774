"""Sleeps until a time of the wall clock, sooner when it is woken, and sees when the clock is set.

The clock may be set while somebody sleeps (NTP, a suspend, a person), so it is looked at twice a
second; that costs nothing, for nobody else is asked.
"""

from __future__ import annotations

import asyncio
import contextlib

from franking.clock import Clock
from franking.core.times import LATEST

LOOK_SECONDS = 0.5


class Alarm:
    """For one sleeper. `wake` may be called at any time, and counts for the next sleep too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()
        self._until = LATEST

    def wake(self, at: int = 0) -> None:
        """There is something to do at `at`: wakes who sleeps longer than that."""
        if at < self._until:
            self._rung.set()

    @property
    def rung(self) -> bool:
        """Would a sleep end at once?"""
        return self._rung.is_set()

    def reset(self) -> None:
        """What was rung for is about to be looked at."""
        self._rung.clear()

    async def sleep(self, until: int | None) -> None:
        """Sleep until the time, for ever where there is none, or until woken."""
        self._until = LATEST if until is None else until
        try:
            while not self._rung.is_set():
                left_ms = self._until - self._clock.now()
                if left_ms <= 0:
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left_ms / 1000, LOOK_SECONDS)):
                        await self._rung.wait()
        finally:
            self._until = LATEST
