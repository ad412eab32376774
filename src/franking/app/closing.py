"""Parts that are closed together, the last that was begun first."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol, TypeVar


class Part(Protocol):
    """What is to be closed."""

    async def close(self) -> None: ...


P = TypeVar("P", bound=Part)


class Closing:
    """Has what it is given closed with the others of `parts`, and gives it back."""

    def __init__(self, parts: AsyncExitStack) -> None:
        self._parts = parts

    def __call__(self, part: P) -> P:
        self._parts.push_async_callback(part.close)
        return part
