"""/v1/keys: made, listed and revoked, by who has the scope `admin`."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, received
from franking.apis.problems import Problem
from franking.core import times
from franking.core.key import NAME_CHARACTERS, PER_MINUTE_MAX, Key, Scope
from franking.office import Office

_SCOPES = ", ".join(Scope)
_NEXT = 'Send {"name": "crm", "scopes": ["mail:write"], "perMinute": 600}, say.'


class KeyCalls:
    """The calls of `/v1/keys`; `office` does the work."""

    def __init__(self, office: Office) -> None:
        self._keys = office.keys

    async def create(self, request: Ask) -> Answer:
        """POST /v1/keys: the only answer that ever holds the key itself."""
        name, scopes, per_minute = _wanted(await received(request))
        key, text = await self._keys.create(name, scopes, per_minute)
        headers = ((b"location", f"/v1/keys/{key.id}".encode()), (b"cache-control", b"no-store"))
        return Answer(201, msgspec.json.encode({**told(key), "key": text}), headers)

    async def newest(self, request: Ask) -> Answer:
        """GET /v1/keys."""
        items = [told(key) for key in await self._keys.newest()]
        return Answer(200, msgspec.json.encode({"items": items}))

    async def revoke(self, request: Ask) -> Answer:
        """DELETE /v1/keys/{id}; a repeat is no error."""
        if not await self._keys.revoke(request.scope["path_params"]["id"]):
            next = "GET /v1/keys lists the keys there are."
            raise Problem(404, "unknown_key", "There is no key with this id.", next, "id")
        return Answer(204)


def told(key: Key) -> dict[str, Any]:
    """A key as the outside reads it: nothing that its secret could be told from."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "perMinute": key.per_minute,
        "createTime": times.text(key.created_at),
        "lastUseTime": _time(key.last_used_at),
        "revokeTime": _time(key.revoked_at),
    }


def _wanted(call: Call) -> tuple[str, list[Scope], int | None]:
    given = call.document()
    for name in given:
        if name not in ("name", "scopes", "perMinute"):
            raise _wrong(name, "is not known here")
    return _name(given.get("name", "")), _scopes(given.get("scopes")), _limit(given)


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > NAME_CHARACTERS or not value.isprintable():
        raise _wrong("name", f"must have {NAME_CHARACTERS} printable characters at most")
    return value


def _scopes(value: Any) -> list[Scope]:
    if not isinstance(value, list) or not value or not all(scope in list(Scope) for scope in value):
        raise _wrong("scopes", f"must be a list with one or more of {_SCOPES}")
    return [Scope(scope) for scope in value]


def _limit(given: dict[str, Any]) -> int | None:
    value = given.get("perMinute")
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= PER_MINUTE_MAX:
        raise _wrong("perMinute", f"must be a whole number from 1 to {PER_MINUTE_MAX}")
    return value


def _wrong(name: str, what: str) -> Problem:
    return Problem(422, "bad_field", f"Field '{name[:50]}' {what}.", _NEXT, name[:50])


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)
