"""Passes on that another process has committed: at once, and then not oftener than makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# Where news come all the time, who looks for work looks so often.
EVERY_SECONDS = 0.02


class News:
    """Calls `wake` in the loop in which it was made; `hear` may be called in any thread."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = wake
        self._resting = False
        self._more = False

    def hear(self) -> None:
        """Another process has committed."""
        self._loop.call_soon_threadsafe(self._heard)

    def _heard(self) -> None:
        if self._resting:
            self._more = True
            return
        self._resting, self._more = True, False
        self._loop.call_later(EVERY_SECONDS, self._rested)
        self._wake()

    def _rested(self) -> None:
        self._resting = False
        if self._more:
            self._heard()
