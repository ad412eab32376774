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
    """Names and values, each on one line, and the values of those `taken`, by lower-case name."""

    pairs: tuple[tuple[str, str], ...]
    taken: dict[str, str]

    @property
    def block(self) -> bytes:
        """The fields as bytes."""
        if not self.pairs:
            return b""
        return b"".join([text_header(name, value, prepared=True) for name, value in self.pairs])


NONE = CustomHeaders((), {})


def custom_headers(
    headers: Any, ignored: frozenset[str], taken: frozenset[str] = frozenset()
) -> CustomHeaders | Unsendable:
    """Build the fields; those in `ignored` are left out, those in `taken` handed back."""
    if not isinstance(headers, dict) or not headers:
        return NONE
    pairs: list[tuple[str, str]] = []
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
            pairs += [(name, value) for value in values if value]
    return CustomHeaders(tuple(pairs), own)


def _values(given: Any) -> list[str]:
    """The values as text, spelled as JavaScript does; null is none."""
    if not isinstance(given, list | tuple):
        given = (given,)
    inner = [one.get("value") if isinstance(one, dict) else one for one in given]
    return [_text(one) for one in inner if one is not None]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
