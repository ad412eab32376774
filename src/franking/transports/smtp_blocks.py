"""A mail's content on its way to the socket, in blocks that each have their own time-out."""

from __future__ import annotations

from collections.abc import Callable

# RFC 5321, section 4.5.3.2.5 limits the time of each block, and leaves its size to us.
BLOCK_OCTETS = 256 * 1024


class Blocks:
    """Writes as much as the socket takes, and goes on when it takes more."""

    __slots__ = ("_left", "_paused", "_write")

    def __init__(self, write: Callable[[memoryview], None]) -> None:
        self._write = write
        self._left: memoryview | None = None
        self._paused = False

    @property
    def flowing(self) -> bool:
        """True while some of the content has not been written."""
        return self._left is not None

    def begin(self, content: bytes) -> None:
        """Write the first blocks of it."""
        self._left = memoryview(content)
        self._go_on()

    def pause(self) -> None:
        """The socket takes no more."""
        self._paused = True

    def resume(self) -> None:
        """It does again."""
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        while self._left is not None and not self._paused:
            self._write(self._left[:BLOCK_OCTETS])
            self._left = self._left[BLOCK_OCTETS:] or None
