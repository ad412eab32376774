"""GET /v1/timers: which timers, the newest first, without their data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from franking.apis import wire_timers
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.listing import DEFAULT_LIMIT, query
from franking.apis.listing import PARAMETERS as LISTED
from franking.apis.problems import RETRY_AFTER_SECONDS, Problem
from franking.core.timer import ID_CHARACTERS, TRANSPORTS, TimerState
from franking.office.timer_door import TimerDoor, TimerFilter, Unreachable


class TimerList:
    """The handler of `GET /v1/timers`."""

    def __init__(self, door: TimerDoor) -> None:
        self._door = door

    async def page(self, request: Ask) -> Answer:
        """GET /v1/timers."""
        wanted = query(request.scope["query_string"], PARAMETERS)
        limit = wanted.pop("limit", DEFAULT_LIMIT)
        caller = request.headers.get("authorization")
        try:
            found = await self._door.page(TimerFilter(**wanted, data=False), limit, caller)
        except Unreachable as error:
            later = ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)
            next = "Try again a little later."
            raise Problem(503, "unreachable", str(error), next, headers=later) from None
        return Answer(200, wire_timers.page(found.timers, found.next))


def _state(value: str) -> str:
    if value in list(TimerState):
        return value
    raise ValueError(f"must be one of {', '.join(TimerState)}")


def _transport(value: str) -> str:
    if value in TRANSPORTS:
        return value
    raise ValueError(f"must be one of {', '.join(TRANSPORTS)}")


def _beginning(value: str) -> str:
    """The beginning of an id, as it is: it may end in a space."""
    if 0 < len(value) <= ID_CHARACTERS and value.isprintable():
        return value
    raise ValueError(f"must have 1 to {ID_CHARACTERS} printable characters")


PARAMETERS: dict[str, Callable[[str], Any]] = {
    "state": _state,
    "transport": _transport,
    "q": _beginning,
    "after": LISTED["after"],
    "limit": LISTED["limit"],
}
