"""What is sent to a webhook's receiver: the verb, the URL, the headers and the body.

Ids go into headers percent-encoded in UTF-8, as in a URL: visible ASCII but `%` stands for itself,
and decoding gives the id back, whatever it is made of.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote

import msgspec
from yarl import URL

from franking import __version__
from franking.core import times
from franking.core.timer import Callback, Timer
from franking.transports.calling import Uncallable, data
from franking.transports.quoting import printable
from franking.transports.webhook_signature import signed

METHODS = ("post", "put", "patch", "delete", "get", "options", "head")
USER_AGENT = f"franking/{__version__}"
URI_CHARACTERS = 8_192


class Target(msgspec.Struct, frozen=True):
    """Whom to call, and how: `url` has no userinfo, `place` is its `host:port`."""

    method: str
    url: URL
    host: str
    place: str
    authorization: str | None


class Body(msgspec.Struct, frozen=True):
    """The bytes and what they are; None for no type where there is nothing to send."""

    content: bytes
    media_type: str | None
    accept: str


def target(timer: Timer) -> Target:
    """Raises `Uncallable`."""
    return _target(timer.callback)


def post_to(url: str) -> Target:
    """A POST to a URL. Raises `Uncallable`."""
    return _target(Callback("http", "post", url))


# Many timers call the same receiver; to read a URL costs as much as all else that is sent.
@lru_cache(maxsize=1024)
def _target(callback: Callback) -> Target:
    method = callback.method
    if method.lower() not in METHODS:
        words = printable(method, 40)
        raise Uncallable(f'ESRHTTP: "{words}" is no method; there are {", ".join(METHODS)}')
    url = _url(callback.uri)
    host = url.raw_host
    if not host or not _is_host(host):
        raise Uncallable("the URL has no host, or one that is neither a name nor an address")
    if not url.port:
        raise Uncallable("the URL's port must be from 1 to 65535")
    return Target(method.upper(), url.with_user(None), host, _place(host, url.port), _basic(url))


def body(timer: Timer) -> Body:
    """A string goes byte for byte as a form, an object as its JSON. Raises `Uncallable`."""
    found = data(timer)
    if found is None:
        return Body(b"", None, "*/*")
    if found.json:
        return Body(found.content, "application/json; charset=utf-8", "application/json")
    return Body(found.content, "application/x-www-form-urlencoded", "*/*")


def headers(
    timer: Timer, target: Target, body: Body, keys: Sequence[bytes], now: int
) -> Mapping[str, str]:
    """All of them, in the order in which they are sent; signed where there are keys."""
    ident = encoded(timer.id)
    found = {
        "user-agent": USER_AGENT,
        "accept": body.accept,
        "content-length": str(len(body.content)),
        "x-timer-id": ident,
        "x-timer-attempt": str(timer.attempt),
        "x-timer-due": times.text(timer.due_at),
    }
    if body.media_type is not None:
        found["content-type"] = body.media_type
    if target.authorization is not None:
        found["authorization"] = target.authorization
    if keys:
        found |= signed(keys, f"{ident}.{timer.revision}", now // 1000, body.content)
    return found


def encoded(ident: str) -> str:
    """An id as a header's value: what is not visible ASCII, and `%`, percent-encoded."""
    return quote(ident, safe=_VISIBLE, errors="replace")


def _url(uri: str) -> URL:
    """As it is written where it is written by RFC 3986, else with what is odd in it encoded."""
    try:
        if len(uri) > URI_CHARACTERS:
            raise Uncallable(f"the URL has more than {URI_CHARACTERS} characters")
        url = URL(uri, encoded=_PROPER.fullmatch(uri) is not None)
        url.port, url.user, url.password  # noqa: B018 (read here, since reading may raise)
    except (ValueError, UnicodeError):
        raise Uncallable("the URL can't be read: is its host or port wrong?") from None
    if url.scheme not in ("http", "https"):
        raise Uncallable("the URL must begin with http:// or https://")
    return url


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host.lower()}:{port}"


def _basic(url: URL) -> str | None:
    """RFC 7617, in UTF-8, as browsers and HTTP clients do with a URL's userinfo."""
    if url.user is None and url.password is None:
        return None
    pair = f"{url.user or ''}:{url.password or ''}".encode("utf-8", "replace")
    return f"Basic {base64.b64encode(pair).decode()}"


_VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
_PROPER = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)")
