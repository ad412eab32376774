"""/v1/suppressions: addresses that nothing is sent to, listed, added and taken off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from franking.apis import wire_returns as wire
from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, received
from franking.apis.listing import query
from franking.apis.problems import Problem
from franking.core.suppression import ADDRESS_CHARACTERS, REASON_CHARACTERS
from franking.office import Invalid, Office

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

_NEXT = 'Send {"reason": "asked not to be written to"}, or no body.'


class SuppressionCalls:
    """The calls of `/v1/suppressions`; `office` does the work."""

    def __init__(self, office: Office) -> None:
        self._bounces = office.bounces

    async def page(self, request: Ask) -> Answer:
        """GET /v1/suppressions, by address."""
        wanted = query(request.scope["query_string"], _PARAMETERS)
        limit = wanted.get("limit", DEFAULT_LIMIT)
        after = wanted.get("after", "")
        found = await self._bounces.suppressions(wanted.get("q"), after, limit + 1)
        items = [wire.suppression(one) for one in found[:limit]]
        next = found[limit - 1].address if len(found) > limit else None
        return Answer(200, msgspec.json.encode({"items": items, "next": next}))

    async def put(self, request: Ask) -> Answer:
        """PUT /v1/suppressions/{address}."""
        address, reason = _address(request), _reason(await received(request))
        try:
            found = await self._bounces.suppress(address, reason)
        except Invalid as error:
            next = "Send one address, as ada@example.com, in the path."
            raise Problem(422, "bad_address", f"{error}.", next, "address") from None
        return Answer(200, msgspec.json.encode(wire.suppression(found)))

    async def delete(self, request: Ask) -> Answer:
        """DELETE /v1/suppressions/{address}."""
        if not await self._bounces.allow(_address(request)):
            detail = "This address is not on the suppression list."
            next = "GET /v1/suppressions lists what is."
            raise Problem(404, "unknown_address", detail, next, "address")
        return Answer(204)


def _address(request: Ask) -> str:
    address: str = request.scope["path_params"]["address"]
    return address


def _reason(call: Call) -> str:
    given = call.document() if call.body else {}
    for name in given:
        if name != "reason":
            raise _wrong(name, "is not known here")
    reason = given.get("reason", "")
    if not isinstance(reason, str) or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        raise _wrong("reason", f"must have {REASON_CHARACTERS} printable characters at most")
    return reason


def _wrong(name: str, what: str) -> Problem:
    return Problem(422, "bad_field", f"Field '{name[:50]}' {what}.", _NEXT, name[:50])


def _part(value: str) -> str:
    if 0 < len(value) <= ADDRESS_CHARACTERS and value.isprintable() and value.strip():
        return value
    raise ValueError(f"must have 1 to {ADDRESS_CHARACTERS} printable characters")


def _limit(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= MAX_LIMIT:
        return int(value)
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


_PARAMETERS: dict[str, Callable[[str], Any]] = {"q": _part, "after": _part, "limit": _limit}
