"""Carries requests to an app in this process, without a socket, as a server would have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from franking.apis.calls import CREDENTIAL
from franking.outlets.base import Answered

HOST = "localhost"
# Whose Idempotency-Keys the package's are.
CREDENTIAL_OF_PACKAGE = "package"
JSON = "application/json"


class Inside:
    """`franking.outlets.base.Services` to the `app` in this process, set once it is built."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answered:
        content = b"" if body is None else msgspec.json.encode(body)
        given = dict(headers) if body is None else {"content-type": JSON, **headers}
        found = await carried(self.app, method, path, given, content, CREDENTIAL_OF_PACKAGE)
        return Answered(*found)


async def carried(
    app: Any,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    credential: str,
) -> tuple[int, bytes]:
    """One request as ASGI has it (https://asgi.readthedocs.io/en/latest/specs/www.html).

    The status and the body that came back. `credential` is whose Idempotency-Keys are meant.
    """
    status = 0
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        parts.append(message.get("body", b""))

    scope = _scope(method, path, headers, body)
    scope["state"][CREDENTIAL] = credential
    await app(scope, receive, send)
    return status, b"".join(parts)


def _scope(method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    raw, _, query = path.partition("?")
    given = {"host": HOST, "content-length": str(len(body)), **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "client": None,
        "server": (HOST, 0),
        "state": {},
    }
