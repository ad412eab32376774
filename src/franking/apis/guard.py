"""What no request gets past, whatever it asks for and whatever key it has.

Policy. A `Host` that we don't serve is refused: a page on another site whose name was pointed at
this machine would else be same-origin with us (DNS rebinding). A request that changes state and
comes from a page of another site, by `Origin` or `Sec-Fetch-Site`, is refused: the browser would
send it from inside the user's network, where no key is asked for. An id with an escaped slash, or
with bytes that are no UTF-8, is refused before decoding makes another path of it. A body larger
than its path may take is refused before it is read, or as soon as it has grown too large. On
Skyring's paths the bare app sees to ids and bodies itself: there an id may have a slash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from litestar.types import ASGIApp, Receive, Scope, Send

from franking.apis.problems import Problem
from franking.apis.skyring_answers import reached, turned_away

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
KNOWN_HOSTS = 1024
# The server throws away what still comes of a refused body, so that the client reads our answer
# rather than a reset connection; but not without end.
HANG_UP_BYTES = 256 * 1024 * 1024


class Guard:
    """An ASGI app in front of `app`; `hosts` are served beside the loopback's names.

    `hosts` are names, with a port where only that port is meant. `limits` are the most bytes of
    a body by path, where they differ from `max_body_bytes`.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        max_body_bytes: int,
        limits: Mapping[str, int],
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._max_body_bytes = max_body_bytes
        self._limits = limits
        self._known: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind: str = scope["type"]
        if kind != "http":
            await self._app(scope, receive, send)
            return
        try:
            receive = self._checked(scope, receive)
        except Problem as problem:
            await turned_away(scope, problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _checked(self, scope: Any, receive: Receive) -> Receive:
        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1 or named[0] not in self._known:
            self._look(named)
        headers = dict(scope["headers"])
        if scope["method"] not in SAFE_METHODS:
            _same_site(headers, named[0])
        if reached(scope["raw_path"]):
            return receive
        if b"%" in scope["raw_path"]:
            _plain(scope["raw_path"])
        limit = self._limits.get(scope["path"], self._max_body_bytes)
        return bounded(headers, receive, limit)

    def _look(self, named: list[bytes]) -> None:
        if len(named) != 1:
            detail = "A request names the host that it is for, once."
            raise Problem(400, "no_host", detail, "Send one Host header.", "Host")
        if not _serves(named[0].decode("latin-1").lower(), self._hosts):
            detail = f"This server does not serve the host {named[0].decode('latin-1')[:100]!r}."
            next = "Use the address it listens on, or add the name to its settings."
            raise Problem(421, "unknown_host", detail, next, "Host")
        if len(self._known) < KNOWN_HOSTS:
            self._known.add(named[0])


def bounded(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> Receive:
    """`receive`, with so many bytes of a body at most. Raises `Problem`, now or on the way."""
    length = headers.get(b"content-length")
    if length is None:
        return _counted(receive, limit) if b"transfer-encoding" in headers else receive
    announced = int(length) if length.isdigit() and len(length) < 19 else HANG_UP_BYTES
    if announced > limit:
        raise _too_large(limit, hang_up=announced >= HANG_UP_BYTES)
    return receive


def names_this_machine(host: bytes) -> bool:
    """Is a `Host` one of the loopback's names, with a port or without?"""
    match = _HOST.fullmatch(host.decode("latin-1").lower())
    return match is not None and _LOOPBACK.fullmatch(match.group(1)) is not None


def _serves(host: str, hosts: frozenset[str]) -> bool:
    if host in hosts:
        return True
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match.group(1)
    return name in hosts or _LOOPBACK.fullmatch(name) is not None


def _same_site(headers: Mapping[bytes, bytes], host: bytes) -> None:
    site = headers.get(b"sec-fetch-site")
    if site is not None and site.lower() not in (b"same-origin", b"none"):
        raise _cross_site("Sec-Fetch-Site", site)
    origin = headers.get(b"origin")
    if origin is not None and _authority(origin) != host.lower():
        raise _cross_site("Origin", origin)


def _authority(origin: bytes) -> bytes:
    scheme, _, authority = origin.lower().partition(b"://")
    return authority if scheme in (b"http", b"https") else b""


def _cross_site(name: str, value: bytes) -> Problem:
    detail = f"A request that changes something can't come from another site ({name}: {{}})."
    shown = value.decode("latin-1")[:100]
    next = "Call from a server, or from a page of this server."
    return Problem(403, "cross_site", detail.format(shown), next, name)


def _plain(raw_path: bytes) -> None:
    if b"%2f" in raw_path.lower():
        raise Problem(400, "bad_id", "An id has no '/', escaped or not.", "Use another id.", "id")
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        detail = "The path is not UTF-8."
        raise Problem(400, "bad_id", detail, "Escape the id's UTF-8 bytes.", "id") from None


def _counted(receive: Receive, limit: int) -> Callable[[], Any]:
    size = 0

    async def counted() -> Any:
        nonlocal size
        message: Any = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int, hang_up: bool = False) -> Problem:
    detail = f"The body has more than {limit} bytes, the most that is taken here."
    next = "Make attachments smaller, or send fewer documents at once."
    headers = ((b"connection", b"close"),) if hang_up else ()
    return Problem(413, "too_large", detail, next, headers=headers)


_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@/\s]+)(?::\d{1,5})?")
_LOOPBACK = re.compile(r"localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]")
