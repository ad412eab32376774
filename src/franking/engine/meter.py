"""What one process counts of its own work, for whoever watches it: kept in memory, never written.

Every count only grows, and begins at nothing when the process does, as Prometheus expects it.
Nothing is counted by mail, address or account: what there may be many of is no key here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from franking.core.attempt import Settlement
from franking.core.rules import SENTENCES

# The upper ends of the buckets that durations are counted in, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# Where a mail's time goes: until it is claimed, then by stage, then until its end is on disk.
STAGES = ("waiting", "claimed", "composed", "transmitting", "answered", "settling")
# Of a category that none of our rules names.
OTHER = "other"
PAUSES = ("limited", "disconnected")


class Durations:
    """A histogram: how many took up to each of BOUNDS, the longer ones last, and their sum."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def saw(self, milliseconds: int) -> None:
        """One that took so long; a clock that was set back makes it nothing."""
        seconds = max(milliseconds, 0) / 1000
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Meter:
    """The counts of one process.

    `attempts` by how they ended and of which category, `stages` the time in each of STAGES,
    `lapses` leases that ran out and were `released` or `expired`, `lost` settlements whose lease
    was no longer ours, `pauses` accounts that met a limit or were disconnected, `events` told to
    the outlet or parked, `telling` from a fact to its being told, `timers` calls by their end,
    `removed` what retention deleted.
    """

    def __init__(self) -> None:
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.stages = {stage: Durations() for stage in STAGES}
        self.lapses: Counter[str] = Counter()
        self.lost = 0
        self.pauses: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.telling = Durations()
        self.timers: Counter[str] = Counter()
        self.removed: Counter[str] = Counter()

    def settled(
        self, settlement: Settlement, steps: Sequence[Mapping[str, Any]], due_at: int
    ) -> None:
        """An attempt has ended; `steps` are when it came to each stage, `due_at` when it could."""
        attempt = settlement.attempt
        self.attempts[attempt.event, named(attempt.category)] += 1
        if settlement.news is not None and settlement.news.kind in PAUSES:
            self.pauses[settlement.news.kind] += 1
        stage, since = "waiting", due_at
        for step in steps:
            if "stage" in step:
                self.stages[stage].saw(step["at"] - since)
                stage, since = step["stage"], step["at"]
        self.stages[stage].saw(attempt.ended_at - since)

    def wrote(self, held: bool, milliseconds: int) -> None:
        """The end of an attempt was on disk so long after it came; was its lease still held?"""
        self.lost += not held
        self.stages["settling"].saw(milliseconds)

    def told(self, end: str, milliseconds: int) -> None:
        """The outlet heard of an event so long after it happened, or it was parked."""
        self.events[end] += 1
        if end == "told":
            self.telling.saw(milliseconds)


def named(category: str | None) -> str:
    """A category as it may be counted: one of ours, empty where there is none."""
    if category is None:
        return ""
    return category if category in CATEGORIES else OTHER


CATEGORIES = frozenset(SENTENCES)
