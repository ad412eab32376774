"""So many calls at once, in all and to one host; the others wait in the order they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class NoPlace(Exception):
    """None became free in time."""


class Places:
    """`most` in all, `most_each` of them for one host: a slow one leaves places for the rest."""

    def __init__(self, most: int, most_each: int, wait_seconds: float) -> None:
        self._all = asyncio.Semaphore(most)
        self._most_each = most_each
        self._wait_seconds = wait_seconds
        # One lives for as long as somebody waits for it or has a place of it.
        self._each: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def one(self, host: str) -> AsyncIterator[None]:
        """Wait for a place, and have it. Raises `NoPlace`."""
        each = self._each.get(host)
        if each is None:
            each = self._each[host] = asyncio.Semaphore(self._most_each)
        if each.locked() or self._all.locked():
            await self._waited(each)
        else:
            # There is a place now: neither waits, and what a time-out costs is spared.
            await each.acquire()
            await self._all.acquire()
        try:
            yield
        finally:
            self._all.release()
            each.release()

    async def _waited(self, each: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                # In this order: who waits for its host has taken no place from the others.
                await each.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    each.release()
                    raise
        except TimeoutError:
            raise NoPlace from None
