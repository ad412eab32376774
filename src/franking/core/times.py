"""Times between the outside's RFC 3339 text and our milliseconds since 1970, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache


def parse(text: str) -> int:
    """The milliseconds since 1970 of an RFC 3339 time; ValueError for anything else.

    A zone is required (section 4.3 explains what comes of guessing one). Digits past the
    millisecond are dropped, and a leap second counts as the first of the next minute.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("no RFC 3339 time with a zone")
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_ORDINAL
    minutes = days * 1440 + int(hour) * 60 + int(minute)
    offset = int(zone_hour) * 60 + int(zone_minute) if sign else 0
    minutes += offset if sign == "-" else -offset
    milliseconds = (minutes * 60 + int(second)) * 1000 + int((fraction or "0")[:3].ljust(3, "0"))
    if not EARLIEST <= milliseconds <= LATEST:
        raise ValueError("a time before the year 1 or after the year 9999")
    return milliseconds


def text(milliseconds: int) -> str:
    """As "2026-11-21T14:05:00.000Z"; OverflowError outside EARLIEST to LATEST."""
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


# Times that are written together mostly share their second: formatting it costs three times as
# much as all the rest.
@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").zfill(19)


_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ]"
    r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

EARLIEST = (date.min.toordinal() - _EPOCH_ORDINAL) * 86_400_000
LATEST = (date.max.toordinal() - _EPOCH_ORDINAL + 1) * 86_400_000 - 1
