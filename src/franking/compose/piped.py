"""A child process behind two pipes: frames go in and answers come out, in order.

A frame is a length of four octets, big-endian, and so many octets.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress

_HEAD_OCTETS = 4


class Lost(Exception):
    """The child ended, or was ended since it had hung."""


class Piped:
    """One child. What is sent is answered in order, each within `hang_seconds`."""

    def __init__(self, process: Process, hang_seconds: float) -> None:
        self._process = process
        self._hang_seconds = hang_seconds

    def send(self, frames: list[bytes]) -> None:
        """Hand over requests, all at once; it takes them when it can."""
        assert self._process.stdin is not None
        heads = (len(frame).to_bytes(_HEAD_OCTETS, "big") for frame in frames)
        with suppress(OSError, RuntimeError):  # it is gone: reading tells
            self._process.stdin.writelines(
                [part for pair in zip(heads, frames, strict=True) for part in pair]
            )

    async def read(self, seconds: float | None = None) -> bytes:
        """The next answer, within `hang_seconds` if no other time is given. Raises `Lost`."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(self._hang_seconds if seconds is None else seconds):
                head = await self._process.stdout.readexactly(_HEAD_OCTETS)
                return await self._process.stdout.readexactly(int.from_bytes(head, "big"))
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            raise Lost from None

    async def end(self) -> int:
        """End it, if it has not ended; by which signal it did, negative, or its exit code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()

    async def ended(self) -> int:
        """As `end`, where its output has ended and so it is about to by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return await self._process.wait()
        return await self.end()

    @property
    def pid(self) -> int:
        return self._process.pid
