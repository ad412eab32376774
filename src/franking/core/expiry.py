"""When a mail's document expires, as the extension's TTL says (contract trigger-email, section 7).

Policy. `expireAt` is written once, when a document becomes PENDING or is refused at the door; a
retry keeps it. The arithmetic is the calendar's, as JavaScript's `Date` does it: a month after 31
January is 3 March (2 in a leap year). The extension counts in its server's zone; here it is UTC, so
that every host says the same. What has expired is deleted once it has ended: what still waits is
sent first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from franking.core.times import LATEST

MOST = 100_000


class Unit(StrEnum):
    """TTL_EXPIRE_TYPE, as the extension spells it."""

    NEVER = "never"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Expiry(msgspec.Struct, frozen=True):
    """How long a document lives: `value` units; for ever where the unit is `never`.

    TTL_EXPIRE_TYPE and TTL_EXPIRE_VALUE.
    """

    unit: Unit = Unit.NEVER
    value: int = 1

    def at(self, start: int) -> int | None:
        """When it expires that began at `start`; milliseconds since 1970 UTC."""
        if self.unit is Unit.NEVER:
            return None
        if self.unit in _MS:
            return min(start + _MS[self.unit] * self.value, LATEST)
        months = self.value * (12 if self.unit is Unit.YEAR else 1)
        return _months_later(start, months)


def _months_later(start: int, months: int) -> int:
    begin = _EPOCH + timedelta(milliseconds=start)
    years, month = divmod(begin.month - 1 + months, 12)
    year = begin.year + years
    if year > LAST_YEAR:
        return LATEST
    first = begin.replace(year=year, month=month + 1, day=1)
    # The day may be beyond the month's last: then it is one of the next.
    passed = first + timedelta(days=begin.day - 1) - _EPOCH
    return min(passed // timedelta(milliseconds=1), LATEST)


NEVER = Expiry()
LAST_YEAR = 9_998
HOUR_MS = 3_600_000
_MS = {Unit.HOUR: HOUR_MS, Unit.DAY: 24 * HOUR_MS, Unit.WEEK: 7 * 24 * HOUR_MS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
