"""Timers by both ways: the proxy in the process of the office, and apart, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from eventually import eventually
from franking.apis.access import Access
from franking.apis.http import build
from franking.apis.proxy import build_proxy
from franking.apis.rpc.client import RemoteTimers
from franking.apis.rpc.server import Rpc
from franking.config import Address
from installation import Installation

MAIL = {"to": ["ada@example.com"], "message": {"subject": "Hi", "text": "Hello"}}
ENDED = ("executed", "failed", "deleted")


class Proxied:
    """An installation, and the proxy before its timers."""

    def __init__(self, it: Installation, http: httpx.AsyncClient) -> None:
        self.it = it
        self.http = http

    async def create(self, id: str | None = None, **given: Any) -> str:
        """Create a timer of one millisecond, for a mail if nothing else is said; its id."""
        answer = await self.post(id, **given)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"].removeprefix("/timer/")

    async def post(self, id: str | None = None, **given: Any) -> httpx.Response:
        """POST /timer."""
        return await self.http.post(
            "/timer", json=request(**given), headers={"x-timer-id": id} if id else {}
        )

    async def read(self, id: str) -> dict[str, Any]:
        """The timer as it is now."""
        answer = await self.http.get(f"/timer/{id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, id: str) -> dict[str, Any]:
        """The timer once it has ended."""
        return await self.reached(id, *ENDED)

    async def reached(self, id: str, *states: str) -> dict[str, Any]:
        """The timer once it is in one of the states."""

        async def look() -> dict[str, Any] | None:
            found = await self.read(id)
            return found if found["state"] in states else None

        return await eventually(look)

    async def tried(self, id: str, tries: int) -> dict[str, Any]:
        """The timer once so many of its calls have ended badly."""

        async def look() -> dict[str, Any] | None:
            found = await self.read(id)
            return found if len(found["tries"]) >= tries else None

        return await eventually(look)

    async def retry(self, id: str, **given: Any) -> httpx.Response:
        """POST /timer/{id}/retry."""
        return await self.http.post(f"/timer/{id}/retry", json=given)


def request(
    data: Any = MAIL, transport: str = "mail", uri: str = "", method: str = "post", **given: Any
) -> dict[str, Any]:
    """The body of a POST or a PUT; due at once unless `timeout` or `dueAt` says else."""
    when = {} if "dueAt" in given else {"timeout": 1}
    callback = {"transport": transport, "method": method, "uri": uri}
    body = {**when, "data": data, "callback": callback, **given}
    return {name: value for name, value in body.items() if value is not None}


@asynccontextmanager
async def proxied(way: str, folder: Path, **settings: Any) -> AsyncIterator[Proxied]:
    """An installation with its proxy, `direct` or `apart`."""
    async with AsyncExitStack() as parts:
        it = await parts.enter_async_context(Installation(folder, **settings))
        app: Any = build(it.office, it.clock)
        if way == "apart":
            access = Access(app, it.office.keys, it.clock)
            rpc = Rpc(it.office.timers, access, Address("127.0.0.1", 0))
            await rpc.start()
            parts.push_async_callback(rpc.stop)
            timers = RemoteTimers(str(rpc.address))
            parts.push_async_callback(timers.close)
            app = build_proxy(timers, it.clock)
        transport = httpx.ASGITransport(cast(Any, app))
        http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025")
        parts.push_async_callback(http.aclose)
        yield Proxied(it, http)


@pytest.fixture(params=["direct", "apart"])
def way(request: pytest.FixtureRequest) -> str:
    """How the proxy reaches the timers."""
    return str(request.param)


@pytest.fixture
async def here(way: str, tmp_path: Path) -> AsyncIterator[Proxied]:
    """An installation on the system's clock."""
    async with proxied(way, tmp_path) as found:
        yield found
