"""Where a teller and the package are killed: around each durable write from settle to applied."""

from __future__ import annotations

import random
from collections.abc import Iterator

from kill.campaign import Strike
from kill.session import Point

LATEST_KILL_SECONDS = 1.0
_MOST_WRITES = 12

# In the order of an event's way; what a person asks for comes last.
_WAY = ("settle", "outbox_claim", "touchpoint_child", "touchpoint_write", "outbox_told")
_ASKED = ("touchpoint_create", "timer_create", "submit", "timer_retry")
DISK = tuple(f"{kind}:{when}" for kind in (*_WAY, *_ASKED) for when in ("before", "after"))

# Where the promises would break first. The first writes of a touchpoint end its creation.
VITAL = [
    Strike(disk="timer_create:after", nth=2),
    Strike(disk="touchpoint_write:after", nth=14),
    Strike(disk="outbox_told:before", nth=2),
    Strike(disk="timer_retry:after"),
    Strike(disk="submit:after", nth=2),
]


def every_point() -> list[Strike]:
    """A kill at each step of the way, early and late."""
    return [
        *(Strike(disk=point, nth=2) for point in DISK if point.startswith(_WAY)),
        *(Strike(disk=point, nth=12) for point in DISK if point.startswith("touchpoint_write")),
        # What is asked at once may be one write, so a second is not sure to come.
        *(Strike(disk=point) for point in DISK if point.startswith(_ASKED)),
        Strike(wire=Point.DOT, nth=2),
    ]


def by_chance(chance: random.Random) -> Iterator[Strike]:
    """Kills for ever: a quarter by time, some on the wire, most around a durable write."""
    while True:
        how = chance.randrange(8)
        if how < 2:
            yield Strike(seconds=chance.uniform(0.0, LATEST_KILL_SECONDS))
        elif how == 2:
            yield Strike(wire=chance.choice(list(Point)), nth=chance.randint(1, _MOST_WRITES))
        else:
            point = chance.choice(DISK)
            most = 2 if point.startswith("timer_retry") else _MOST_WRITES
            yield Strike(disk=point, nth=chance.randint(1, most))
