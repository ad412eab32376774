"""A key: who may call franking, for what, and how often.

A key is the text `fk_<id>_<secret>`. The id is no secret: lists and logs name a key by it. The
secret is 256 bits of chance, and only its SHA-256 is kept. That is right here, where for a
password it would be wrong: slow hashes protect what people choose and others can guess, but
nobody guesses 256 bits, however fast each guess is, and every call has to pay for the hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Collection
from enum import StrEnum

import msgspec

SECRET_BYTES = 32
NAME_CHARACTERS = 100
PER_MINUTE_MAX = 1_000_000
MINUTE_MS = 60_000
# A use is written down no more often than this.
USE_MS = MINUTE_MS


class Scope(StrEnum):
    """What a key may do; `admin` is all of it, and making keys too."""

    MAIL_WRITE = "mail:write"
    MAIL_READ = "mail:read"
    TIMERS = "timers"
    CADENCE = "cadence"
    METRICS = "metrics"
    ADMIN = "admin"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept. `per_minute` None is no limit; times are in milliseconds."""

    id: str
    name: str
    hash: str
    scopes: tuple[Scope, ...]
    per_minute: int | None = None
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


class Presented(msgspec.Struct, frozen=True):
    """A key as somebody handed it in; `proves` tells whether it is the one."""

    id: str
    secret: str


def written(id: str, secret: bytes) -> str:
    """The text of a key, which is shown once."""
    return f"fk_{id}_{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}"


def parsed(text: str) -> Presented | None:
    """The parts of a key's text; None where it is no such text."""
    found = _TEXT.fullmatch(text)
    return None if found is None else Presented(found[1], found[2])


def hashed(presented: Presented) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(presented.secret.encode()).hexdigest()


def proves(presented: Presented, key: Key) -> bool:
    """Is it this very key? Takes as long however much of the hash is right."""
    return hmac.compare_digest(hashed(presented), key.hash)


def allows(scopes: Collection[Scope], needed: Scope) -> bool:
    """May a key with these scopes do what needs that one?"""
    return needed in scopes or Scope.ADMIN in scopes


def drawn(full_at: float, per_minute: int, now: int) -> tuple[float, int]:
    """One call out of a bucket that holds a minute's calls and fills evenly.

    A bucket is told by the one time when it is full again. Answers the new one, and 0; or the same
    one, and how many milliseconds the caller has to wait.
    """
    each = MINUTE_MS / per_minute
    after = max(full_at, now) + each
    wait = after - now - MINUTE_MS
    # Sums of fractions of a millisecond are not exact; none is worth a refusal.
    return (after, 0) if wait < 1 else (full_at, math.ceil(wait))


def worth_writing(last_used_at: int | None, now: int) -> bool:
    """Is a use at `now` to be written over the last one that was?"""
    return last_used_at is None or now - last_used_at >= USE_MS


_TEXT = re.compile(r"fk_([0-9A-Z]{26})_([A-Za-z0-9_-]{43})", re.ASCII)
