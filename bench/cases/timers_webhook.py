"""How late timers come to their receiver: spread over seconds, and many at one instant.

They are created beforehand over HTTP. The receiver is a process of its own, which answers at once
and holds each call's time of arrival against the time that it was due.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

import msgspec

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import Server, ask, franking
from bench.cases.spread import at

SPREAD, SPREAD_SMALL = 10_000, 200
OVER_MS, OVER_MS_SMALL = 10_000, 1_000
BURST, BURST_SMALL = 5_000, 200
# How long creating takes at the worst.
CREATES_A_SECOND = 800
LEAD_MS = 1_000
STALL_SECONDS = 30
LOOK_SECONDS = 0.2


def lateness(run: Run, server: Server = franking) -> list[Figure]:
    """Evenly over ten seconds."""
    count, over_ms = (SPREAD_SMALL, OVER_MS_SMALL) if run.small else (SPREAD, OVER_MS)
    late = _served(run, server, count, over_ms)
    return spread_figures(f"{count:,} timers over {over_ms // 1000} s", late)


def burst(run: Run, server: Server = franking) -> list[Figure]:
    """All of them at one instant."""
    count = BURST_SMALL if run.small else BURST
    return [burst_figure(count, _served(run, server, count, 0))]


def spread_figures(what: str, late: Sequence[float]) -> list[Figure]:
    """The lines for timers that were spread."""
    return [
        Figure(f"{what}: late, p50", at(late, 0.5), "ms", goal=Goal(5, 5, at_most=True)),
        Figure(f"{what}: late, p99", at(late, 0.99), "ms", goal=Goal(50, 20, at_most=True)),
        Figure(f"{what}: late, at the most", max(late), "ms"),
    ]


def burst_figure(count: int, late: Sequence[float]) -> Figure:
    """The line for timers of one instant."""
    what = f"{count:,} timers due at one instant: the last came after"
    return Figure(what, max(late) / 1000, "s", goal=Goal(1.5, 0.5, at_most=True))


def served_at(port: int, count: int, over_ms: int) -> list[float]:
    """Create timers at the server, and by how many ms each came late. Raises `Broken`."""
    lead_ms = LEAD_MS + 1000 * count // CREATES_A_SECOND
    with child.serving("timers_receiver") as receiver:
        uri = f"http://127.0.0.1:{receiver}"
        given = {"lead_ms": lead_ms, "over_ms": over_ms, "uri": uri}
        told = child.call("timers_load", port=port, count=count, **given)
        if told["ended_ms"] >= told["first_due_ms"]:
            raise child.Broken(f"{count} timers were not created within {lead_ms} ms.")
        came = wait_for(receiver, count, (lead_ms + over_ms) / 1000 + STALL_SECONDS)
        if came != count:
            raise child.Broken(f"{came} calls came of {count} timers.")
        found: list[float] = msgspec.json.decode(ask(receiver, "/told")[1])
        return found


def wait_for(receiver: int, count: int, seconds: float) -> int:
    """Until so many calls came, or time is up; how many came, a moment after."""
    until = time.monotonic() + seconds
    came = 0
    while came < count and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        came = int(ask(receiver, "/count")[1])
    time.sleep(LOOK_SECONDS)
    return int(ask(receiver, "/count")[1])


def _served(run: Run, server: Server, count: int, over_ms: int) -> list[float]:
    with ExitStack() as parts:
        folder = parts.enter_context(run.folder())
        port = parts.enter_context(server(folder))
        return served_at(port, count, over_ms)
