"""What every way to the timers promises, in this process or over gRPC to another.

The proxy in front of Skyring's clients speaks to this, and cannot tell which way it has. Refusals
are exceptions with words for the caller: `BadTimer` (what was asked), `TimerExists`, `NoTimer`,
`TimerRefused` (its state), `KeyReused`, `Unreachable`, `StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from franking.core.timer import Life, Timer
from franking.core.timer.request import Asked, BadTimer
from franking.stores.base import NotFound, TimerFilter

__all__ = [
    "BadTimer",
    "Key",
    "Listed",
    "NewTimer",
    "NoTimer",
    "TimerDoor",
    "TimerExists",
    "TimerFilter",
    "TimerRefused",
    "Told",
    "Unreachable",
]


class NoTimer(NotFound):
    """There is no such timer, or it has ended and can't be changed any more."""


class TimerExists(Exception):
    """A timer with that id is scheduled or being served."""


class TimerRefused(Exception):
    """The timer's state does not allow it now; `reason` is a word, `at` when it goes by itself."""

    def __init__(self, text: str, reason: str, at: int | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.at = at


class Unreachable(Exception):
    """The Data API is out of reach."""


class NewTimer(msgspec.Struct, frozen=True):
    """A timer to create; without an id it gets one."""

    asked: Asked
    id: str | None = None


class Key(msgspec.Struct, frozen=True):
    """An Idempotency-Key: `scope` names the credential and the route, `fingerprint` the body."""

    key: str
    scope: str
    fingerprint: str


class Told(msgspec.Struct, frozen=True):
    """A timer with its earlier lives, oldest first."""

    timer: Timer
    lives: tuple[Life, ...] = ()


class Listed(msgspec.Struct, frozen=True):
    """A page of timers, newest first; `next` is where the next page begins."""

    timers: tuple[Timer, ...]
    next: int | None = None


class TimerDoor(Protocol):
    """The door to timers. `caller` is what a caller showed of itself, for a door that hands on."""

    async def create(
        self, timers: Sequence[NewTimer], key: Key | None = None, caller: str | None = None
    ) -> list[Timer | Exception]:
        """Create up to 1,000 timers; for each the timer, on disk, or why it was refused."""

    async def read(self, id: str, caller: str | None = None) -> Told:
        """One timer. Raises `NoTimer`."""

    async def page(self, filter: TimerFilter, limit: int, caller: str | None = None) -> Listed:
        """The newest timers that match."""

    async def replace(
        self, id: str, asked: Asked, key: Key | None = None, caller: str | None = None
    ) -> Timer:
        """Delete and create in one: the countdown restarts. Raises `NoTimer`, `TimerRefused`."""

    async def delete(
        self, id: str, caller: str | None = None, touchpoint: str | None = None
    ) -> Timer:
        """Drop what is still to come. Raises `NoTimer`, `TimerRefused`.

        A timer that has a touchpoint is deleted only through it: by who names it.
        """

    async def retry(
        self,
        id: str,
        *,
        force: bool = False,
        mail: Mapping[str, Any] | None = None,
        key: Key | None = None,
        caller: str | None = None,
    ) -> Timer:
        """Retry Timer; `mail` is merged into the document first. Raises `NoTimer`, `TimerRefused`,
        `BadTimer`."""
