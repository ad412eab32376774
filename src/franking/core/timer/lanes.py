"""Lanes: what waits for one receiver waits in one lane, so that a slow one holds up no other."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from franking.core.timer import MAIL, MAILED, Callback

MAIL_LANE = MAIL
_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=4096)
def lane(callback: Callback) -> str:
    """The receiver as `transport host:port`; what makes mails shares one lane.

    An address that can't be read has a lane too: its timers fail when they are due.
    """
    if callback.transport in MAILED:
        return MAIL_LANE
    try:
        parts = urlsplit(callback.uri)
        host, port = parts.hostname or "?", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "?", 0
    # A control character in it would be another text once it has been through the database.
    named = host[:255] if host.isprintable() else "?"
    return f"{callback.transport} {named}:{port}"
