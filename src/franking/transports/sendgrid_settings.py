"""Where SendGrid's Web API v3 is, with which key, and how long to wait for it."""

from __future__ import annotations

import re

import msgspec

# https://www.twilio.com/docs/sendgrid/api-reference/mail-send: the base URL for global users.
API = "https://api.sendgrid.com"
_KEY = re.compile(r"[!-~]{1,1024}")


class SendGridSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One API key; waits are in seconds, `total` for a whole request. `base` is the tests' own."""

    key: str
    max_connections: int | None = None
    base: str = API
    connect_seconds: float = 30
    total_seconds: float = 300

    def __repr__(self) -> str:
        return f"SendGridSettings({self.base})"


def sendgrid_settings(key: str, max_connections: int | None = None) -> SendGridSettings:
    """Raises ValueError, which never tells the key."""
    if not _KEY.fullmatch(key):
        raise ValueError("a SendGrid API key has no spaces, line breaks or other such characters")
    return SendGridSettings(key=key, max_connections=max_connections)
