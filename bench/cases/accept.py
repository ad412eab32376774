"""Accept: 64 callers hand in one document each, and again once it is on disk."""

from __future__ import annotations

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run

MAILS, MAILS_SMALL = 8000, 500
CALLERS = 64


def figures(run: Run) -> list[Figure]:
    """Through the office, without HTTP."""
    count = MAILS_SMALL if run.small else MAILS
    with run.folder() as folder, run.limited() as limit:
        path = str(folder / "accept.db")
        told = child.call("callers", path=path, callers=CALLERS, count=count)
    rate = count / told["seconds"]
    each = told["commits"] / count
    what = f"accept, {CALLERS} callers"
    return [
        Figure(what, rate, "mails/s", limit.ratio(rate)),
        Figure(f"{what}: commits", each, "a mail", goal=Goal(0.05, 0.02, at_most=True)),
    ]
