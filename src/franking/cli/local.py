"""Carries requests to the same code in this process, on a database that no `serve` has open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from franking.apis.calls import CREDENTIAL, NOBODY_ELSE
from franking.app import databases
from franking.app.front import front
from franking.app.routes import Routes
from franking.app.sender import smtp_settings
from franking.app.vault import vault
from franking.cli.door import Door, Response
from franking.clock import SystemClock
from franking.config import SettingRefused, Settings
from franking.core.key import parsed
from franking.transports.smtp_settings import SmtpSettings

HOST = "localhost"


@asynccontextmanager
async def opened(settings: Settings, place: str) -> AsyncIterator[Door]:
    """The door to the database itself; whoever opens it holds the lock."""
    store = databases.store(settings)
    await store.open()
    try:
        routes = Routes(store, vault(settings), SystemClock(), _own(settings), 1)
        _, calls = front(settings, store, _nobody, routes, trusted=True)
        yield Door(_Carrier(calls, _credential(settings)), place, sends=False)
    finally:
        await store.close()


def _own(settings: Settings) -> SmtpSettings | None:
    """What the installation sends through; commands that don't need it do without."""
    try:
        return smtp_settings(settings)
    except SettingRefused:
        return None


def _nobody() -> None:
    """No worker is here to be woken."""


def _credential(settings: Settings) -> str:
    """Whose Idempotency-Keys are meant: the same as through a `serve`, where the key is shown."""
    key = None if settings.key is None else parsed(settings.key.value)
    return NOBODY_ELSE if key is None else key.id


class _Carrier:
    """One request at a time as ASGI has it (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

    def __init__(self, app: Any, credential: str) -> None:
        self._app = app
        self._credential = credential

    async def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
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
        scope["state"][CREDENTIAL] = self._credential
        await self._app(scope, receive, send)
        return Response(status, b"".join(parts))


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
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": None,
        "server": (HOST, 0),
        "state": {},
    }
