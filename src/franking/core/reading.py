"""JSON that somebody hands in: read, or told in words why it can't be.

`what` is what the words call it: "The body", say.
"""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.depth import MAX_DEPTH, deeper

MAX_DOCUMENT_BYTES = 10 * 1024 * 1024


class Unreadable(Exception):
    """What was handed in is not what it should be; `reason` is a word for programs."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def decoded(given: bytes, what: str) -> Any:
    """The JSON value in some bytes. Raises `Unreadable`."""
    try:
        return msgspec.json.decode(given)
    except RecursionError:
        raise too_deep(what) from None
    except UnicodeDecodeError:
        raise Unreadable("bad_json", _no_utf8(given, what)) from None
    except msgspec.DecodeError as error:
        raise Unreadable("bad_json", _malformed(error, given, what)) from None


def mapping(given: bytes, what: str) -> dict[str, Any]:
    """The JSON object in some bytes, not too deep. Raises `Unreadable`."""
    value = decoded(given, what)
    if type(value) is not dict:
        raise Unreadable("no_object", f"{what} is {named(value)}, not a JSON object.")
    shallow(value, what)
    return value


def shallow(value: Any, what: str) -> None:
    """Raises `Unreadable` where lists and maps are nested too deep."""
    if deeper(value):
        raise too_deep(what)


def too_deep(what: str) -> Unreadable:
    return Unreadable("too_deep", f"{what} is nested more than {MAX_DEPTH} levels deep.")


def named(value: Any) -> str:
    """What kind of JSON value it is, in words."""
    return _NAMES.get(type(value), "a number")


def _no_utf8(given: bytes, what: str) -> str:
    try:
        given.decode()
    except UnicodeDecodeError as error:
        return f"{what} is not UTF-8 (byte {error.start})."
    return f"{what} is not UTF-8."


def _malformed(error: msgspec.DecodeError, given: bytes, what: str) -> str:
    text = str(error)
    if "byte" not in text:
        text = f"{text} (it has {len(given)} bytes)"
    return f"{what} is no JSON that can be read: {text.removeprefix('JSON is malformed: ')}."


_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
_NAMES[type(None)] = "null"
