"""JSON as people read it, within bounds: data of timers, bodies of events."""

from __future__ import annotations

import msgspec

MOST_CHARACTERS = 20_000
# More than that is not laid out, for it would only be cut.
MOST_BYTES = 1024 * 1024


class Laid(msgspec.Struct, frozen=True):
    """JSON laid out. `quoted`: it stood in a string; `cut`: there is more, of so many bytes."""

    text: str
    bytes: int
    quoted: bool = False
    cut: bool = False


def pretty(json: bytes) -> Laid:
    """JSON laid out; a string that holds JSON as what it holds."""
    size = len(json)
    if size > MOST_BYTES:
        return Laid(json[:MOST_CHARACTERS].decode("utf-8", "replace"), size, cut=True)
    inner = _string(json)
    if inner is None:
        return _bounded(_formatted(json), size)
    try:
        return _bounded(_formatted(inner.encode()), size, quoted=True)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return _bounded(inner, size, quoted=True)


def _string(json: bytes) -> str | None:
    """The text of a JSON string; None where it is no string."""
    return msgspec.json.decode(json, type=str) if json.lstrip()[:1] == b'"' else None


def _formatted(json: bytes) -> str:
    try:
        msgspec.json.decode(json)
        return msgspec.json.format(json, indent=2).decode()
    except RecursionError:
        return json.decode()


def _bounded(text: str, size: int, quoted: bool = False) -> Laid:
    return Laid(text[:MOST_CHARACTERS], size, quoted, len(text) > MOST_CHARACTERS)
