"""The reply code and the enhanced status code in words that hold them (RFC 5321, RFC 3463)."""

from __future__ import annotations

import re

READ_CHARACTERS = 2_000


def codes(text: str) -> tuple[int | None, str | None]:
    """The first reply code, and the first enhanced code of the same class."""
    words = text[:READ_CHARACTERS]
    reply = _REPLY.search(words)
    enhanced = _ENHANCED.search(words)
    if reply is None or enhanced is None or reply[1][0] == enhanced[1][0]:
        return _number(reply), enhanced[1] if enhanced else None
    return _number(reply), None


def status(text: str) -> str | None:
    """The enhanced code that a Status field holds (RFC 3464, section 2.3.4)."""
    found = _ENHANCED.search(text[:READ_CHARACTERS])
    return found[1] if found else None


def _number(found: re.Match[str] | None) -> int | None:
    return int(found[1]) if found else None


# At the beginning, or behind a blank, a quote, a bracket or a colon; not within a number.
_REPLY = re.compile(r"(?<![\w.,/#=-])([245]\d\d)(?=[- :,;#]|$)")
_ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\w|\.\d)")
