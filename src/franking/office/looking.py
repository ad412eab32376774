"""The door for people who look: lists of mails, what happened when, and how things stand now."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.core.delivery import WAITING
from franking.core.prediction import Expectation, held
from franking.stores.base import (
    Filter,
    HeldAccount,
    Line,
    Looked,
    Mail,
    OutboxCounts,
    Stock,
    Store,
    Tallied,
)

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
# So many mails one list looks through.
MOST_LOOKED = 20_000
MOST_HELD = 20
WHATS = ("sent", "failed", "in_doubt", "limited")
FAILURES = ("failed", "in_doubt")


class Window(StrEnum):
    """How far back figures reach, to now."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class Figures(msgspec.Struct, frozen=True):
    """How often each thing happened in each slot of a window.

    `slots` are the times, in milliseconds, at which they begin; the last one holds now. `counts`
    has all of WHATS, `categories` those of the failures that there were, the most frequent first.
    """

    window: Window
    width_ms: int
    slots: tuple[int, ...]
    counts: dict[str, tuple[int, ...]]
    categories: dict[str, tuple[int, ...]]

    @property
    def totals(self) -> dict[str, int]:
        """How often each thing happened in the whole window."""
        return {what: sum(counts) for what, counts in self.counts.items()}


class Present(msgspec.Struct, frozen=True):
    """How things stand now; when the mail that is due for longest goes is `expected`."""

    stock: Stock
    oldest: Line | None
    expected: Expectation | None
    held: tuple[HeldAccount, ...]
    outbox: OutboxCounts


class Looking:
    """The door to what a store shows."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def mails(self, filter: Filter, limit: int) -> Looked:
        """The newest mails that match, looked for among MOST_LOOKED."""
        found = await self._store.look.mails(filter, limit, MOST_LOOKED)
        now = self._clock.now()
        return replace(found, lines=tuple(_shown(line, now) for line in found.lines))

    async def figures(self, window: Window) -> Figures:
        """What happened in the last hour, day or week, the slot of now with it."""
        step_ms, width_ms, count = SLOTS[window]
        now = self._clock.now()
        since = now - now % width_ms - (count - 1) * width_ms
        slots = tuple(range(since, now + 1, width_ms))
        tallied = await self._store.look.tally(step_ms, since, width_ms)
        counts = {what: _row(slots, [one for one in tallied if one.what == what]) for what in WHATS}
        return Figures(window, width_ms, slots, counts, _categories(slots, tallied))

    async def present(self) -> Present:
        """How things stand now."""
        now, look = self._clock.now(), self._store.look
        oldest = await look.oldest_waiting()
        return Present(
            stock=await look.stock(now),
            oldest=None if oldest is None else _shown(oldest, now),
            expected=None if oldest is None else await self.expected(oldest.mail),
            held=tuple(await look.held_accounts(now, MOST_HELD)),
            outbox=await self._store.outbox.counts(),
        )

    async def expected(self, mail: Mail) -> Expectation | None:
        """When a waiting mail will be sent and what holds it, as far as its account tells."""
        if mail.delivery.state not in WAITING:
            return None
        due_at, now = mail.delivery.due_at, self._clock.now()
        return await self._store.accounts.expected(mail.account, mail.priority, due_at, now)

    async def pulse(self) -> int:
        """A number that is another one after anything was committed."""
        return await self._store.look.pulse()


def current(mail: Mail, now: int) -> Mail:
    """A mail whose account holds it no more, or does not yet, is told without that hold."""
    if mail.hold is None or held(mail.hold, mail.delivery.due_at, now).because is not None:
        return mail
    return replace(mail, hold=None)


def _shown(line: Line, now: int) -> Line:
    return replace(line, mail=current(line.mail, now))


def _categories(slots: Sequence[int], tallied: Sequence[Tallied]) -> dict[str, tuple[int, ...]]:
    failures = [one for one in tallied if one.what in FAILURES]
    rows = {
        category: _row(slots, [one for one in failures if one.category == category])
        for category in {one.category for one in failures}
    }
    return dict(sorted(rows.items(), key=lambda row: (-sum(row[1]), row[0])))


def _row(slots: Sequence[int], tallied: Sequence[Tallied]) -> tuple[int, ...]:
    """How often in each slot; what a clock that ran ahead counted later than now is left out."""
    counts = dict.fromkeys(slots, 0)
    for one in tallied:
        if one.slot in counts:
            counts[one.slot] += one.count
    return tuple(counts.values())


# Counted by, wide, and how many: milliseconds, milliseconds, slots.
SLOTS = {
    Window.HOUR: (MINUTE_MS, MINUTE_MS, 60),
    Window.DAY: (HOUR_MS, HOUR_MS, 24),
    Window.WEEK: (HOUR_MS, 6 * HOUR_MS, 28),
}
