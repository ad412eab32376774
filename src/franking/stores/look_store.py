"""What every store promises to people who look: mails as lines, what happened when, what waits.

Nothing here is written to by who looks, and nothing costs more because there are a million mails:
a list looks through so many mails at most and says how far it came, a count ends at a limit, and
what happened is counted as it happens. Each call raises `StoreUnavailable` where the store does.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from franking.stores.values import Filter, Mail

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
# How far mails and timers are counted that are in a state now.
MOST_COUNTED = 100_000
# How long what happened in a minute, and in an hour, is kept.
MINUTES_KEPT_MS = 2 * 24 * HOUR_MS
HOURS_KEPT_MS = 400 * 24 * HOUR_MS


class Line(msgspec.Struct, frozen=True):
    """A mail as a list shows it: without its document, but for whom it is for and its subject."""

    mail: Mail
    recipient: str | None = None
    subject: str | None = None


class Looked(msgspec.Struct, frozen=True):
    """The newest lines that match. `next` is where to look on, None where all was looked through;
    with fewer lines than were asked for and a `next`, the look ended at its limit."""

    lines: tuple[Line, ...] = ()
    next: int | None = None


class Tallied(msgspec.Struct, frozen=True):
    """How often something happened in the time from `slot` on: `sent`, `failed`, `in_doubt` or
    `limited`. `category` says why, empty for what was sent."""

    slot: int
    what: str
    category: str
    count: int


class Stock(msgspec.Struct, frozen=True):
    """How many mails wait, are being sent, stand in ERROR and are in doubt now, each counted up to
    MOST_COUNTED; and how many accounts are paused and disconnected."""

    waiting: int = 0
    sending: int = 0
    failed: int = 0
    in_doubt: int = 0
    paused: int = 0
    disconnected: int = 0


class HeldAccount(msgspec.Struct, frozen=True):
    """An account that sends nothing now: disconnected, or paused until then, and why."""

    id: str
    state: str
    reason: str | None = None
    since: int | None = None
    paused_until: int | None = None
    pauses: int = 0


class LookStore(Protocol):
    """What people look at in a store."""

    async def mails(self, filter: Filter, limit: int, most: int) -> Looked:
        """The newest mails that match, remainders left out, found by looking through up to `most`
        of those that the narrowest index names."""

    async def tally(self, step_ms: int, since: int, width_ms: int) -> list[Tallied]:
        """What happened since then, counted by minutes or hours (`step_ms`), in slots of
        `width_ms`, the earliest first."""

    async def stock(self, now: int) -> Stock:
        """What there is now."""

    async def oldest_waiting(self) -> Line | None:
        """The waiting mail that has been due for longest, or is due next."""

    async def held_accounts(self, now: int, limit: int) -> list[HeldAccount]:
        """Accounts that send nothing now, the disconnected ones first."""

    async def forget_tally(self, now: int, limit: int) -> int:
        """Delete up to `limit` counts that are too old to be kept; how many were deleted."""

    async def pulse(self) -> int:
        """A number that is another one after anything was committed, by whomever."""
