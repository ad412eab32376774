"""Who makes a call: the key in its metadata, its network address, and its Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from google.protobuf.message import Message

from franking.apis.access import Access
from franking.apis.calls import KEY_CHARACTERS, NOBODY_ELSE
from franking.apis.problems import Problem
from franking.core.key import Scope
from franking.office.timer_door import Key


class Context(Protocol):
    """What is read of a call's `grpc.aio.ServicerContext`."""

    def invocation_metadata(self) -> Any:
        """Pairs of a name in lower case and a text, or bytes where the name ends in `-bin`."""

    def peer(self) -> str:
        """The caller's address, as "ipv4:127.0.0.1:5000"."""


class Caller(msgspec.Struct, frozen=True):
    """One that was admitted: the id of its key, and what it showed."""

    credential: str
    authorization: str | None = None
    idempotency_key: str | None = None

    def key(self, route: str, request: Message) -> Key | None:
        """The Idempotency-Key of a call, if it has one; its `route` is the call and the id."""
        if self.idempotency_key is None:
            return None
        body = request.SerializeToString(deterministic=True)
        scope = f"{self.credential}:{route}"
        return Key(self.idempotency_key, scope, hashlib.sha256(body).hexdigest())


async def admitted(access: Access, context: Context) -> Caller:
    """Who calls, if it may call for timers. Raises `Problem`, `StoreUnavailable`."""
    metadata = tuple(context.invocation_metadata() or ())
    found = dict(metadata)
    headers = [(name.encode(), _bytes(value)) for name, value in metadata]
    key = await access.admitted(headers, address(context.peer()), Scope.TIMERS)
    return Caller(
        NOBODY_ELSE if key is None else key.id,
        found.get("authorization"),
        _checked(found.get("idempotency-key")),
    )


def address(peer: str) -> str | None:
    """The IP address in what gRPC calls a peer; None for one that has none, as a Unix socket."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return None
    host = unquote(rest).rpartition(":")[0]
    return host.removeprefix("[").removesuffix("]") or None


def metadata(caller: str | None, key: Key | None) -> Iterable[tuple[str, str]]:
    """What a client shows for a caller. gRPC takes only ASCII, which is all that a key is of."""
    if caller is not None:
        shown = caller.encode("ascii", "replace").decode()
        yield "authorization", "".join(c if c.isprintable() else "?" for c in shown)
    if key is not None:
        yield "idempotency-key", key.key


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _checked(key: str | None) -> str | None:
    if key is None or (0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()):
        return key
    detail = f"An Idempotency-Key has 1 to {KEY_CHARACTERS} printable ASCII characters."
    raise Problem(400, "bad_key", detail, "Use a UUID, say.", "Idempotency-Key")
