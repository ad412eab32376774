"""Many callers of one moment, one call: what is asked within one turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(Generic[Item, Result]):
    """Collects items and hands them to `call` together; each caller gets its own result.

    An exception of the call is every caller's.
    """

    def __init__(
        self, call: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], most: int = 1_000_000
    ) -> None:
        self._call = call
        self._most = most
        self._asked: list[tuple[Item, asyncio.Future[Result]]] = []
        self._calls: set[asyncio.Task[None]] = set()

    def ask(self, item: Item) -> asyncio.Future[Result]:
        """The future result for one item."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._flush)
        self._asked.append((item, future))
        return future

    def _flush(self) -> None:
        asked, self._asked = self._asked, []
        for first in range(0, len(asked), self._most):
            task = asyncio.create_task(self._answer(asked[first : first + self._most]))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _answer(self, asked: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._call([item for item, _ in asked])
        except BaseException as error:
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(asked, results, strict=True):
            if not future.done():
                future.set_result(result)
