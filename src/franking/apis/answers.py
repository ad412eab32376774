"""What is answered to an HTTP request: one value, made of bytes, that can send and keep itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from litestar.types import Receive, Scope, Send

JSON = b"application/json"
PROBLEM = b"application/problem+json"

Headers = Sequence[tuple[bytes, bytes]]


class Answer:
    """A status, headers beside type and length, and a body; an ASGI app that sends just that.

    `always` are the headers that every answer of the class has.
    """

    __slots__ = ("body", "headers", "media_type", "status")

    # Mails are personal: shared caches keep none, and a browser asks again with the ETag.
    always: Headers = (
        (b"cache-control", b"private, no-cache"),
        (b"x-content-type-options", b"nosniff"),
    )

    def __init__(
        self, status: int, body: bytes = b"", headers: Headers = (), media_type: bytes = JSON
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*self.always, *self.headers]
        if self.status not in _WITHOUT_BODY:
            headers.append((b"content-type", self.media_type))
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def kept(answer: Answer) -> bytes:
    """The answer as it is stored under an Idempotency-Key."""
    return msgspec.msgpack.encode(
        (answer.status, answer.body, list(answer.headers), answer.media_type)
    )


def replayed(stored: bytes) -> Answer:
    """The answer that was `kept`, saying that it is a repeat."""
    status, body, headers, media_type = _KEPT.decode(stored)
    return Answer(status, body, [*headers, (b"idempotency-replayed", b"true")], media_type)


ALWAYS = Answer.always
_WITHOUT_BODY = (204, 304)
_KEPT = msgspec.msgpack.Decoder(tuple[int, bytes, list[tuple[bytes, bytes]], bytes])
