"""Where timers' workers are killed: around each durable write, in each call, on the wire."""

from __future__ import annotations

import random
from collections.abc import Iterator

from kill.campaign import Strike
from kill.receiver import CallPoint
from kill.session import Point

LATEST_KILL_SECONDS = 1.2
_MOST_CALLS = 25
_MOST_WRITES = 4
# Points that are passed once in a while.
RARE = ("timer_renew", "timer_retry")

_WRITES = ("timer_create", "timer_claim", "timer_end", "timer_serve", "timer_told", *RARE)
DISK = tuple(f"{kind}:{when}" for kind in _WRITES for when in ("during", "before", "after"))

# Where the promises would break first.
VITAL = [
    Strike(call=CallPoint.BEGUN, nth=3),
    Strike(call=CallPoint.ANSWERED, nth=5),
    Strike(disk="timer_serve:during"),
    Strike(wire=Point.DOT, nth=2),
    Strike(disk="timer_retry:after"),
]


def every_point() -> list[Strike]:
    """A kill at each step of the way; retries come last, for there is something to retry then."""
    often = [point for point in DISK if not point.startswith(RARE)]
    return [
        *(Strike(disk=point, nth=2) for point in often),
        *(Strike(call=point, nth=2) for point in CallPoint),
        *(Strike(wire=point, nth=2) for point in Point),
        *(Strike(disk=point) for point in DISK if point not in often),
    ]


def by_chance(chance: random.Random) -> Iterator[Strike]:
    """Kills for ever: by time, around a durable write, in a call, on the wire."""
    while True:
        how = chance.randrange(4)
        if how == 0:
            yield Strike(seconds=chance.uniform(0.0, LATEST_KILL_SECONDS))
        elif how == 1:
            point = chance.choice(DISK)
            yield Strike(disk=point, nth=1 if point.startswith(RARE) else _few(chance))
        elif how == 2:
            yield Strike(call=chance.choice(list(CallPoint)), nth=chance.randint(1, _MOST_CALLS))
        else:
            yield Strike(wire=chance.choice(list(Point)), nth=chance.randint(1, _MOST_CALLS // 2))


def _few(chance: random.Random) -> int:
    return chance.randint(1, _MOST_WRITES)
