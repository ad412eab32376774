"""What is read from a request to Skyring: headers, ids, bodies, and Idempotency-Keys."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from litestar.types import Receive

from franking.apis import bodies
from franking.apis.calls import CREDENTIAL, KEY_CHARACTERS, NOBODY_ELSE
from franking.apis.guard import bounded
from franking.core.timer.request import Asked, asked, checked_id
from franking.office.timer_door import BadTimer, Key, NoTimer

MOST_BYTES = 1024 * 1024

AUTHORIZATION = b"authorization"


class Call:
    """A request: what is asked of it is read from here."""

    __slots__ = ("_receive", "_scope", "headers", "method", "parts", "raw_path")

    def __init__(self, scope: Any, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.raw_path: bytes = scope["raw_path"]
        self.parts = self.raw_path.removesuffix(b"/").split(b"/")

    @property
    def caller(self) -> str | None:
        """What the caller showed of itself; several of it are one list (RFC 9110, section 5.3)."""
        if AUTHORIZATION not in self.headers:
            return None
        shown = [value for name, value in self._scope["headers"] if name == AUTHORIZATION]
        return b", ".join(shown).decode("latin-1")

    def bound(self) -> None:
        """Take no larger body. Raises `Problem` where it is announced; else reading it does."""
        self._receive = bounded(self.headers, self._receive, MOST_BYTES)

    async def body(self) -> bytes:
        """The whole body. Raises `Problem`."""
        return await bodies.read(self._receive)

    def key(self, path: str, body: bytes) -> Key | None:
        """The Idempotency-Key, if there is one. Raises `BadTimer`."""
        given = self.headers.get(b"idempotency-key")
        if given is None:
            return None
        key = given.decode("latin-1")
        if not 0 < len(key) <= KEY_CHARACTERS or not key.isascii() or not key.isprintable():
            raise BadTimer(
                f"An Idempotency-Key has 1 to {KEY_CHARACTERS} printable ASCII characters"
            )
        credential = self._scope.get("state", {}).get(CREDENTIAL, NOBODY_ELSE)
        scope = f"{credential}:{self.method} {path}"
        return Key(key, scope, hashlib.sha256(body).hexdigest())


def asked_for(body: bytes) -> Asked:
    """The timer that a body asks for. Raises `BadTimer`."""
    try:
        if not body.isascii():
            body.decode()
        return asked(_MEMBERS.decode(body) if body else {})
    except msgspec.ValidationError:
        return asked({})  # JSON, but no object: so it has no timeout
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadTimer(f"the body is not JSON: {error}") from None


def retry_asked(body: bytes) -> tuple[bool, dict[str, Any] | None]:
    """`force` and `mail` of a retry. Raises `BadTimer`, `Problem`."""
    given = bodies.one(None, body) if body else {}
    for name in given:
        if name not in ("force", "mail"):
            raise BadTimer(f"Field '{name[:50]}' is not known here; there are force and mail")
    force, mail = given.get("force", False), given.get("mail")
    if not isinstance(force, bool):
        raise BadTimer("force must be true or false")
    if mail is not None and not isinstance(mail, dict):
        raise BadTimer("mail must be an object: the fields to merge into the document")
    return force, mail


def timer_id(part: bytes) -> str:
    """The id in a path. One that no timer can have is unknown. Raises `NoTimer`."""
    id = text(unquote_to_bytes(part) if b"%" in part else part)
    try:
        return checked_id(id)
    except BadTimer:
        raise NoTimer from None


def text(raw: bytes) -> str:
    """Bytes of a header or a path: UTF-8 if they are, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
