"""A session: somebody showed a key to the console, and for how long that counts.

Policy. A session counts for twelve hours from when it was last renewed. What a person does in the
second half of that renews it; seven days after the sign-in it is over, whatever was done. One that
was issued later than now is none: the clock was set back, and nobody can say how old it is.

A browser keeps the text of a session, signed; its nonce is 256 bits of chance, of which only the
SHA-256 is kept here. So who reads the database can sign, but knows no nonce to sign with.
"""

from __future__ import annotations

import base64
import hashlib
import re

import msgspec
from msgspec.structs import replace

NONCE_BYTES = 32
LASTS_MS = 12 * 3_600_000
MOST_MS = 7 * 24 * 3_600_000
# Processes that share a database need not have quite the same time.
SKEW_MS = 60_000


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in: the id of their key. Times are in milliseconds."""

    key: str
    nonce: str
    signed_in_at: int
    issued_at: int
    expires_at: int


def begun(key: str, chance: bytes, now: int) -> Session:
    """A new session; `chance` is NONCE_BYTES that nobody can guess."""
    nonce = base64.urlsafe_b64encode(chance).rstrip(b"=").decode()
    return Session(key=key, nonce=nonce, signed_in_at=now, issued_at=now, expires_at=now + LASTS_MS)


def counts(session: Session, now: int) -> bool:
    """Is it neither over nor issued later than now?"""
    return session.issued_at - SKEW_MS <= now < session.expires_at


def renewed(session: Session, now: int) -> Session | None:
    """The session from now on; None where it is too early for that, or would add nothing."""
    if now - session.issued_at < LASTS_MS // 2:
        return None
    expires_at = min(now + LASTS_MS, session.signed_in_at + MOST_MS)
    if expires_at <= session.expires_at:
        return None
    return replace(session, issued_at=now, expires_at=expires_at)


def ends_at(session: Session) -> int:
    """When it is over, however often it was renewed."""
    return session.signed_in_at + MOST_MS


def hashed(nonce: str) -> str:
    """What is kept of a nonce."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def written(session: Session) -> str:
    """The text that is signed."""
    times = f"{session.signed_in_at}.{session.issued_at}.{session.expires_at}"
    return f"{session.key}.{session.nonce}.{times}"


def parsed(text: str) -> Session | None:
    """The session in a text; None where it is no such text."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    signed_in_at, issued_at, expires_at = map(int, found.group(3, 4, 5))
    return Session(
        key=found[1],
        nonce=found[2],
        signed_in_at=signed_in_at,
        issued_at=issued_at,
        expires_at=expires_at,
    )


_TEXT = re.compile(
    r"([0-9A-Z]{26})\.([A-Za-z0-9_-]{43})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})", re.ASCII
)
