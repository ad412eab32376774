"""Strings of a JSON document made safe to encode: no lone surrogates, nothing unprintable."""

from __future__ import annotations


def mend(text: str) -> str:
    """Replace lone surrogates, which JSON can spell and UTF-8 cannot, by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def utf8(text: str) -> bytes:
    """Encode as UTF-8, lone surrogates as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return mend(text).encode()


def excerpt(text: str, limit: int = 80) -> str:
    """A piece of a document's string to quote in an error: one line, printable, at most `limit`."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
