"""What a bench found: figures, the goals that they are held against, and the table of them."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from rich.table import Table

HEADINGS = ("What", "Figure", "Ratio", "Must", "Aim", "Reached")


class Goal(msgspec.Struct, frozen=True):
    """What must be reached and what is aimed at, of the figure or of its ratio."""

    must: float
    aim: float
    of_ratio: bool = False
    at_most: bool = False

    def reached(self, value: float) -> str:
        """In one word."""
        if self._within(value, self.aim):
            return "aim"
        return "must" if self._within(value, self.must) else "no"

    def _within(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound


class Figure(msgspec.Struct, frozen=True):
    """One line of the table. `ratio` is to what `of` names, taken in the same run.

    Where there was nothing to take the ratio to, it is None.
    """

    what: str
    value: float
    unit: str
    ratio: float | None = None
    of: str = "limit"
    goal: Goal | None = None

    def cells(self) -> tuple[str, ...]:
        """The line, under `HEADINGS`."""
        ratio = "" if self.ratio is None else f"{_number(self.ratio)} of the {self.of}"
        figure = f"{_number(self.value)} {self.unit}"
        if self.goal is None:
            return self.what, figure, ratio, "", "", ""
        judged = self.ratio if self.goal.of_ratio else self.value
        reached = "?" if judged is None else self.goal.reached(judged)
        sign = "≤ " if self.goal.at_most else ""
        must, aim = sign + _number(self.goal.must), sign + _number(self.goal.aim)
        return self.what, figure, ratio, must, aim, reached


def table(figures: Sequence[Figure]) -> Table:
    """For a terminal."""
    found = Table(*HEADINGS, title=run())
    for column in (1, 2, 3, 4):
        found.columns[column].justify = "right"
    colours = {"aim": "green", "must": "yellow", "no": "red"}
    for figure in figures:
        cells = figure.cells()
        found.add_row(*cells, style=colours.get(cells[-1], ""))
    return found


def markdown(figures: Sequence[Figure]) -> str:
    """For `bench/README.md`."""
    lines: list[tuple[str, ...]] = [HEADINGS, ("---", "---:", "---:", "---:", "---:", "---")]
    lines += [figure.cells() for figure in figures]
    rows = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join((f"{run()}.", "", *rows))


def run() -> str:
    """When this was, and on what."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}, {os.cpu_count()} CPUs, {sys.platform}"
        f" {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    )


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"
