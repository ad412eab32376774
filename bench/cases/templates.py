"""Templates: a subject, an HTML and a text part rendered for each mail, compiled and kept."""

from __future__ import annotations

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run

MAILS, MAILS_SMALL = 10_000, 500
PARTS = 3
RENDERS = Goal(must=3_000, aim=6_000)


def figures(run: Run) -> list[Figure]:
    """Each part is one render. The ratio is to the same in Node, where there is one."""
    count = MAILS_SMALL if run.small else MAILS
    told = child.call("rendering", count=count)
    renders = count * PARTS
    rate = renders / told["cpu"]
    ratio = None if told["node"] is None else told["node"] / told["cpu"]
    return [
        Figure("templates, 40 callers", rate, "renders/s a core", ratio, "same in Node", RENDERS),
        Figure("templates, 40 callers: all of it", renders / told["wall"], "renders/s"),
        Figure("templates: memory of the engine", told["peak"] / 1e6, "MB"),
    ]
