"""/v1/outbox: what the CRM has yet to hear, and parked events that are sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from franking.apis.answers import Answer
from franking.apis.calls import Ask, received
from franking.apis.listing import DEFAULT_LIMIT, PARAMETERS, query
from franking.apis.problems import Problem
from franking.core import times
from franking.office import Office
from franking.stores.base import OutboxCounts, Unheard

STATES = ("waiting", "parked")
LAST_SEQ = 2**63 - 1
_NEXT = 'Send one of {"seq": 5}, {"touchpoint": "a0X1"} and {"all": true}.'


class OutboxCalls:
    """The calls of `/v1/outbox`; `office` does the work."""

    def __init__(self, office: Office) -> None:
        self._outbox = office.outbox

    async def page(self, request: Ask) -> Answer:
        """GET /v1/outbox, newest first, with how the whole outbox stands."""
        wanted = query(request.scope["query_string"], _PARAMETERS)
        found, next = await self._outbox.page(
            wanted.get("state"),
            wanted.get("touchpoint"),
            wanted.get("after"),
            wanted.get("limit", DEFAULT_LIMIT),
        )
        counts = await self._outbox.counts()
        told = {
            "items": [_item(one) for one in found],
            "next": None if next is None else str(next),
            **_standing(counts),
        }
        return Answer(200, msgspec.json.encode(told))

    async def resend(self, request: Ask) -> Answer:
        """POST /v1/outbox/resend."""
        seq, touchpoint = _which((await received(request)).document())
        resent = await self._outbox.resend(seq, touchpoint)
        return Answer(200, msgspec.json.encode({"resent": resent}))


def _item(one: Unheard) -> dict[str, Any]:
    return {
        "seq": one.seq,
        "eventId": one.event_id,
        "event": one.kind,
        "touchpointId": one.touchpoint_id,
        "mailId": one.mail,
        "state": one.state,
        "tries": one.tries,
        "triedAt": _time(one.tried_at),
        "error": one.error,
        "occurredAt": times.text(one.occurred_at),
        "body": one.body,
    }


def _standing(counts: OutboxCounts) -> dict[str, Any]:
    return {
        "waiting": counts.waiting,
        "parked": counts.parked,
        "oldestAt": _time(counts.oldest_at),
        "pausedUntil": _time(counts.paused_until),
        "reason": counts.reason,
        "since": _time(counts.since),
    }


def _which(given: dict[str, Any]) -> tuple[int | None, str | None]:
    """The one event or touchpoint that is named; neither where all are. Raises `Problem`."""
    if len(given) != 1 or not given.keys() <= _READ.keys():
        raise Problem(
            422, "bad_field", "Exactly one of seq, touchpoint and all is required.", _NEXT
        )
    [(name, value)] = given.items()
    fits, what = _READ[name]
    if not fits(value):
        raise Problem(422, "bad_field", f"Field '{name}' {what}.", _NEXT, name)
    return (value if name == "seq" else None), (value if name == "touchpoint" else None)


def _seq(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_SEQ


def _touchpoint(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _state(value: str) -> str:
    if value in STATES:
        return value
    raise ValueError(f"must be one of {', '.join(STATES)}")


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)


_READ: dict[str, tuple[Callable[[object], bool], str]] = {
    "seq": (_seq, "must be the number of an event"),
    "touchpoint": (_touchpoint, "must be a touchpoint's id"),
    "all": (lambda value: value is True, "must be true"),
}
_PARAMETERS: dict[str, Callable[[str], Any]] = {
    "state": _state,
    **{name: PARAMETERS[name] for name in ("touchpoint", "after", "limit")},
}
