"""Drain: mails that wait in a SQLite file go out to the sink, durable at every step.

For each mail: claimed, composed, `transmitting` on disk before its dot, its end on disk with its
attempt and its event. One process; the sink and what fills the store run in others.
"""

from __future__ import annotations

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run

MAILS, MAILS_SMALL = 8000, 500
CONNECTIONS, CONNECTIONS_SMALL = (64, 40, 10), (64, 10)
# The figure of commits is asked for at this many connections.
COUNTED_AT = 64


def figures(run: Run) -> list[Figure]:
    """Needs Postfix's tools."""
    if run.port is None:
        return []
    found: list[Figure] = []
    for connections in CONNECTIONS_SMALL if run.small else CONNECTIONS:
        found += _drained(run, run.port, connections)
    return found


def _drained(run: Run, port: int, connections: int) -> list[Figure]:
    count = MAILS_SMALL if run.small else MAILS
    with run.folder() as folder:
        path = str(folder / "drain.db")
        child.call("filling", path=path, count=count)
        with run.limited() as limit:
            told = child.call("worker", path=path, port=port, connections=connections, count=count)
    if told["states"] != {"SUCCESS": count}:
        raise child.Broken(f"Not all of {count} mails were sent: {told['states']}.")
    rate = count / told["seconds"]
    what = f"drain, {connections} connections"
    found = [Figure(what, rate, "mails/s", limit.ratio(rate), goal=Goal(0.15, 0.40, of_ratio=True))]
    if connections == COUNTED_AT:
        each = told["commits"] / count
        found.append(
            Figure(f"{what}: commits", each, "a mail", goal=Goal(0.10, 0.05, at_most=True))
        )
        cpu_us = told["cpu_seconds"] / count * 1e6
        found.append(Figure(f"{what}: CPU", cpu_us, "µs a mail"))
    return found
