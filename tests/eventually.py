"""Waits for a condition, with a deadline: the only place in the tests that polls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

EVERY_SECONDS = 0.02
PATIENCE_SECONDS = 20.0


async def eventually(
    look: Callable[[], Awaitable[T | None]], seconds: float = PATIENCE_SECONDS
) -> T:
    """What `look` finds once it is neither None nor false; AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come about within {seconds} s")
        await asyncio.sleep(EVERY_SECONDS)
    return found


def until(look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """As `eventually`, where nothing is awaited."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come about within {seconds} s")
        time.sleep(EVERY_SECONDS)
    return found
