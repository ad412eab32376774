"""The console behind its keys, called in the test's own process: as a browser would, by hand.

Cookies are sent and read by the test itself, for a client's own jar would mend what is to be wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, cast

import httpx

from franking import web
from franking.apis.http import Front, build
from franking.app.outlets import Embedded
from franking.clock import Clock, HandClock
from franking.core.key import Scope
from franking.office import Office
from franking.office.timer_door import TimerDoor
from franking.stores.base import Store
from stored import new_store

HERE = "http://127.0.0.1:8025"
ELSEWHERE = ("10.0.0.5", 5)
HTML = {"accept": "text/html,*/*;q=0.8"}
PART = {"hx-request": "true"}


class Doorway:
    """A console on a store; `at` is its address, `peer` who calls."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        at: str = HERE,
        peer: tuple[str, int] = ("127.0.0.1", 5),
        timers: TimerDoor | None = None,
    ) -> None:
        self.store, self.clock, self.at = store, clock, at
        self.office = Office(store, clock, lambda: None)
        package = Embedded(store, clock).package
        self.pages = web.console(self.office, clock, timers or self.office.timers, package)
        hosts = ["mail.example.com"]
        self.front: Front = build(
            self.office, clock, hosts=hosts, package=package, console=self.pages, timers=timers
        )
        self._peer = peer

    async def ask(
        self,
        method: str,
        path: str,
        cookie: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        at: str | None = None,
        peer: tuple[str, int] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request; `cookie` is the whole header."""
        app = cast(Any, self.front)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=peer or self._peer)
        given = {**(headers or {}), **({} if cookie is None else {"cookie": cookie})}
        async with httpx.AsyncClient(transport=transport, base_url=at or self.at) as client:
            return await client.request(method, path, headers=given, data=form)

    async def get(self, path: str, cookie: str | None = None, **headers: str) -> httpx.Response:
        """GET as a browser does where somebody follows a link."""
        return await self.ask("GET", path, cookie, {**HTML, **_named(headers)})

    async def post(
        self,
        path: str,
        cookie: str | None = None,
        form: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """POST from a page of the console."""
        headers = {"origin": more.get("at") or self.at, **more.pop("headers", {})}
        return await self.ask("POST", path, cookie, headers, form=form or {}, **more)

    async def key(self, *scopes: Scope, name: str = "ada") -> str:
        """A new key."""
        _, text = await self.office.keys.create(name, scopes or tuple(Scope), None)
        return text

    async def sign_in(self, key: str, next: str = "/", **more: Any) -> httpx.Response:
        """What comes of showing a key."""
        return await self.post("/sign-in", form={"key": key, "next": next}, **more)

    async def signed_in(self, *scopes: Scope, **more: Any) -> str:
        """The cookie of somebody who has signed in, as a browser sends it."""
        return cookie(await self.sign_in(await self.key(*scopes), **more))


@asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncIterator[Doorway]:
    """A console on a store of its own."""
    store = new_store(folder)
    await store.open()
    yield Doorway(store, HandClock(), **settings)
    await store.close()


def kept(answer: httpx.Response) -> dict[str, Any]:
    """The cookies that an answer has a browser keep, by name."""
    found: dict[str, Any] = {}
    for line in answer.headers.get_list("set-cookie"):
        [(name, morsel)] = SimpleCookie(line).items()
        if morsel["max-age"] != "0":
            found[name] = morsel
    return found


def cookie(answer: httpx.Response) -> str:
    """The one cookie that an answer has a browser keep, as it is sent."""
    [(name, morsel)] = kept(answer).items()
    return f"{name}={morsel.value}"


def led(answer: httpx.Response) -> str:
    """Where an answer leads a browser."""
    assert answer.status_code == 303
    assert "no-store" in answer.headers["cache-control"]
    return str(answer.headers["location"])


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
