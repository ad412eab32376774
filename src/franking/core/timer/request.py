"""What is asked of a new timer: its fields read and checked, in Skyring's words.

Each field comes as the JSON that it had, so that data is handed over byte for byte. Texts are
Skyring's where it has one (contract skyring, section 1); `BadTimer` carries them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.core import times
from franking.core.depth import MAX_DEPTH, deeper
from franking.core.timer import ID_CHARACTERS, MAILED, TRANSPORTS, Callback

MOST_TIMEOUT_MS = 2_147_483_647
FIELD_CHARACTERS = 4_096

Fields = Mapping[str, bytes | msgspec.Raw]


class BadTimer(ValueError):
    """What was asked can't be a timer; the text names the field."""


class Asked(msgspec.Struct, frozen=True):
    """A timer as it was asked for: `timeout_ms` from `created_ms` (now where None), or `due_at`."""

    callback: Callback
    data: msgspec.Raw | None = None
    timeout_ms: int | None = None
    created_ms: int | None = None
    due_at: int | None = None

    def due(self, now: int) -> int:
        """When it is due."""
        if self.timeout_ms is None:
            return now if self.due_at is None else self.due_at
        start = now if self.created_ms is None else self.created_ms
        return min(max(start + self.timeout_ms, 0), times.LATEST)


def asked(fields: Fields) -> Asked:
    """The request in the members of a JSON object. Raises `BadTimer`."""
    timeout_ms, due_at = _when(fields)
    data, callback = _data(fields), _callback(fields)
    if callback.transport in MAILED:
        _object(data, callback.transport)
    return Asked(callback, data, timeout_ms, _created(fields), due_at)


def checked_id(id: str) -> str:
    """A client's own id. Raises `BadTimer`."""
    if not 0 < len(id) <= ID_CHARACTERS:
        raise BadTimer(f"x-timer-id must have 1 to {ID_CHARACTERS} characters")
    if not id.isprintable():
        raise BadTimer("x-timer-id must have no control characters")
    return id


def _when(fields: Fields) -> tuple[int | None, int | None]:
    if "dueAt" not in fields:
        return _timeout(fields), None
    if "timeout" in fields:
        raise BadTimer("timeout and dueAt exclude each other")
    due_at = _value(fields["dueAt"])
    try:
        return None, times.parse(due_at)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise BadTimer("dueAt must be an RFC 3339 time with a zone") from None


def _timeout(fields: Fields) -> int:
    found = _whole(fields.get("timeout"), "timeout")
    if found is None or found <= 0:
        raise BadTimer("timeout is required and must be a positive number")
    if found > MOST_TIMEOUT_MS:
        raise BadTimer(
            f"timeout must be less than or equal to {MOST_TIMEOUT_MS} milliseconds;"
            " use dueAt for a later time"
        )
    return found


def _created(fields: Fields) -> int | None:
    if "created" not in fields or bytes(fields["created"]) == b"null":
        return None
    found = _whole(fields["created"], "created")
    if found is None or not 0 <= found <= times.LATEST:
        raise BadTimer("created must be a time in milliseconds since 1970")
    return found


def _data(fields: Fields) -> msgspec.Raw | None:
    raw = fields.get("data")
    if raw is None or bytes(raw) == b"null":
        return None
    kind = _kind(raw)
    if kind not in ("String", "Object"):
        raise BadTimer(f"data is required and must be a string or object. Got {kind}")
    value = _value(raw)  # a string with half of a surrogate pair could not be handed over
    if isinstance(value, dict):
        _shallow(value)
    return msgspec.Raw(bytes(raw))


def _callback(fields: Fields) -> Callback:
    raw = fields.get("callback")
    if raw is None or _kind(raw) != "Object":
        raise BadTimer("callback is required and must be an object")
    given: dict[str, msgspec.Raw] = _read(_members, raw)
    named = {name: _text(given, name) for name in ("transport", "uri", "method")}
    if named["transport"] not in TRANSPORTS:
        raise BadTimer(f"Unknown transport {named['transport'][:100]}")
    return Callback(**named)


def _text(given: Mapping[str, msgspec.Raw], name: str) -> str:
    raw = given.get(name)
    kind = "Undefined" if raw is None else _kind(raw)
    if raw is None or kind != "String":
        raise BadTimer(f"callback.{name} is required and must be a string. Got {kind}")
    value: str = _value(raw)  # type: ignore[assignment]
    if len(value) > FIELD_CHARACTERS:
        raise BadTimer(f"callback.{name} must have {FIELD_CHARACTERS} characters at most")
    return value


def _object(data: msgspec.Raw | None, transport: str) -> None:
    """A mail's data is a document: an object, or its JSON in a string, as clients send it."""
    value = None if data is None else _value(data)
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise BadTimer(f"data is required and must be an object for the transport {transport}")
    _shallow(value)


def _shallow(value: dict[str, Any]) -> None:
    if deeper(value):
        raise BadTimer(f"data must be nested no more than {MAX_DEPTH} levels deep")


def _whole(raw: bytes | msgspec.Raw | None, name: str) -> int | None:
    """A whole number, also as a string of digits; None for what is no number at all."""
    value = None if raw is None else _value(raw)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        raise BadTimer(f"{name} must be a whole number of milliseconds")
    return int(value)


def _value(raw: bytes | msgspec.Raw) -> object:
    return _read(_anything, raw)


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadTimer(f"the body is not JSON: {error}") from None


def _kind(raw: bytes | msgspec.Raw) -> str:
    """What JavaScript calls the value."""
    return _KINDS.get(bytes(raw)[:1], "Number")


_anything = msgspec.json.Decoder()
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DIGITS = re.compile(r"[0-9]{1,16}")
_KINDS = {
    b'"': "String",
    b"{": "Object",
    b"[": "Array",
    b"t": "Boolean",
    b"f": "Boolean",
    b"n": "Null",
}
