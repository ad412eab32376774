"""What every store promises of the outbox; what returns has been committed, on disk.

An event of a touchpoint waits from the transaction on that wrote it. Those of one touchpoint are
claimed by one teller at a time, in their order; a teller that is gone is forgotten after a while,
and what it told is told again, which the event's id makes harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from franking.core.reporting import Report
from franking.stores.values import StoredEvent

# How far what waits and what is parked is counted.
MOST_COUNTED = 100_000


class Waiting(msgspec.Struct, frozen=True):
    """An event that an outlet has yet to hear, and how often it was tried."""

    seq: int
    touchpoint_id: str
    tries: int
    event: StoredEvent
    error: str | None = None


class Unheard(msgspec.Struct, frozen=True):
    """A waiting or parked event, as people look at it."""

    seq: int
    touchpoint_id: str
    state: str
    tries: int
    kind: str
    mail: str
    occurred_at: int
    event_id: str
    body: dict[str, Any]
    tried_at: int | None = None
    error: str | None = None


class Pause(msgspec.Struct, frozen=True):
    """Until when the outlet hears nothing, since when, and why."""

    paused_until: int | None = None
    reason: str | None = None
    since: int | None = None


class OutboxCounts(msgspec.Struct, frozen=True):
    """How many events wait and are parked, and how the outlet stands."""

    waiting: int = 0
    parked: int = 0
    oldest_at: int | None = None
    paused_until: int | None = None
    reason: str | None = None
    since: int | None = None


class OutboxStore(Protocol):
    """The outbox of a store. Each call raises `StoreUnavailable` where the store does."""

    async def claim(self, now: int, limit: int, each: int, until: int) -> list[Waiting]:
        """The first `each` waiting events of up to `limit` touchpoints that are due, together by
        touchpoint and in order; nobody else gets those touchpoints before `until`."""

    async def settle(self, reports: Sequence[Report]) -> None:
        """Write what became of events. Those of a touchpoint come in one call, and free it."""

    async def free(self, touchpoints: Sequence[tuple[str, int]]) -> None:
        """Touchpoints that were claimed and not told may be claimed again from then on."""

    async def next_due(self) -> int | None:
        """When the next event may be told."""

    async def pause(self, until: int | None, reason: str | None, now: int) -> None:
        """The outlet hears nothing until then; it does again where that is None."""

    async def paused(self) -> Pause:
        """Whether the outlet is paused."""

    async def counts(self) -> OutboxCounts:
        """How it stands; no more than MOST_COUNTED are counted."""

    async def page(
        self, state: str | None, touchpoint: str | None, after: int | None, limit: int
    ) -> list[Unheard]:
        """What was not heard yet, newest first."""

    async def resend(self, seq: int | None, touchpoint: str | None, now: int, limit: int) -> int:
        """Parked events wait again: one, those of a touchpoint, or all; how many do."""

    async def events_of(self, touchpoint: str, limit: int) -> list[StoredEvent]:
        """The events of a touchpoint, in the order of its sequence."""

    async def report_again(self, seqs: Sequence[int], now: int) -> None:
        """Events that were told wait again."""
