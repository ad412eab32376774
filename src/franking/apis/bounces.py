"""POST /v1/bounces: a report of bounces, as the mail that it is."""

from __future__ import annotations

from franking.apis import wire_returns as wire
from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, received
from franking.apis.problems import Problem
from franking.office import Office
from franking.office.bounces import NotABounce

TYPES = ("message/rfc822", "message/global", "application/octet-stream")


class BounceCalls:
    """The call of `/v1/bounces`; `office` does the work."""

    def __init__(self, office: Office) -> None:
        self._bounces = office.bounces

    async def take(self, request: Ask) -> Answer:
        """POST /v1/bounces: 202 with what was matched, which may be nothing."""
        call = await received(request)
        _checked(call)
        try:
            filed = await self._bounces.take(call.body)
        except NotABounce as error:
            detail = f"This is no delivery report. {error}"
            next = "Send the whole bounce as it was received, its headers included."
            raise Problem(422, "no_report", detail, next) from None
        return Answer(202, wire.filing(filed))


def _checked(call: Call) -> None:
    given = call.text(b"content-type")
    if given is None or given.partition(";")[0].strip().lower() in TYPES:
        return
    detail = f"The content type is {given[:100]}, which is no mail."
    accept = ((b"accept", b"message/rfc822"),)
    next = "Send Content-Type: message/rfc822."
    raise Problem(415, "no_mail", detail, next, "Content-Type", accept)
