"""Headers that a document brings itself: a map from names to values.

Values are strings, numbers, lists of these (the field is repeated) or nodemailer's
`{"prepared": true, "value": …}`. A name that is no header name is refused. Line breaks in a value
become spaces. Fields that franking writes itself are ignored here, or handed back for the caller
to use: a mail never has two of what it may have one of (RFC 5322, section 3.6).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from franking.compose.envelope import Unsendable
from franking.compose.headers import one_line, text_header
from franking.compose.unicode import excerpt

MAX_NAME_LENGTH = 76
_NAME = re.compile(rf"[!-9;-~]{{1,{MAX_NAME_LENGTH}}}")
_SINGLE = frozenset(("in-reply-to", "references"))


class CustomHeaders(msgspec.Struct, frozen=True):
    """The fields as bytes, and the values of those that were `taken`, by lower-case name."""

    block: bytes
    taken: dict[str, str]


NONE = CustomHeaders(b"", {})


def custom_headers(
    headers: Any, ignored: frozenset[str], taken: frozenset[str] = frozenset()
) -> CustomHeaders | Unsendable:
    """Build the fields; those in `ignored` are left out, those in `taken` handed back."""
    if not isinstance(headers, dict) or not headers:
        return NONE
    fields: list[bytes] = []
    own: dict[str, str] = {}
    for name, given in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return Unsendable(
                f"Error: Invalid header name in field 'headers': {excerpt(str(name))}"
            )
        key = name.lower()
        if key in ignored:
            continue
        values = [one_line(value) for value in _values(given)]
        if key in taken or key in _SINGLE:
            values = [value for value in values if value][:1]
            if not values or key in own:
                continue
            own[key] = values[0]
        if key not in taken:
            fields += [text_header(name, value, prepared=True) for value in values]
    return CustomHeaders(b"".join(fields), own)


def _values(given: Any) -> list[str]:
    if isinstance(given, list | tuple):
        return [value for one in given for value in _values(one)]
    if isinstance(given, dict):
        return _values(given.get("value"))
    if isinstance(given, bool):
        return ["true" if given else "false"]
    if isinstance(given, float) and given.is_integer():
        return [str(int(given))]
    return [] if given is None else [str(given)]
