"""What the callers of receivers share: their limits, refusals, and a timer's data as bytes."""

from __future__ import annotations

import msgspec

from franking.core.timer import Timer

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 30.0
CONNECTIONS = 512
CONNECTIONS_EACH = 64


class Uncallable(Exception):
    """A timer that no call can be made for; the text says why, and has no secret of its URI."""


class Data(msgspec.Struct, frozen=True):
    """A string in UTF-8, or the JSON of an object as it is stored."""

    content: bytes
    json: bool


def data(timer: Timer) -> Data | None:
    """What is handed over, None where there is nothing. Raises `Uncallable`."""
    stored = b"" if timer.data is None else bytes(timer.data)
    if stored.strip() in (b"", b"null"):
        return None
    if not stored.lstrip().startswith(b'"'):
        return Data(stored, json=True)
    try:
        return Data(msgspec.json.decode(stored, type=str).encode(), json=False)
    except (msgspec.DecodeError, UnicodeError):
        raise Uncallable("the timer's data is no text that could be sent") from None
