"""Charts: what a script draws as stacked bars, and the same in words and as a table."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from franking.core.fault import sentence
from franking.core.rules.sentences import STEPS
from franking.office.looking import Figures, Window
from franking.web import show

# So many categories have a colour of their own; what is left is drawn as one.
MOST_CATEGORIES = 6

WINDOWS = {
    Window.HOUR: "Last hour",
    Window.DAY: "Last 24 hours",
    Window.WEEK: "Last 7 days",
}
# Each thing that happens with its words; where two stand on each other, the first is below.
WHATS = {
    "sent": "Sent",
    "failed": "Failed",
    "in_doubt": "In doubt",
    "limited": "Rate limited",
}
WHO = {
    "rep": "The rep",
    "administrator": "An administrator",
    "nobody": "Nobody",
}


class Series(msgspec.Struct, frozen=True):
    """One colour of a chart: how often something happened in each slot. `tone` ends the name of
    the style sheet's variable."""

    label: str
    tone: str
    values: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.values)


class Chart(msgspec.Struct, frozen=True):
    """Series over the same slots, which begin at these times, in milliseconds, and are as wide."""

    id: str
    title: str
    whole: str
    slots: tuple[int, ...]
    width_ms: int
    series: tuple[Series, ...]

    @property
    def total(self) -> int:
        return sum(series.total for series in self.series)

    @property
    def told(self) -> str:
        """What the picture says, for who does not see it."""
        totals = ", ".join(f"{one.label.lower()} {show.count(one.total)}" for one in self.series)
        return f"{self.title}, {self.whole.lower()}: {totals}."

    @property
    def data(self) -> str:
        """What the script draws."""
        drawn = {
            "whole": self.whole,
            "width_ms": self.width_ms,
            "slots": self.slots,
            "series": self.series,
        }
        return msgspec.json.encode(drawn).decode()

    @property
    def rows(self) -> list[tuple[int, tuple[int, ...]]]:
        """A table's: the slots in which anything happened, the newest first."""
        columns = zip(*(series.values for series in self.series), strict=True)
        found = [(slot, row) for slot, row in zip(self.slots, columns, strict=True) if any(row)]
        return found[::-1]


class Failing(msgspec.Struct, frozen=True):
    """A category of failures: how many in a window, what they mean, and what who does."""

    category: str
    count: int
    percent: int
    sentence: str
    step: str
    who: str


def by_what(figures: Figures) -> Chart:
    """What became of mails."""
    series = tuple(Series(label, what, figures.counts[what]) for what, label in WHATS.items())
    return _chart("chart-mails", "What became of mails", figures, series)


def by_category(figures: Figures) -> Chart:
    """Failures by category; those that are rare are drawn together."""
    rows = [*figures.categories.items()]
    shown = rows if len(rows) <= MOST_CATEGORIES + 1 else rows[:MOST_CATEGORIES]
    series = [
        Series(show.category(name) or "Without a category", str(at), values)
        for at, (name, values) in enumerate(shown, 1)
    ]
    if rest := rows[len(shown) :]:
        series.append(Series("Others", str(len(shown) + 1), _added([row for _, row in rest])))
    return _chart("chart-failures", "Failures by category", figures, tuple(series))


def failing(figures: Figures) -> list[Failing]:
    """Every category of a window's failures, the most frequent first."""
    counts = {name: sum(values) for name, values in figures.categories.items()}
    total = sum(counts.values())
    return [_failing(name, count, total) for name, count in counts.items()]


def _failing(name: str, count: int, total: int) -> Failing:
    known = name if name in STEPS else "unknown"
    step, who = STEPS[known]
    return Failing(name, count, round(100 * count / total), sentence(known), step, who)


def _chart(id: str, title: str, figures: Figures, series: tuple[Series, ...]) -> Chart:
    whole = WINDOWS[figures.window]
    return Chart(id, title, whole, figures.slots, figures.width_ms, series)


def _added(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*rows, strict=True))
