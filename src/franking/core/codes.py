"""The enhanced status code in a field or a sentence that holds one (RFC 3463)."""

from __future__ import annotations

import re

READ_CHARACTERS = 2_000


def status(text: str) -> str | None:
    """The first enhanced code in a text."""
    found = _ENHANCED.search(text[:READ_CHARACTERS])
    return found[1] if found else None


_ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\w|\.\d)")
