"""/v1/webhooks: receivers of the seven events set, shown, tried, and what each has yet to hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, checked_id, received
from franking.apis.listing import DEFAULT_LIMIT, PARAMETERS, query
from franking.apis.outbox import LAST_SEQ, STATES
from franking.apis.problems import Problem
from franking.core import times
from franking.core.ids import RESERVED
from franking.core.webhook import Webhook
from franking.office import Office
from franking.stores.base import HookCounts, Undelivered

_NEXT = 'Send one of {"seq": 5}, {"mail": "m1"} and {"all": true}.'


class WebhookCalls:
    """The calls of `/v1/webhooks`; `office` does the work."""

    def __init__(self, office: Office) -> None:
        self._webhooks = office.webhooks

    async def add(self, request: Ask) -> Answer:
        """POST /v1/webhooks: the only answer that ever holds a secret that was made."""
        hook, secret = await self._webhooks.add((await received(request)).document())
        shown = webhook(hook, HookCounts()) | {"secret": secret}
        place = (b"location", f"/v1/webhooks/{hook.id}".encode())
        return _secretive(201, shown, place)

    async def every(self, request: Ask) -> Answer:
        """GET /v1/webhooks, the oldest first."""
        items = [webhook(hook, counts) for hook, counts in await self._webhooks.every()]
        return Answer(200, msgspec.json.encode({"items": items}))

    async def read(self, request: Ask) -> Answer:
        """GET /v1/webhooks/{id}."""
        hook, counts = await self._webhooks.read(_id(request))
        return Answer(200, msgspec.json.encode(webhook(hook, counts)))

    async def put(self, request: Ask) -> Answer:
        """PUT /v1/webhooks/{id}: as it is from now on; `"secret": null` makes a new one."""
        id, call = _id(request), await received(request)
        hook, secret = await self._webhooks.set(id, call.document())
        _, counts = await self._webhooks.read(id)
        return _secretive(200, webhook(hook, counts) | {"secret": secret})

    async def delete(self, request: Ask) -> Answer:
        """DELETE /v1/webhooks/{id}."""
        await self._webhooks.remove(_id(request))
        return Answer(204)

    async def test(self, request: Ask) -> Answer:
        """POST /v1/webhooks/{id}/test: 200 whether it was taken or not; `ok` tells."""
        id, call = _id(request), await received(request)
        for name in call.document() if call.body else {}:
            detail = f"Field '{name}' is not known here."
            raise Problem(422, "bad_field", detail, "Send no body.", name)
        tried = await self._webhooks.test(id)
        told = {
            "ok": tried.posted.error is None,
            "error": tried.posted.error,
            "milliseconds": tried.milliseconds,
        }
        return Answer(200, msgspec.json.encode(told))

    async def deliveries(self, request: Ask) -> Answer:
        """GET /v1/webhooks/{id}/deliveries: what it has yet to hear, newest first."""
        wanted = query(request.scope["query_string"], _PARAMETERS)
        found, next = await self._webhooks.deliveries(
            _id(request),
            wanted.get("state"),
            wanted.get("after"),
            wanted.get("limit", DEFAULT_LIMIT),
        )
        told = {"items": [_delivery(one) for one in found], "next": next and str(next)}
        return Answer(200, msgspec.json.encode(told))

    async def resend(self, request: Ask) -> Answer:
        """POST /v1/webhooks/{id}/resend."""
        id, call = _id(request), await received(request)
        seq, mail = _which(call)
        resent = await self._webhooks.resend(id, seq, mail)
        return Answer(200, msgspec.json.encode({"resent": resent}))


def webhook(hook: Webhook, counts: HookCounts) -> dict[str, Any]:
    """A webhook as the outside reads it: never its secret."""
    return {
        "id": hook.id,
        "url": hook.url,
        "types": hook.types,
        "include": hook.include,
        "enabled": hook.state != "disabled",
        "state": hook.state,
        "reason": hook.reason,
        "since": _time(hook.since),
        "pausedUntil": _time(hook.paused_until),
        "createTime": _time(hook.created_at),
        "toldTime": _time(hook.told_at),
        "waiting": counts.waiting,
        "parked": counts.parked,
    }


def _secretive(status: int, shown: dict[str, Any], *headers: tuple[bytes, bytes]) -> Answer:
    """With the secret where we made one; no cache keeps it."""
    if shown["secret"] is None:
        del shown["secret"]
    return Answer(status, msgspec.json.encode(shown), (*headers, (b"cache-control", b"no-store")))


def _delivery(one: Undelivered) -> dict[str, Any]:
    return {
        "seq": one.seq,
        "eventId": one.id,
        "event": one.kind,
        "mailId": one.mail,
        "state": one.state,
        "tries": one.tries,
        "triedAt": _time(one.tried_at),
        "nextAt": _time(one.next_at or None),
        "error": one.error,
        "occurredAt": _time(one.occurred_at),
    }


def _id(request: Ask) -> str:
    return checked_id(request, "A webhook", RESERVED)


def _which(call: Call) -> tuple[int | None, str | None]:
    """The one event or mail that is named; neither where all are. Raises `Problem`."""
    given = call.document()
    if len(given) != 1 or not given.keys() <= _READ.keys():
        detail = "Exactly one of seq, mail and all is required."
        raise Problem(422, "bad_field", detail, _NEXT)
    [(name, value)] = given.items()
    fits, what = _READ[name]
    if not fits(value):
        raise Problem(422, "bad_field", f"Field '{name}' {what}.", _NEXT, name)
    return (value if name == "seq" else None), (value if name == "mail" else None)


def _seq(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_SEQ


def _mail(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)


def _state(value: str) -> str:
    if value in STATES:
        return value
    raise ValueError(f"must be one of {', '.join(STATES)}")


_READ: dict[str, tuple[Callable[[object], bool], str]] = {
    "seq": (_seq, "must be the number of an event"),
    "mail": (_mail, "must be a mail's id"),
    "all": (lambda value: value is True, "must be true"),
}
_PARAMETERS: dict[str, Callable[[str], Any]] = {
    "state": _state,
    **{name: PARAMETERS[name] for name in ("after", "limit")},
}
