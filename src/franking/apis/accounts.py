"""/v1/accounts: senders' mailboxes set, shown, listed, paused, resumed, tried and forgotten."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from franking.apis import wire_accounts as wire
from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, checked_id, received
from franking.apis.listing import query
from franking.apis.problems import Problem
from franking.clock import Clock
from franking.core import times
from franking.core.account import MINUTE_MS
from franking.core.advice import WORKS, WORKS_AGAIN
from franking.core.sender import Shown
from franking.office import Office

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
REASON_CHARACTERS = 500
MINUTES_MAX = 366 * 24 * 60
# Another call lives there.
RESERVED_IDS = ("rekey",)

_NEXT = 'Send {"minutes": 30, "reason": "moving house"}, {"until": "2026-11-21T14:05:00Z"}, or {}.'


class AccountCalls:
    """The calls of `/v1/accounts`; `office` does the work."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self._accounts = office.accounts
        self._clock = clock

    async def put(self, request: Ask) -> Answer:
        """PUT /v1/accounts/{id}."""
        id, call = _id(request), await received(request)
        shown, created = await self._accounts.set(id, call.document())
        if not created:
            return self._shown(shown)
        location = f"/v1/accounts/{quote(id, safe='')}".encode()
        return Answer(201, self._shown(shown).body, ((b"location", location),))

    async def read(self, request: Ask) -> Answer:
        """GET /v1/accounts/{id}."""
        return self._shown(await self._accounts.read(_id(request)))

    async def page(self, request: Ask) -> Answer:
        """GET /v1/accounts, by id."""
        wanted = query(request.scope["query_string"], _PARAMETERS)
        limit = wanted.get("limit", DEFAULT_LIMIT)
        found = await self._accounts.page(wanted.get("after", ""), limit + 1)
        now = self._clock.now()
        items = [wire.account(shown, now) for shown in found[:limit]]
        next = found[limit - 1].id if len(found) > limit else None
        return Answer(200, msgspec.json.encode({"items": items, "next": next}))

    async def delete(self, request: Ask) -> Answer:
        """DELETE /v1/accounts/{id}."""
        await self._accounts.forget(_id(request))
        return Answer(204)

    async def pause(self, request: Ask) -> Answer:
        """POST /v1/accounts/{id}/pause."""
        id, call = _id(request), await received(request)
        until, reason = _pause(call, self._clock.now())
        return self._shown(await self._accounts.pause(id, until, reason))

    async def resume(self, request: Ask) -> Answer:
        """POST /v1/accounts/{id}/resume."""
        id, call = _id(request), await received(request)
        _empty(call)
        return self._shown(await self._accounts.resume(id))

    async def test(self, request: Ask) -> Answer:
        """POST /v1/accounts/{id}/test: 200 whether it works or not; `ok` tells."""
        id, call = _id(request), await received(request)
        _empty(call)
        shown, failure = await self._accounts.sign_in(id)
        if failure is not None:
            return Answer(200, msgspec.json.encode(wire.trouble(failure)))
        state = wire.state(shown, self._clock.now())
        next = WORKS if state == "ok" else WORKS_AGAIN
        return Answer(200, msgspec.json.encode({"ok": True, "state": state, "next": next}))

    async def rekey(self, request: Ask) -> Answer:
        """POST /v1/accounts/rekey: every secret under the newest key."""
        call = await received(request)
        _empty(call)
        return Answer(200, msgspec.json.encode({"resealed": await self._accounts.reseal()}))

    def _shown(self, shown: Shown) -> Answer:
        return Answer(200, msgspec.json.encode(wire.account(shown, self._clock.now())))


def _id(request: Ask) -> str:
    return checked_id(request, "An account", RESERVED_IDS)


def _pause(call: Call, now: int) -> tuple[int | None, str | None]:
    """Until when, and why. Raises `Problem`, which names the field."""
    given = call.document() if call.body else {}
    for name in given:
        if name not in ("until", "minutes", "reason"):
            raise _wrong(name, "is not known here")
    until, minutes = given.get("until"), given.get("minutes")
    if until is not None and minutes is not None:
        raise _wrong("minutes", "can't stand beside 'until'")
    if minutes is not None:
        if type(minutes) is not int or not 1 <= minutes <= MINUTES_MAX:
            raise _wrong("minutes", f"must be a whole number from 1 to {MINUTES_MAX}")
        return now + minutes * MINUTE_MS, _reason(given)
    return None if until is None else _until(until, now), _reason(given)


def _until(value: Any, now: int) -> int:
    try:
        until = times.parse(value)
    except (TypeError, ValueError):
        wanted = "must be an RFC 3339 time with a zone, as in 2026-11-21T14:05:00Z"
        raise _wrong("until", wanted) from None
    if until <= now:
        raise _wrong("until", "must be later than now")
    return until


def _reason(given: dict[str, Any]) -> str | None:
    value = given.get("reason")
    if value is None:
        return None
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= REASON_CHARACTERS:
        return value
    raise _wrong("reason", f"must have 1 to {REASON_CHARACTERS} printable characters")


def _empty(call: Call) -> None:
    for name in call.document() if call.body else {}:
        raise Problem(422, "bad_field", f"Field '{name}' is not known here.", "Send no body.", name)


def _wrong(name: str, what: str) -> Problem:
    return Problem(422, "bad_field", f"Field '{name}' {what}.", _NEXT, name)


def _limit(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= MAX_LIMIT:
        return int(value)
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


def _after(value: str) -> str:
    if len(value) <= 255:
        return value
    raise ValueError("must be the 'next' of an earlier page")


_PARAMETERS = {"after": _after, "limit": _limit}
