"""A request's body: read within its limits, and JSON made of it, or the problem named."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import msgspec
from litestar.types import Receive

from franking.apis.problems import Problem
from franking.core import reading
from franking.core.reading import MAX_DOCUMENT_BYTES as MAX_DOCUMENT_BYTES
from franking.core.reading import Unreadable

MAX_BATCH_BYTES = 32 * 1024 * 1024
MAX_BATCH_DOCUMENTS = 1000
BODY_SECONDS = 60

_SLOW = "the body is too slow"
_BODY = "The body"
_SEND_JSON = "Send one JSON object, in UTF-8."
_SEND_ARRAY = "Send one JSON array of documents, in UTF-8."


async def read(receive: Receive) -> bytes:
    """The whole body, which the guard has bounded. Raises `Problem` where it doesn't come."""
    # As asyncio.timeout does, which costs a tenth of all that taking a mail costs.
    task = asyncio.current_task()
    assert task is not None
    timer = asyncio.get_running_loop().call_later(BODY_SECONDS, task.cancel, _SLOW)
    try:
        return await _whole(receive)
    except asyncio.CancelledError as cancelled:
        if cancelled.args != (_SLOW,) or task.uncancel():
            raise
        detail = f"The body did not come within {BODY_SECONDS} seconds."
        raise Problem(408, "too_slow", detail, "Send the request again.") from None
    finally:
        timer.cancel()


async def _whole(receive: Receive) -> bytes:
    message: Any = await receive()
    first: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return first
    parts = [first]
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    if message["type"] != "http.request":
        raise Problem(400, "hung_up", "The body ended too early.", "Send the request again.")
    return b"".join(parts)


def one(content_type: bytes | None, body: bytes) -> dict[str, Any]:
    """The JSON object that a body holds. Raises `Problem`."""
    _json(content_type)
    try:
        return reading.mapping(body, _BODY)
    except Unreadable as error:
        raise _unreadable(error, _SEND_JSON) from None


def many(
    content_type: bytes | None, body: bytes, most_bytes: int = MAX_DOCUMENT_BYTES
) -> list[Any]:
    """The entries of the JSON array that a body holds, each within a limit. Raises `Problem`."""
    _json(content_type)
    try:
        values = reading.decoded(body, _BODY)
    except Unreadable as error:
        raise _unreadable(error, _SEND_ARRAY) from None
    if type(values) is not list:
        detail = f"The body is {reading.named(values)}, not a JSON array of documents."
        raise Problem(400, "no_array", detail, _SEND_ARRAY)
    if len(values) > MAX_BATCH_DOCUMENTS:
        detail = f"The batch has {len(values)} documents; {MAX_BATCH_DOCUMENTS} are the most."
        raise Problem(413, "too_many", detail, "Send it as several batches.")
    for number, value in enumerate(values):
        if type(value) in _CONTAINERS:
            _shallow(value, f"Document {number} of the batch")
    if len(body) > most_bytes:
        _light(body, most_bytes)
    return values


def _json(content_type: bytes | None) -> None:
    if content_type is not None and not _is_json(content_type):
        named = content_type.decode("latin-1")[:100]
        detail = f"The content type is {named}, which is no JSON in UTF-8."
        accept = ((b"accept", b"application/json"),)
        next = "Send Content-Type: application/json."
        raise Problem(415, "no_json", detail, next, "Content-Type", accept)


@lru_cache(maxsize=256)
def _is_json(content_type: bytes) -> bool:
    name, _, parameters = content_type.decode("latin-1").lower().partition(";")
    kind, _, subtype = name.strip().partition("/")
    if not kind or not (subtype == "json" or subtype.endswith("+json")):
        return False
    pairs = [pair.partition("=") for pair in parameters.split(";")]
    charsets = [value.strip(' "') for key, _, value in pairs if key.strip() == "charset"]
    return all(charset in ("utf-8", "utf8", "us-ascii") for charset in charsets)


def _unreadable(error: Unreadable, next: str) -> Problem:
    next = "Send it with fewer levels." if error.reason == "too_deep" else next
    return Problem(400, error.reason, error.detail, next)


def _shallow(value: Any, what: str) -> None:
    try:
        reading.shallow(value, what)
    except Unreadable as error:
        raise _unreadable(error, "") from None


def _light(body: bytes, most_bytes: int) -> None:
    for number, raw in enumerate(_RAWS.decode(body)):
        if len(bytes(raw)) > most_bytes:
            detail = f"Document {number} of the batch has more than {most_bytes} bytes."
            raise Problem(413, "too_large", detail, "Make its attachments smaller.")


_CONTAINERS = (dict, list)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
