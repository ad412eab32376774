"""What every store promises of letting go (RETAIN_DAYS): in walks, a small batch at a time.

A walk looks at so many rows in the order of a key and removes some of them at most, in one
transaction; the caller comes back with the key it got. So no call costs more because there is much
to keep, and nothing is held up by what has to stay.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol

import msgspec


class Walk(StrEnum):
    """What is walked through. `mails` go with their documents, attempts, bounces and timers;
    `bounces` are those of no mail, `answers` those kept for an Idempotency-Key whose mails are
    gone, `lives` the earlier ones of timers that are still there."""

    MAILS = "mails"
    TIMERS = "timers"
    LIVES = "lives"
    EVENTS = "events"
    BOUNCES = "bounces"
    ANSWERS = "answers"


class Walked(msgspec.Struct, frozen=True):
    """Where to go on, None where the walk has come to its end; and how many rows were removed."""

    next: Any | None
    removed: int


class RetentionStore(Protocol):
    """Letting go of what is old. Each call raises `StoreUnavailable` where the store does."""

    async def walk(
        self, walk: Walk, after: Any | None, before: int, look: int, most: int
    ) -> Walked:
        """Look at the next `look` rows after a key (None: from the beginning) and remove up to
        `most` of those that ended before `before`, in milliseconds since 1970 UTC.

        What belongs to a touchpoint that is here stays with it; what somebody has yet to hear
        stays until they have."""
