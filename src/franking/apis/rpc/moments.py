"""Times between our milliseconds since 1970 and `google.protobuf.Timestamp`."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from franking.core import times
from franking.core.timer.request import BadTimer

NANOS = 1_000_000_000


def moment(milliseconds: int) -> Timestamp:
    """A time as it goes over the wire."""
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def perhaps(milliseconds: int | None) -> Timestamp | None:
    """The same of a time that there may not be."""
    return None if milliseconds is None else moment(milliseconds)


def read(at: Timestamp, name: str) -> int:
    """The milliseconds of a time, what is finer dropped. Raises `BadTimer`."""
    milliseconds = at.seconds * 1000 + at.nanos // 1_000_000
    if not 0 <= at.nanos < NANOS or not times.EARLIEST <= milliseconds <= times.LATEST:
        last = NANOS - 1
        raise BadTimer(f"{name} must be a time in the years 1 to 9999, with 0 to {last} nanos")
    return milliseconds
