"""Parameters of Content-Type and Content-Disposition, file names above all (RFC 2045, 2231)."""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes

from franking.compose.headers import encoded_words, one_line, words_folded
from franking.compose.unicode import utf8

_LONGEST_PLAIN = 60
_LONGEST_SECTION = 60
_ATTRIBUTE_SAFE = "!#$&+-.^_`{|}~"  # attribute-char of RFC 2231, section 7
_SECTION = re.compile(rf".{{1,{_LONGEST_SECTION}}}(?<!%)(?<!%[0-9A-F])")


def file_name_parameter(value: str) -> str:
    """`filename=` for Content-Disposition: quoted, or extended and in sections where it must be.

    Begins with `;` and a fold.
    """
    value = one_line(value)
    if _plain(value):
        return f";\r\n filename={quoted(value)}"
    extended = quote_from_bytes(utf8(value), safe=_ATTRIBUTE_SAFE)
    if len(extended) <= _LONGEST_SECTION:
        return f";\r\n filename*=utf-8''{extended}"
    return "".join(
        f";\r\n filename*{number}*={section}"
        for number, section in enumerate(_SECTION.findall("utf-8''" + extended))
    )


def name_parameter(value: str) -> str:
    """`name=` for Content-Type, which older readers look at: quoted, encoded words inside."""
    value = one_line(value)
    if _plain(value):
        return f";\r\n name={quoted(value)}"
    return f';\r\n name="{words_folded(encoded_words(value, first_room=60))}"'


def quoted(value: str) -> str:
    """A quoted string; the value is ASCII without control characters."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(value: str) -> bool:
    return len(value) <= _LONGEST_PLAIN and value.isascii() and "=?" not in value
