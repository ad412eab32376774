"""POST /v1/mail/retry: another try for all mails that match, a bounded number of them a call.

Policy. A filter is required, and what is named twice or wrongly is refused: an empty filter would
send everything again. `next` says that there may be more, and is handed back as `after`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, answered, received
from franking.apis.listing import PARAMETERS
from franking.apis.problems import Problem
from franking.clock import Clock
from franking.office import Office
from franking.office.retries import Tally
from franking.stores.base import Filter

NAMES = ("state", "category", "account", "touchpoint", "q")
_NEXT = 'Send a filter, as {"state": "ERROR", "category": "mailbox_disconnected"}.'


class RetryCalls:
    """The handler of `POST /v1/mail/retry`."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self._office = office
        self._clock = clock

    async def retry(self, request: Ask) -> Answer:
        """POST /v1/mail/retry."""
        call = await received(request)
        filter, force = _wanted(call)
        once = call.once(self._clock.now(), _told)
        return answered(await self._office.retry_many(filter, force=force, once=once), _told)


def _told(tally: Tally) -> Answer:
    told = {
        "retried": tally.retried,
        "leftOut": tally.left_out,
        "refused": tally.refused,
        "why": list(tally.why.values()),
        "next": None if tally.next is None else str(tally.next),
    }
    return Answer(200, msgspec.json.encode(told))


def _wanted(call: Call) -> tuple[Filter, bool]:
    given = call.document()
    values = {name: _value(name, value) for name, value in given.items() if value is not None}
    force = values.pop("force", False)
    if not any(name in values for name in NAMES):
        detail = f"A filter is required: one or more of {', '.join(NAMES)}."
        raise Problem(422, "no_filter", detail, _NEXT)
    return Filter(**values), force


def _value(name: str, value: Any) -> Any:
    if name == "force":
        if isinstance(value, bool):
            return value
        raise _wrong(name, "must be true or false")
    if name not in (*NAMES, "after"):
        raise _wrong(name[:50], "is not known here")
    if not isinstance(value, str):
        raise _wrong(name, "must be a string")
    try:
        return PARAMETERS[name](value)
    except ValueError as error:
        raise _wrong(name, str(error)) from None


def _wrong(name: str, what: str) -> Problem:
    return Problem(422, "bad_field", f"Field '{name}' {what}.", _NEXT, name)
