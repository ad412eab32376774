"""How a fleet is struck: as one process is, and its database with it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from kill.campaign import Strike
from kill.receiver import CallPoint
from kill.session import Point

LATEST_CRASH_SECONDS = 0.5
WORKERS = 3
# How often each is drawn.
ACTS = {"kill": 50, "crash": 35, "lose": 15}

# Where the promises would break first, for the sample.
MAILS = [
    Strike(disk="submit:after", act="lose"),
    Strike(wire=Point.DOT, nth=3),
    Strike(disk="settle:before", nth=2, act="crash"),
]
TIMERS = [
    Strike(call=CallPoint.ANSWERED, nth=3),
    Strike(disk="timer_serve:during", act="crash"),
]
TOUCHPOINTS = [
    Strike(disk="timer_create:after", nth=2),
    Strike(disk="outbox_told:before", act="crash"),
]


def mixed(chance: random.Random, strikes: Iterable[Strike]) -> Iterator[Strike]:
    """Those strikes, some of them at the database or at the connection to it."""
    for strike in strikes:
        [act] = chance.choices(list(ACTS), list(ACTS.values()))
        if act == "kill" or (act == "lose" and not strike.disk):
            yield strike
        elif strike.disk or strike.wire:
            yield strike._replace(act=act)
        else:
            yield Strike(seconds=chance.uniform(0.0, LATEST_CRASH_SECONDS), act="crash")


def crashes(points: Sequence[str]) -> list[Strike]:
    """A crash of the database around each of these durable writes."""
    return _each(points, "crash")


def losses(points: Sequence[str]) -> list[Strike]:
    """A connection lost around the COMMIT of each of these durable writes: before it was sent, or
    before its answer came."""
    return _each(points, "lose")


def _each(points: Sequence[str], act: str) -> list[Strike]:
    return among([Strike(disk=point, act=act) for point in points])


def among(strikes: Iterable[Strike]) -> list[Strike]:
    """The strikes for workers that share the work, each of which counts what it does itself; for
    there to be something to sweep one dies before."""
    found = []
    for strike in strikes:
        if strike.disk.startswith("sweep"):
            found.append(Strike(disk="claim:after"))
        found.append(strike._replace(nth=-(-strike.nth // WORKERS)))
    return found
