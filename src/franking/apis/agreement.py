"""/v1/cadence/check: touchpoints against the mails' own record, a page a call, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from franking.apis.answers import Answer
from franking.apis.calls import Ask, received
from franking.apis.listing import DEFAULT_LIMIT, PARAMETERS, query
from franking.apis.problems import Problem
from franking.office import Office
from franking.office.agreement import Checked, Disagreement

_NEXT = 'Send {"after": "…", "limit": 50}, or no body to begin.'


class AgreementCalls:
    """The calls of `/v1/cadence/check`; `office` does the work."""

    def __init__(self, office: Office) -> None:
        self._agreement = office.agreement

    async def check(self, request: Ask) -> Answer:
        """GET /v1/cadence/check."""
        wanted = query(request.scope["query_string"], _PARAMETERS)
        return _told(await self._agreement.check(*_page(wanted)))

    async def repair(self, request: Ask) -> Answer:
        """POST /v1/cadence/check/repair: the same, and missing events are told again."""
        call = await received(request)
        wanted = _asked(call.document() if call.body else {})
        return _told(await self._agreement.repair(*_page(wanted)))


def _told(checked: Checked) -> Answer:
    told = {
        "items": [_item(one) for one in checked.disagreements],
        "next": None if checked.next is None else str(checked.next),
        "compared": checked.compared,
        "newest": checked.newest,
        "resent": checked.resent,
    }
    return Answer(200, msgspec.json.encode(told))


def _item(one: Disagreement) -> dict[str, Any]:
    return {
        "touchpointId": one.touchpoint.id,
        "type": one.touchpoint.kind,
        "actionStatus": one.touchpoint.status,
        "differences": one.finding.differences,
        "missing": [
            {
                "seq": event.seq,
                "eventId": event.told.event_id,
                "event": event.kind,
                "state": event.state,
            }
            for event in one.finding.missing
        ],
    }


def _page(wanted: Mapping[str, Any]) -> tuple[int, int]:
    return wanted.get("after", 0), wanted.get("limit", DEFAULT_LIMIT)


def _asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """`after` and `limit` of a body. Raises `Problem`."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        read = _PARAMETERS.get(name)
        if read is None:
            raise _wrong(name[:50], "is not known here")
        kind = str if name == "after" else int
        if type(value) is not kind:
            raise _wrong(name, f"must be a {'string' if kind is str else 'whole number'}")
        try:
            found[name] = read(str(value))
        except ValueError as error:
            raise _wrong(name, str(error)) from None
    return found


def _wrong(name: str, what: str) -> Problem:
    return Problem(422, "bad_field", f"Field '{name}' {what}.", _NEXT, name)


_PARAMETERS: dict[str, Callable[[str], Any]] = {
    name: PARAMETERS[name] for name in ("after", "limit")
}
