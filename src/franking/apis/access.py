"""Who may call: the key of a request, what it allows, and how often.

Policy. A key comes as `Authorization: Bearer`, or as the password of Basic, whose user is passed
over. One that is presented is judged, needed or not. As long as no key was ever made, callers on
this machine need none: the peer must be a loopback address, and must not say that it carries the
request for somebody else, as a proxy on this machine does. From the first key on everybody needs
one. Unknown, malformed and wrong are told alike; only who proves to hold a key is told that it
was revoked. An answer that goes on and on ends as soon as its key is revoked.

On the console's pages, and nowhere else, a session stands for the key that it was begun with, where
no `Authorization` is sent. Elsewhere a browser's cookie is passed over: so no page of another site
can use it for a call.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from franking.apis import problems
from franking.apis.calls import CREDENTIAL
from franking.apis.console import VIEWER, Console
from franking.apis.key_refusals import (
    ANOTHER,
    INVALID,
    SEND,
    not_allowed,
    refused,
    too_often,
    unknown,
)
from franking.apis.problems import Problem
from franking.apis.skyring_answers import turned_away
from franking.clock import Clock
from franking.core.key import Key, Presented, allows, drawn, parsed, proves
from franking.core.key import Scope as Need
from franking.core.scopes import OPEN, needed
from franking.office.keys import Keys
from franking.stores.base import StoreUnavailable

AUTHORIZATION_BYTES = 1_024
# What a proxy says of the caller that it speaks for.
_CARRIED = frozenset((b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"))

Header = tuple[bytes, bytes]


class Access:
    """An ASGI app in front of `app`, which is called only for whom it is open.

    `console` has the pages among them, where they are served.
    """

    def __init__(
        self, app: ASGIApp, keys: Keys, clock: Clock, console: Console | None = None
    ) -> None:
        self._app = app
        self._keys = keys
        self._clock = clock
        self._console = console
        self._full_at: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Any = scope
        need = OPEN if asked["type"] != "http" else needed(asked["method"], asked["path"])
        if need == OPEN:
            await self._app(scope, receive, send)
            return
        try:
            key = await self._let_in(asked, need)
        except (Problem, StoreUnavailable) as error:
            await self._turned_away(asked, problems.of(error))(scope, receive, send)
            return
        if key is not None:
            asked["state"][CREDENTIAL] = key.id
        if self._console is not None:
            send = self._console.answering(scope, send)
        await self._app(scope, receive, self._while_it_holds(key, send))

    async def admitted(
        self, headers: Sequence[Header], peer: str | None, need: Need | None
    ) -> Key | None:
        """The key that a request may be served by; None where it needs none. Raises `Problem`.

        `headers` have their names in lower case; `peer` is the caller's network address.
        """
        key = await self._known(headers, peer)
        if key is not None:
            self._serve(key, need)
        return key

    async def _let_in(self, asked: Any, need: Need | None) -> Key | None:
        """As `admitted`; on the console's pages who is signed in counts too."""
        headers, peer = asked["headers"], (asked.get("client") or (None,))[0]
        key = None
        if self._console is not None and self._console.covers(asked["path"]) and not shown(headers):
            key = await self._console.visitor(asked)
        if key is None:
            key = await self._known(headers, peer)
        asked.setdefault("state", {})[VIEWER] = key
        if key is not None:
            self._serve(key, need)
        return key

    async def _known(self, headers: Sequence[Header], peer: str | None) -> Key | None:
        presented = _presented(headers)
        if presented is None:
            await self._without_key(headers, peer)
            return None
        key = await self._keys.find(presented.id)
        if key is None or not proves(presented, key):
            raise unknown()
        if key.revoked_at is not None:
            raise refused("key_revoked", "This key was revoked.", ANOTHER, INVALID)
        return key

    def _serve(self, key: Key, need: Need | None) -> None:
        self._keys.used(key)
        self._draw(key)
        if not allows(key.scopes, need or Need.ADMIN):
            raise not_allowed(need)

    def _turned_away(self, asked: Any, problem: Problem) -> ASGIApp:
        told = None if self._console is None else self._console.turned_away(asked, problem)
        return told or turned_away(asked, problem)

    async def _without_key(self, headers: Sequence[Header], peer: str | None) -> None:
        if await self._keys.made():
            raise refused("key_missing", "This call needs a key.", SEND)
        on_this_machine(headers, peer)

    def _draw(self, key: Key) -> None:
        if key.per_minute is None:
            return
        now = self._clock.steady_ms()
        full_at, wait_ms = drawn(self._full_at.get(key.id, now), key.per_minute, now)
        self._full_at[key.id] = full_at
        if wait_ms:
            raise too_often(key.per_minute, math.ceil(wait_ms / 1000))

    def _while_it_holds(self, key: Key | None, send: Send) -> Send:
        """`send`, until the answer is whole or the key is revoked."""
        ended = False

        async def sent(message: Any) -> None:
            nonlocal ended
            if ended:
                return
            if message.get("more_body") and not await self._holds(key):
                ended = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        return sent

    async def _holds(self, key: Key | None) -> bool:
        try:
            if key is None:
                return not await self._keys.made()
            found = await self._keys.find(key.id)
        except StoreUnavailable:
            return False
        return found is not None and found.revoked_at is None


def on_this_machine(headers: Sequence[Header], peer: str | None) -> None:
    """Let nobody else pass without a key. Raises `Problem`."""
    if peer is None or not loopback(peer):
        detail = "Without a key only callers on this machine are served."
        raise refused("key_missing", detail, SEND)
    if carried(headers):
        detail = "Without a key nothing is served that a proxy carries for others."
        raise refused("key_missing", detail, SEND)


def carried(headers: Iterable[Header]) -> bool:
    """Does a request say that it is carried for somebody else?"""
    return any(name in _CARRIED for name, _ in headers)


def shown(headers: Iterable[Header]) -> bool:
    """Does a request show a key, or what it takes for one?"""
    return any(name == b"authorization" for name, _ in headers)


def _presented(headers: Iterable[Header]) -> Presented | None:
    """The key in a request; None where it has none. Raises `Problem` for what is no key."""
    given = [value for name, value in headers if name == b"authorization"]
    if not given:
        return None
    if len(given) > 1 or len(given[0]) > AUTHORIZATION_BYTES:
        raise unknown()
    scheme, _, rest = given[0].partition(b" ")
    read = _SCHEMES.get(scheme.lower())
    found = None if read is None else parsed(read(rest.strip()))
    if found is None:
        raise unknown()
    return found


def _bearer(credentials: bytes) -> str:
    return credentials.decode("latin-1")


def _password(credentials: bytes) -> str:
    """The password of Basic (RFC 7617); a user has no colon."""
    try:
        pair = base64.b64decode(credentials, validate=True)
    except binascii.Error:
        return ""
    return pair.partition(b":")[2].decode("latin-1")


@lru_cache(maxsize=256)
def loopback(host: str) -> bool:
    """Is it a network address of this machine alone?"""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    # A socket for both families shows an IPv4 peer within IPv6.
    mapped = found.ipv4_mapped if found.version == 6 else None
    return (mapped or found).is_loopback


_SCHEMES = {b"bearer": _bearer, b"basic": _password}
