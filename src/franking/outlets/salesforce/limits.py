"""How many API calls of a day an org has used, as each of its answers says.

Header `Sforce-Limit-Info: api-usage=18/5000; per-app-api-usage=17/250(appName=franking)`:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
"""

from __future__ import annotations

import re

import msgspec
import structlog

log = structlog.get_logger()

LEVELS = (95, 80)


class Usage(msgspec.Struct, frozen=True):
    """So many calls of so many in 24 hours."""

    used: int
    allowed: int

    @property
    def percent(self) -> int:
        return self.used * 100 // self.allowed if self.allowed else 100


class Limits:
    """What each org said last; warns once as it comes to each of LEVELS, in percent."""

    def __init__(self) -> None:
        self.last: dict[str, Usage] = {}
        self._level: dict[str, int] = {}

    def note(self, org: str, header: str | None) -> None:
        """Keep what an answer said, if it did."""
        usage = read(header)
        if usage is None:
            return
        self.last[org] = usage
        level = next((level for level in LEVELS if usage.percent >= level), 0)
        if level > self._level.get(org, 0):
            log.warning(
                "an org's API calls are nearly used up",
                org=org,
                used=usage.used,
                allowed=usage.allowed,
                percent=usage.percent,
            )
        self._level[org] = level


def read(header: str | None) -> Usage | None:
    """The org's own usage, not the app's; None where none is told."""
    found = _USAGE.search(header[:500]) if header else None
    return Usage(int(found[1]), int(found[2])) if found else None


_USAGE = re.compile(r"(?:^|[\s;,])api-usage=([0-9]{1,12})/([0-9]{1,12})")
