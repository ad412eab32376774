"""A million timers that wait: memory, creates, lateness, and how soon a restart is ready.

A `franking serve` is started on a database with a million pending timers for one receiver and one
that is due, and one on a database that has only that one; the same is done with both.
"""

from __future__ import annotations

import time

import msgspec

from bench.cases import child, timers_webhook
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import DATABASE, ask, serving
from bench.cases.timers_creates import created

MANY, MANY_SMALL = 1_000_000, 2_000
CREATES, CREATES_SMALL = 10_000, 300
SPREAD, SPREAD_SMALL = 3_000, 100
OVER_MS, OVER_MS_SMALL = 3_000, 500
RESTART = Goal(2, 2, at_most=True)
MB = 1_000_000


class _Seen(msgspec.Struct):
    """What was seen of one `serve`."""

    ready_seconds: float
    served_seconds: float
    creates_a_second: float
    late: list[float]
    memory_bytes: int


def figures(run: Run) -> list[Figure]:
    """With the many, and their ratios to what it is with none."""
    count = MANY_SMALL if run.small else MANY
    none, many = _seen(run, 0), _seen(run, count)
    with_many = f"{count:,} pending"
    memory = many.memory_bytes / none.memory_bytes
    rate = many.creates_a_second / none.creates_a_second
    return [
        Figure(f"{with_many}: restart to ready", many.ready_seconds, "s", goal=RESTART),
        Figure(f"{with_many}: restart to first call", many.served_seconds, "s", goal=RESTART),
        Figure(f"{with_many}: memory", many.memory_bytes / MB, "MB", memory, "memory with none"),
        Figure(f"{with_many}: created", many.creates_a_second, "timers/s", rate, "rate with none"),
        *timers_webhook.spread_figures(
            f"{with_many}, {SPREAD_SMALL if run.small else SPREAD:,} more", many.late
        ),
    ]


def _seen(run: Run, count: int) -> _Seen:
    creates = CREATES_SMALL if run.small else CREATES
    spread, over_ms = (SPREAD_SMALL, OVER_MS_SMALL) if run.small else (SPREAD, OVER_MS)
    with run.folder() as folder, child.serving("timers_receiver") as receiver:
        given = {"count": count, "uri": f"http://127.0.0.1:{receiver}"}
        child.call("timers_filling", path=str(folder / DATABASE), **given)
        with serving(folder) as served:
            if not served.ready():
                raise child.Broken("franking serve is not ready.")
            ready_seconds = time.time() - served.began_at
            if timers_webhook.wait_for(receiver, 1, timers_webhook.STALL_SECONDS) != 1:
                raise child.Broken("The timer that was due did not come, or came twice.")
            [came] = msgspec.json.decode(ask(receiver, "/came")[1])
            rate = creates / created(run, served.port, creates)["seconds"]
            late = timers_webhook.served_at(served.port, spread, over_ms)
            memory = served.memory_bytes()
            return _Seen(ready_seconds, came - served.began_at, rate, late, memory)
