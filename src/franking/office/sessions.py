"""Sessions of the console: begun with a key, found again by what a browser keeps, and ended.

Policy. A session is as good as its key is now: one that is revoked ends it, and what may be done is
what the key may do. What the browser keeps is signed by itsdangerous, which is small, well kept,
and does just this (a key derived for one purpose, HMAC-SHA256, compared in constant time); its own
clock and its formats are not used. A session that was ended is gone from the store, so a copy of it
counts nowhere: here at once, in other processes within REMEMBERED_MS.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

import msgspec
from itsdangerous import BadSignature, Signer

from franking.clock import Clock
from franking.core import key as keys
from franking.core import session as sessions
from franking.core.key import Key
from franking.core.session import Session
from franking.office.keys import MOST_REMEMBERED, REMEMBERED_MS, Keys
from franking.stores.base import Store

SECRET_BYTES = 32


class Over(StrEnum):
    """Why what a browser keeps does not count."""

    EXPIRED = "expired"
    ENDED = "ended"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    TWICE = "twice"


class Signed(msgspec.Struct, frozen=True):
    """Who is signed in: a session and its key."""

    session: Session
    key: Key


class Sessions:
    """The door to the sessions of a store."""

    def __init__(self, store: Store, clock: Clock, keys: Keys) -> None:
        self._rows = store.sessions
        self._clock = clock
        self._keys = keys
        self._signer: Signer | None = None
        # Of each hash the key and the end, or None where it was ended; and until when that counts.
        self._seen: dict[str, tuple[tuple[str, int] | None, int]] = {}

    async def sign_in(self, text: str) -> Signed | None:
        """A new session for who holds the key; None, whyever it is not a key that counts."""
        presented = keys.parsed(text)
        if presented is None:
            return None
        key = await self._keys.find(presented.id)
        # A key that is not there takes as long as a wrong one.
        right = keys.proves(presented, key or _NONE)
        if key is None or not right or key.revoked_at is not None:
            return None
        now = self._clock.now()
        session = sessions.begun(key.id, self._clock.secret(sessions.NONCE_BYTES), now)
        hash = sessions.hashed(session.nonce)
        await self._rows.add(hash, key.id, session.signed_in_at, sessions.ends_at(session))
        self._keys.used(key)
        return Signed(session, key)

    async def text(self, session: Session) -> str:
        """What a browser is to keep."""
        return (await self._signing()).sign(sessions.written(session)).decode()

    async def find(self, text: str) -> Signed | Over:
        """Who is signed in, by what a browser kept; or why that does not count."""
        now = self._clock.now()
        session = await self._opened(text)
        if session is None:
            return Over.UNKNOWN
        if not sessions.counts(session, now):
            return Over.EXPIRED
        kept = await self._kept(sessions.hashed(session.nonce))
        if kept is None:
            return Over.ENDED
        if kept[0] != session.key or now >= kept[1]:
            return Over.EXPIRED
        key = await self._keys.find(session.key)
        if key is None or key.revoked_at is not None:
            return Over.REVOKED
        return Signed(session, key)

    def renewed(self, session: Session) -> Session | None:
        """The session as it goes on; None where it is not time for that."""
        return sessions.renewed(session, self._clock.now())

    async def sign_out(self, text: str) -> None:
        """End the session that a browser kept; one that is over or none is no error."""
        session = await self._opened(text)
        if session is None:
            return
        hash = sessions.hashed(session.nonce)
        await self._rows.end(hash)
        self._remember(hash, None)

    async def _opened(self, text: str) -> Session | None:
        if not _SIGNED.fullmatch(text):
            return None
        try:
            return sessions.parsed((await self._signing()).unsign(text).decode())
        except BadSignature:
            return None

    async def _kept(self, hash: str) -> tuple[str, int] | None:
        kept, until = self._seen.get(hash, (None, 0))
        if self._clock.steady_ms() < until:
            return kept
        kept = await self._rows.find(hash)
        # Meanwhile it may have been ended, here.
        seen, until = self._seen.get(hash, (None, 0))
        if seen is None and self._clock.steady_ms() < until:
            return None
        if kept is not None:
            self._remember(hash, kept)
        return kept

    def _remember(self, hash: str, kept: tuple[str, int] | None) -> None:
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen[hash] = kept, self._clock.steady_ms() + REMEMBERED_MS

    async def _signing(self) -> Signer:
        if self._signer is None:
            secret = await self._rows.secret(self._clock.secret(SECRET_BYTES))
            self._signer = Signer(
                secret,
                salt=b"franking session",
                key_derivation="hmac",
                digest_method=hashlib.sha256,
            )
        return self._signer


# The signature has 256 bits in 43 characters: of the last one two bits must be 0, or four texts
# would be the same session.
_SIGNED = re.compile(r"[0-9A-Za-z_.-]{60,200}\.[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
# Nobody has the secret of a key with this hash: it stands where there is no key.
_NONE = Key(id="", name="", hash="0" * 64, scopes=(), created_at=0)
