"""The proxy in front of Skyring's clients, where it runs apart from the database.

Policy. It keeps no keys and asks no store. What a caller shows of itself is handed on, and the
Data API judges it. A caller who shows nothing would reach the Data API as this proxy, which may
well stand on its machine; so only callers on this machine may show nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from litestar.types import Receive, Scope, Send

from franking.apis import bodies, problems
from franking.apis.access import on_this_machine
from franking.apis.answers import Answer
from franking.apis.guard import Guard
from franking.apis.health import READY_SECONDS
from franking.apis.problems import Problem
from franking.apis.skyring import Skyring
from franking.apis.skyring_answers import PING, reached, turned_away
from franking.apis.skyring_requests import AUTHORIZATION
from franking.clock import Clock
from franking.office.timer_door import TimerDoor, TimerFilter, Unreachable
from franking.stores.base import StoreRefused, StoreUnavailable


class Proxy:
    """The ASGI app. It has no streams, so `stop` has nothing to end."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guard(scope, receive, send)

    def stop(self) -> None:
        """Call it when the server begins to stop."""


def build_proxy(timers: TimerDoor, clock: Clock, *, hosts: Collection[str] = ()) -> Proxy:
    """The app over the Data API; `hosts` are the names that are served beside the loopback's."""
    paths = _Paths(Skyring(timers, clock), timers)
    return Proxy(Guard(paths, hosts, bodies.MAX_DOCUMENT_BYTES, {}))


class _Paths:
    """Which call it is, and whether the caller may be handed on."""

    def __init__(self, skyring: Skyring, timers: TimerDoor) -> None:
        self._skyring = skyring
        self._timers = timers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Any = scope
        if asked["type"] != "http":
            return
        if not reached(asked["raw_path"]):
            await (await self._health(asked))(scope, receive, send)
            return
        try:
            _may_be_handed_on(asked)
        except Problem as problem:
            await turned_away(asked, problem)(scope, receive, send)
            return
        await self._skyring(scope, receive, send)

    async def _health(self, scope: Any) -> Answer:
        call = scope["method"], scope["path"]
        if call == ("GET", "/healthz"):
            return Answer(200, b'{"status":"ok"}')
        if call == ("GET", "/readyz"):
            return await self._ready()
        detail = "There is nothing at this path with this method."
        return problems.answer(Problem(404, "unknown_path", detail, _PATHS))

    async def _ready(self) -> Answer:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._timers.page(TimerFilter(), 1)
        except TimeoutError:
            detail = f"The Data API did not answer within {READY_SECONDS} seconds."
            return problems.answer(_not_ready(detail))
        except (Unreachable, StoreUnavailable, StoreRefused) as error:
            return problems.answer(_not_ready(str(error)))
        except Problem:
            pass  # it asks for a key: so it is there
        return Answer(200, b'{"status":"ready"}')


def _may_be_handed_on(scope: Any) -> None:
    if scope["raw_path"] == PING or any(name == AUTHORIZATION for name, _ in scope["headers"]):
        return
    client = scope.get("client")
    on_this_machine(scope["headers"], client and client[0])


def _not_ready(detail: str) -> Problem:
    next = "Send requests to another process until this one is ready."
    return Problem(503, "not_ready", detail, next, headers=((b"retry-after", b"2"),))


_PATHS = "The proxy serves /timer, /ping, /healthz and /readyz."
