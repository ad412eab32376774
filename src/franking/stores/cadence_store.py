"""What every store promises of the embedded package's own rows: touchpoints and conquer errors.

A change reads the touchpoint and writes all of it in one write, with its children, in one
transaction; what is returned has been committed, on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from franking.core.touchpoint import ConquerError, Touchpoint

MOST_CHILDREN = 1_000


class Found(msgspec.Struct, frozen=True):
    """A touchpoint as it was read. `last_error` is its newest child with the status Error;
    `known`: it has a child of the event that was asked about. `unfinished` is JSON."""

    touchpoint: Touchpoint
    last_error: ConquerError | None = None
    known: bool = False
    unfinished: bytes | None = None


class Write(msgspec.Struct, frozen=True):
    """What to write: all of the touchpoint, children to add, and what is unfinished from now on."""

    touchpoint: Touchpoint
    children: tuple[ConquerError, ...] = ()
    unfinished: bytes | None = None


class TouchpointFilter(msgspec.Struct, frozen=True):
    """Which touchpoints to list; `q` is the beginning of words of the recipient, the subject, the
    cadence member or the id, `after` the last `seq` seen."""

    status: str | None = None
    category: str | None = None
    member: str | None = None
    q: str | None = None
    after: int | None = None


class LookedTouchpoints(msgspec.Struct, frozen=True):
    """The newest touchpoints that match. `next` is where to look on, None where all was looked
    through; with fewer touchpoints than were asked for and a `next`, the look ended at its limit.
    """

    touchpoints: tuple[Touchpoint, ...] = ()
    next: int | None = None


DecideTouchpoint = Callable[[Found | None], Write | None]


class CadenceStore(Protocol):
    """The package's rows in a store. Each call raises `StoreUnavailable` where the store does."""

    async def create(self, touchpoint: Touchpoint, unfinished: bytes | None) -> None:
        """Insert a touchpoint. Raises `AlreadyExists`."""

    async def forget(self, id: str) -> None:
        """Remove a touchpoint that was never there for anybody."""

    async def change(
        self, id: str, decide: DecideTouchpoint, event_id: str | None = None
    ) -> Touchpoint | None:
        """Read a touchpoint and write what `decide` says; the touchpoint as it is then. What
        `decide` raises is raised, and changed nothing. A child of a known event is not added."""

    async def read(self, id: str) -> tuple[Touchpoint, tuple[ConquerError, ...]] | None:
        """One touchpoint with its children, newest first; deleted ones too."""

    async def children(self, ids: Sequence[str]) -> list[tuple[ConquerError, ...]]:
        """The children of each of these touchpoints, newest first, in the order of the ids."""

    async def page(self, filter: TouchpointFilter, limit: int) -> list[Touchpoint]:
        """The newest touchpoints that match, deleted ones left out."""

    async def look(self, filter: TouchpointFilter, limit: int, most: int) -> LookedTouchpoints:
        """The newest touchpoints that match, deleted ones left out, found by looking through up to
        `most` of those that the narrowest index names."""

    async def count(self, filter: TouchpointFilter, most: int) -> int:
        """How many match, among the newest `most` that the narrowest index names."""

    async def statuses(self, most: int) -> dict[str, int]:
        """How many touchpoints are in each status, each counted up to `most`."""

    async def errors(
        self, touchpoint: str | None, status: str | None, after: int | None, limit: int
    ) -> list[tuple[int, ConquerError]]:
        """The newest conquer errors, each with its number."""

    async def unfinished(self, limit: int) -> list[tuple[Touchpoint, bytes]]:
        """Touchpoints for which something is still to be done, oldest first, and what."""

    async def after(self, seq: int, limit: int) -> list[Touchpoint]:
        """Touchpoints made after the one numbered `seq`, oldest first, deleted ones too."""
