"""Who may call: the key of a request, what it allows, and how often.

Policy. A key comes as `Authorization: Bearer`, or as the password of Basic, whose user is passed
over. One that is presented is judged, needed or not. As long as no key was ever made, callers on
this machine need none: the peer must be a loopback address, and must not say that it carries the
request for somebody else, as a proxy on this machine does. From the first key on everybody needs
one. Unknown, malformed and wrong are told alike; only who proves to hold a key is told that it
was revoked. An answer that goes on and on ends as soon as its key is revoked.
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
    """An ASGI app in front of `app`, which is called only for whom it is open."""

    def __init__(self, app: ASGIApp, keys: Keys, clock: Clock) -> None:
        self._app = app
        self._keys = keys
        self._clock = clock
        self._full_at: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Any = scope
        if asked["type"] != "http":
            await self._app(scope, receive, send)
            return
        need = needed(asked["method"], asked["path"])
        if need != OPEN:
            try:
                client = asked.get("client")
                key = await self.admitted(asked["headers"], client and client[0], need)
            except (Problem, StoreUnavailable) as error:
                await turned_away(scope, problems.of(error))(scope, receive, send)
                return
            if key is not None:
                asked.setdefault("state", {})[CREDENTIAL] = key.id
            send = self._while_it_holds(key, send)
        await self._app(scope, receive, send)

    async def admitted(
        self, headers: Sequence[Header], peer: str | None, need: Need | None
    ) -> Key | None:
        """The key that a request may be served by; None where it needs none. Raises `Problem`.

        `headers` have their names in lower case; `peer` is the caller's network address.
        """
        presented = _presented(headers)
        if presented is None:
            await self._without_key(headers, peer)
            return None
        key = await self._keys.find(presented.id)
        if key is None or not proves(presented, key):
            raise _unknown()
        if key.revoked_at is not None:
            raise _refused("key_revoked", "This key was revoked.", _ANOTHER, _INVALID)
        self._keys.used(key)
        self._draw(key)
        if not allows(key.scopes, need or Need.ADMIN):
            raise _not_allowed(need)
        return key

    async def _without_key(self, headers: Sequence[Header], peer: str | None) -> None:
        if await self._keys.made():
            raise _refused("key_missing", "This call needs a key.", _SEND)
        on_this_machine(headers, peer)

    def _draw(self, key: Key) -> None:
        if key.per_minute is None:
            return
        now = self._clock.steady_ms()
        full_at, wait_ms = drawn(self._full_at.get(key.id, now), key.per_minute, now)
        self._full_at[key.id] = full_at
        if wait_ms:
            raise _too_often(key.per_minute, math.ceil(wait_ms / 1000))

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
    if peer is None or not _loopback(peer):
        detail = "Without a key only callers on this machine are served."
        raise _refused("key_missing", detail, _SEND)
    if any(name in _CARRIED for name, _ in headers):
        detail = "Without a key nothing is served that a proxy carries for others."
        raise _refused("key_missing", detail, _SEND)


def _presented(headers: Iterable[Header]) -> Presented | None:
    """The key in a request; None where it has none. Raises `Problem` for what is no key."""
    given = [value for name, value in headers if name == b"authorization"]
    if not given:
        return None
    if len(given) > 1 or len(given[0]) > AUTHORIZATION_BYTES:
        raise _unknown()
    scheme, _, rest = given[0].partition(b" ")
    read = _SCHEMES.get(scheme.lower())
    found = None if read is None else parsed(read(rest.strip()))
    if found is None:
        raise _unknown()
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
def _loopback(host: str) -> bool:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    # A socket for both families shows an IPv4 peer within IPv6.
    mapped = found.ipv4_mapped if found.version == 6 else None
    return (mapped or found).is_loopback


def _unknown() -> Problem:
    return _refused("key_unknown", "There is no such key.", _ANOTHER, _INVALID)


def _refused(reason: str, detail: str, next: str, error: bytes = b"") -> Problem:
    """401 with both ways to send a key (RFC 9110, section 11.6.1; RFC 6750, section 3)."""
    challenges = ((_CHALLENGE, _BEARER + error), (_CHALLENGE, _BASIC))
    return Problem(401, reason, detail, next, "Authorization", challenges)


def _not_allowed(need: Need | None) -> Problem:
    if need is None:
        # What no row covers is no route of ours; were it one, it would not be open by mistake.
        detail = "There is nothing at this path with this method."
        return Problem(404, "unknown_path", detail, "GET /openapi.json lists every path.")
    error = f'{_BEARER.decode()}, error="insufficient_scope", scope="{need}"'
    return Problem(
        403,
        "scope_missing",
        f"This call needs a key with the scope {need}, which this key has not.",
        f"Make one with `franking key create --scope {need}`.",
        "Authorization",
        ((_CHALLENGE, error.encode()),),
    )


def _too_often(per_minute: int, seconds: int) -> Problem:
    detail = f"This key may make {per_minute} calls a minute, and they are used up."
    headers = ((b"retry-after", b"%d" % seconds),)
    return Problem(429, "too_often", detail, f"Call again in {seconds} s.", headers=headers)


_CHALLENGE = b"www-authenticate"
_BEARER = b'Bearer realm="franking"'
_BASIC = b'Basic realm="franking", charset="UTF-8"'
_INVALID = b', error="invalid_token"'
_SCHEMES = {b"bearer": _bearer, b"basic": _password}
_SEND = (
    "Send one as `Authorization: Bearer fk_…` (commands take it from FRANKING_KEY);"
    " `franking key create` makes one."
)
_ANOTHER = "Send the whole key as it was shown when it was made, or make another."
