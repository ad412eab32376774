"""What every outlet promises, and what the embedded package promises to the calls that reach it.

An outlet never raises for what its other side may say or a network may do: it answers with a
verdict (`core/reporting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec

from franking.core.reporting import Verdict
from franking.core.touchpoint import ConquerError, Touchpoint
from franking.stores.base import LookedTouchpoints, StoredEvent

# The trace (W3C) that an outlet's call belongs to, where mails are traced.
TRACEPARENT: ContextVar[str | None] = ContextVar("TRACEPARENT", default=None)

# How many touchpoints a look goes through, and how far a status is counted.
MOST_LOOKED = 10_000
MOST_STATUS = 1_000


def traced() -> dict[str, str]:
    """The headers that say so."""
    carried = TRACEPARENT.get()
    return {} if carried is None else {"traceparent": carried}


class Outlet(Protocol):
    """Tells the CRM of events, many at once, each in bounded time."""

    def side(self, event: StoredEvent) -> str:
        """Who would hear of it, by name: a trouble of one side is none of another's."""

    async def tell(self, event: StoredEvent) -> Verdict:
        """Tell of one event; raises for our own bugs alone."""

    async def close(self) -> None:
        """Hang up."""


class Answered(msgspec.Struct, frozen=True):
    """What a service of the email side answered: an HTTP status and a body."""

    status: int
    body: bytes


class OutOfReach(Exception):
    """A service could not be reached, or gave no answer in time."""


class Services(Protocol):
    """Carries the package's calls to the email side: with a socket or, in one process, without."""

    async def __call__(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answered:
        """One call. Raises `OutOfReach`."""


class Refused(Exception):
    """The package refuses what was asked, in words for the rep.

    `status` as in HTTP. `reason` is a word for programs.
    """

    def __init__(self, status: int, text: str, reason: str = "refused") -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


class BadEvent(Exception):
    """An event that the package can't take, in Apex's own shape: a code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Shown(msgspec.Struct, frozen=True):
    """A touchpoint with its children, newest first."""

    touchpoint: Touchpoint
    children: tuple[ConquerError, ...] = ()


class Taken(msgspec.Struct, frozen=True):
    """What an event came to: `applied`, `already applied` or `out of order`."""

    status: str
    shown: Shown


class RetriedMany(msgspec.Struct, frozen=True):
    """How many touchpoints were retried; the others by reason, with words and how many."""

    accepted: int = 0
    left_out: int = 0
    refused: int = 0
    why: tuple[tuple[str, str, int], ...] = ()
    next: int | None = None


class Package(Protocol):
    """The embedded package: touchpoints, and what is asked of them."""

    async def take(self, event: Mapping[str, Any]) -> Taken:
        """Apply an event of the services. Raises `BadEvent`; `Refused` where it has to wait."""

    async def create(self, given: Mapping[str, Any], id: str | None) -> Shown:
        """A touchpoint, automated or manual. Raises `Refused`."""

    async def read(self, id: str) -> Shown:
        """One touchpoint. Raises `Refused`."""

    async def page(self, filter: Mapping[str, str | None], limit: int) -> list[Shown]:
        """The newest touchpoints that match."""

    async def look(self, filter: Mapping[str, str | None], limit: int) -> LookedTouchpoints:
        """The newest touchpoints that match, without their children, found in bounded time. Raises
        `Refused`."""

    async def count(self, filter: Mapping[str, str | None]) -> int:
        """How many match, counted up to MOST_LOOKED. Raises `Refused`."""

    async def statuses(self) -> dict[str, int]:
        """How many touchpoints are in each status, each counted up to MOST_STATUS."""

    async def errors(
        self, filter: Mapping[str, str | None], limit: int
    ) -> list[tuple[int, ConquerError]]:
        """The newest conquer errors that match."""

    async def complete(self, id: str, mail: Mapping[str, Any], force: bool) -> Shown:
        """A manual email is completed, or completed again. Raises `Refused`."""

    async def retry(
        self, id: str, mail: Mapping[str, Any] | None, force: bool, key: str | None = None
    ) -> Shown:
        """Retry an automated one; a repeat with the same key is one retry. Raises `Refused`."""

    async def retry_many(self, filter: Mapping[str, Any], limit: int) -> RetriedMany:
        """Retry all that match. Raises `Refused`."""

    async def delete(self, id: str) -> None:
        """Cancel what is still to come, and forget it. Raises `Refused`."""
