"""A backlog of events, told to an outlet that takes its time over each: how many a second."""

from __future__ import annotations

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run

EVENTS, EVENTS_SMALL = 100_000, 2_000
TOUCHPOINTS, TOUCHPOINTS_SMALL = 10_000, 200
CONNECTIONS = 50
TAKES_SECONDS = 0.05


def figures(run: Run) -> list[Figure]:
    """At CONNECTIONS no more than 1,000 a second are possible."""
    events = EVENTS_SMALL if run.small else EVENTS
    touchpoints = TOUCHPOINTS_SMALL if run.small else TOUCHPOINTS
    with run.folder() as folder:
        told = child.call(
            "events_telling",
            path=str(folder / "bench.db"),
            events=events,
            touchpoints=touchpoints,
            connections=CONNECTIONS,
            takes_seconds=TAKES_SECONDS,
        )
    if told["out_of_order"]:
        raise child.Broken(f"{told['out_of_order']} events were told out of order.")
    rate, possible = events / told["seconds"], CONNECTIONS / TAKES_SECONDS
    what = f"{events:,} events of {touchpoints:,} touchpoints"
    goal = Goal(500, 900)
    return [
        Figure(f"{what}, 50 ms each", rate, "events/s", rate / possible, "possible", goal),
        Figure(f"{what}: memory at the most", told["peak_bytes"] / 1e6, "MB"),
    ]
