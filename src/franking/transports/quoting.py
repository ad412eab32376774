"""What a peer said, made fit to be stored and shown: printable, on one line, and not too long."""

from __future__ import annotations


def printable(text: str, characters: int) -> str:
    """Its first characters; line breaks and tabs as spaces, what can't be shown as U+FFFD."""
    return "".join(map(_shown, text.strip()[:characters])).rstrip()


def _shown(mark: str) -> str:
    if mark.isprintable():
        return mark
    return " " if mark.isspace() else "\N{REPLACEMENT CHARACTER}"
