"""Work that was begun for a call and is finished though the call may end before it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class UnderWay:
    """What is under way. A caller that hangs up in the middle of a write cancels none of it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def finished(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work comes to; it goes on by itself where the one who waits is cancelled."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def ended(self, seconds: float) -> None:
        """Wait until nothing is under way, and so long at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
