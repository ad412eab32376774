"""What to say to log in: AUTH PLAIN, LOGIN and XOAUTH2 (RFC 4954, RFC 4616, Google's XOAUTH2)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

Method = Literal["PLAIN", "LOGIN", "XOAUTH2"]


class Login(msgspec.Struct, frozen=True):
    """Who logs in and with what: a password, or for XOAUTH2 an access token."""

    user: str
    secret: str
    method: Method | None = None

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, secret=…, method={self.method!r})"


def script(login: Login, offered: Collection[str]) -> tuple[bytes, Sequence[bytes]]:
    """The AUTH command, and the line to answer each 334 with.

    Where the server offers nothing that we know, PLAIN is tried all the same, as nodemailer
    does: the server's own words then say what is wrong.
    """
    match login.method or _preferred(offered):
        case "LOGIN":
            return b"AUTH LOGIN", (_encoded(login.user), _encoded(login.secret))
        case "XOAUTH2":
            token = _encoded(f"user={login.user}\x01auth=Bearer {login.secret}\x01\x01")
            # The 334 is an error told as a challenge; an empty line brings the 535.
            # https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
            return b"AUTH XOAUTH2 " + token, (b"",)
        case _:
            token = _encoded(f"\0{login.user}\0{login.secret}")
            # A server that ignores the initial response asks for it with a 334.
            return b"AUTH PLAIN " + token, (token,)


def _preferred(offered: Collection[str]) -> Method:
    return "LOGIN" if "LOGIN" in offered and "PLAIN" not in offered else "PLAIN"


def _encoded(words: str) -> bytes:
    return b64encode(words.encode())
