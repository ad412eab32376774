"""Who is signed in, by what their browser sends; and where they are led once they are.

Policy. Two cookies of one name were not both set by us, and nobody can tell which was: neither
counts. What somebody does renews their session once half of it is over; a page that looks again by
itself renews nothing, or a browser left open would stay signed in as long as it may.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from franking.clock import Clock
from franking.core.key import Key
from franking.core.session import Session
from franking.office.sessions import Over, Sessions, Signed
from franking.web import cookies
from franking.web.pages import PAGES
from franking.web.viewer import sees

MOST_CHARACTERS = 2_000
HOME = "/"


class Visitor(msgspec.Struct, frozen=True):
    """Who is signed in, and the name of the cookie that says so."""

    signed: Signed
    cookie: str


class Visitors:
    """Finds who is signed in."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def find(self, scope: Any) -> Visitor | Over | None:
        """Who is signed in; why nobody is; None where the browser shows nothing."""
        over: Over | None = None
        for name, values in cookies.presented(scope).items():
            found = Over.TWICE if len(values) > 1 else await self._sessions.find(values[0])
            if isinstance(found, Signed):
                return Visitor(found, name)
            over = over or found
        return over

    async def renewed(self, visitor: Visitor) -> tuple[bytes, bytes] | None:
        """The header that has their browser keep the session longer, where it is time for that."""
        session = self._sessions.renewed(visitor.signed.session)
        return None if session is None else await self.kept(visitor.cookie, session)

    async def kept(self, cookie: str, session: Session) -> tuple[bytes, bytes]:
        """The header that has a browser keep a session."""
        text = await self._sessions.text(session)
        return cookies.kept(cookie, text, session.expires_at - self._clock.now())

    async def sign_out(self, scope: Any) -> None:
        """End whatever sessions the browser shows."""
        for values in cookies.presented(scope).values():
            for text in values[:_MOST_ENDED]:
                await self._sessions.sign_out(text)


def place(wanted: str | None, key: Key) -> str:
    """Where somebody is led who has signed in: to what they asked for, else to a page of theirs."""
    target = own_path(wanted)
    if target != HOME or sees(key, HOME):
        return target
    return next((path for path, _ in PAGES if sees(key, path)), HOME)


def own_path(wanted: str | None) -> str:
    """A path of the console with its query, if it is one; else the front page's.

    No other site: no second slash, no backslash, no control character (which browsers take for a
    slash, or leave out).
    """
    if wanted is None or len(wanted) > MOST_CHARACTERS or not _PATH.fullmatch(wanted):
        return HOME
    first = re.split(r"[/?#]", wanted, maxsplit=2)[1]
    return wanted if first in _FIRSTS else HOME


def shown_page(address: str | None) -> str:
    """The path that a page's address has, where it is one of ours; else the front page's."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return HOME
    return own_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")
_FIRSTS = {path.split("/")[1] for path, _ in PAGES}
_MOST_ENDED = 5
