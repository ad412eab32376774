"""Mails that wait for something before they can be composed, and take no place meanwhile.

So another's server that does not answer, or a template that wants too much, holds up nobody else:
as many mails as ever are claimed beside those that wait, until too many do, or what is held of
them is too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# More than that, and no other mail is claimed until some have what they wait for.
MOST_WAITING = 1_000
# Where the documents that are held have more, those that wait take places as all others do.
WAITING_OCTETS = 64 * 1024 * 1024


class Waiting:
    """`count` of them wait now. `stirred` is called when one begins to."""

    def __init__(self, stirred: Callable[[], None]) -> None:
        self._stirred = stirred
        self.count = 0

    @contextmanager
    def counted(self, after_seconds: float = 0.0) -> Iterator[None]:
        """A mail waits in here; what takes no longer than `after_seconds` counts for nothing."""
        begun = False

        def begin() -> None:
            nonlocal begun
            begun = True
            self.count += 1
            self._stirred()

        timer = None
        if after_seconds:
            timer = asyncio.get_running_loop().call_later(after_seconds, begin)
        else:
            begin()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            self.count -= begun


def _nobody() -> None:
    """There is nobody to stir."""


def nobody_waits() -> Waiting:
    """For those for whom nothing is waited for."""
    return Waiting(_nobody)
