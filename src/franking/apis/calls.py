"""What every call on a mail reads from its request: headers, body, id, and Idempotency-Key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec
from litestar import Request

from franking.apis import bodies
from franking.apis.answers import Answer, kept, replayed
from franking.apis.problems import Problem
from franking.core.ids import RESERVED, unfit
from franking.stores.base import Once, Replay

Ask = Request[Any, Any, Any]

KEY_CHARACTERS = 255
# Where a request's state has the id of its key. Without one, everyone who is served is the same.
CREDENTIAL = "credential"
NOBODY_ELSE = "local"


class Call(msgspec.Struct, frozen=True):
    """A request as bytes: what it asks for is read from here, once."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes = b""
    credential: str = NOBODY_ELSE

    def text(self, name: bytes) -> str | None:
        """A header's value; None where it is absent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def lenient(self) -> bool:
        """`Prefer: handling=lenient` (RFC 7240, section 4.4)."""
        prefer = self.headers.get(b"prefer")
        return prefer is not None and _LENIENT.search(prefer.lower()) is not None

    def document(self) -> dict[str, Any]:
        """The JSON object in the body. Raises `Problem`."""
        return bodies.one(self.headers.get(b"content-type"), self.body)

    def documents(self, most_bytes: int) -> list[Any]:
        """The JSON array in the body, each entry within a limit. Raises `Problem`."""
        return bodies.many(self.headers.get(b"content-type"), self.body, most_bytes)

    def once(self, at: int, render: Callable[[Any], Answer]) -> Once | None:
        """The Idempotency-Key, if the call has one; `render` makes the answer to keep.

        A call that was refused did nothing, so its key stays free: the refusal is raised again.
        """
        key = self.text(b"idempotency-key")
        if key is None:
            return None
        if not 0 < len(key) <= KEY_CHARACTERS or not key.isascii() or not key.isprintable():
            detail = f"An Idempotency-Key has 1 to {KEY_CHARACTERS} printable ASCII characters."
            raise Problem(400, "bad_key", detail, "Use a UUID, say.", "Idempotency-Key")
        return Once(
            scope=f"{self.credential}:{self.method} {self.path}",
            key=key,
            fingerprint=hashlib.sha256(self.body).hexdigest(),
            at=at,
            answer=lambda result: kept(_unless_refused(result, render)),
        )


async def received(request: Ask) -> Call:
    """The request with its whole body. Raises `Problem`."""
    scope = request.scope
    body = await bodies.read(request.receive)
    credential = scope["state"].get(CREDENTIAL, NOBODY_ELSE)
    return Call(scope["method"], scope["path"], dict(scope["headers"]), body, credential)


def bare(request: Ask) -> Call:
    """The request without looking at its body."""
    scope = request.scope
    return Call(scope["method"], scope["path"], dict(scope["headers"]))


def answered(result: Any, render: Callable[[Any], Answer]) -> Answer:
    """What the office said as an answer: the kept one where the key came before."""
    if isinstance(result, Replay):
        return replayed(result.answer)
    return render(result)


def mail_id(request: Ask) -> str:
    """The mail's id in the path. Raises `Problem`."""
    return checked_id(request, "A mail", RESERVED)


def checked_id(request: Ask, whose: str, reserved: Collection[str]) -> str:
    """The id in the path, by Firestore's rule for ids. Raises `Problem`."""
    id: str = request.scope["path_params"]["id"]
    detail = unfit(id, whose, reserved)
    if detail is not None:
        raise Problem(400, "bad_id", detail, "Use another id.", "id")
    return id


def _unless_refused(result: Any, render: Callable[[Any], Answer]) -> Answer:
    if isinstance(result, Exception):
        raise result
    return render(result)


_LENIENT = re.compile(rb"(?:^|[,;])\s*handling\s*=\s*\"?lenient\"?\s*(?:$|[,;])")
