"""A whole installation in the test process: a store, an engine, HTTP and a real SMTP server."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, cast

import httpx

from eventually import eventually
from franking.apis.http import Front, build
from franking.app.hooks import AppHooks, opened
from franking.app.outlets import Embedded
from franking.app.routes import Routes
from franking.clock import Clock, SystemClock
from franking.compose.templates import Renderer
from franking.core.delivery import Bounds
from franking.core.expiry import NEVER
from franking.engine.loop import Engine, EngineSettings
from franking.office import Office
from franking.office.rendering import Rendering
from franking.outlets.base import Outlet
from franking.outlets.package.telling import EmbeddedOutlet
from franking.stores.secrets import Vault
from franking.transports.base import Caller
from franking.transports.fetching import HttpFetcher
from franking.transports.hooks import HookPoster
from franking.transports.line import Line
from franking.transports.names import Names
from franking.transports.sendgrid_settings import API
from franking.transports.smtp import Smtp
from franking.transports.smtp_uri import parse_uri
from franking.transports.webhook import Webhook
from postbox import Postbox
from stored import new_store

FINAL = ("SUCCESS", "ERROR")


class Installation:
    """`async with Installation(tmp_path) as it`; `it.http` talks to it, `it.box` is the server.

    With `accounts=True` each mail goes through its account, which must exist; else every mail
    through the one transport, `it.smtp`. With `private="deny"` no webhook goes to this machine;
    `call_seconds` is how long one may take in all. With `started=False` nothing is sent until the
    test starts `it.engine`. With `users=False` or `templates=False` there is no such collection.
    With `cadence=True` the embedded package is told of events, else `outlet` is, if there is one.
    `sendgrid` is the URL of a SendGrid that is to be taken for the real one. `fetcher` fetches
    attachments; without one no host is on the list.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._folder = folder
        self._settings = settings
        self.box = Postbox()
        self.clock: Clock = settings.get("clock", SystemClock())

    async def __aenter__(self) -> Installation:
        await self.box.start()
        self.store = new_store(self._folder)
        await self.store.open()
        own = parse_uri(f"smtp://127.0.0.1:{self.box.port}")
        sendgrid = self._settings.get("sendgrid", API)
        self.smtp = Smtp(own, connections=2)
        vault = Vault([bytes(32)], "this test")
        self.routes = Routes(self.store, vault, self.clock, own, 2, sendgrid)
        bounds = self._settings.get("bounds", Bounds(transient_attempts=1))
        names = Names(self._settings.get("private", "allow"))
        seconds = self._settings.get("call_seconds", 30.0)
        self.callers: dict[str, Caller] = {
            "http": Webhook(self.clock, names, total_seconds=seconds),
            "tcp": Line(names, total_seconds=seconds),
        }
        self.poster = HookPoster(
            self.clock,
            lambda hook: opened(vault, hook),
            lambda threads: Names(self._settings.get("private", "allow"), threads=threads),
            total_seconds=seconds,
            tls=self._settings.get("tls"),
        )
        self.rendering = None
        if self._settings.get("templates", True):
            self.rendering = Rendering(self.store.templates, self.clock, Renderer())
        self.fetcher: HttpFetcher = self._settings.get("fetcher") or HttpFetcher()
        self.engine = Engine(
            self.store,
            self.routes if self._settings.get("accounts") else OneRoute(self.smtp),
            self.clock,
            EngineSettings(
                default_from="Default <default@example.com>",
                default_reply_to="reply@example.com",
                bounds=bounds,
                lease_ms=self._settings.get("lease_ms", 60_000),
                users=self._settings.get("users", True),
                expiry=self._settings.get("expiry", NEVER),
                retain_days=self._settings.get("retain_days"),
                beside=self._settings.get("beside", False),
            ),
            self.callers,
            self._outlet(),
            self.rendering,
            poster=self.poster,
            fetcher=self.fetcher,
            tracer=self._settings.get("tracer"),
        )
        wake, due = self.engine.wake, self.engine.due
        hooks = AppHooks(vault, self.poster, self.engine.hooks_changed)
        expiry = self._settings.get("expiry", NEVER)
        self.office = Office(
            self.store, self.clock, wake, self.routes, due, expiry, self.rendering, hooks
        )
        if self._settings.get("started", True):
            self.engine.start()
        package = self.embedded.package
        self.embedded.services.app = build(self.office, self.clock, trusted=True, package=package)
        app = httpx.ASGITransport(cast(Any, self._front()))
        self.http = httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8025")
        return self

    def _front(self) -> Front:
        tracer, meter = self._settings.get("tracer"), self.engine.meter
        package = self.embedded.package
        return build(self.office, self.clock, package=package, meter=meter, tracer=tracer)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.aclose()
        await self.engine.stop(5)
        await self.smtp.close()
        await self.routes.close()
        await self.poster.close()
        if self.rendering is not None:
            await self.rendering.close()
        for caller in self.callers.values():
            await caller.close()
        await self.fetcher.close()
        await self.box.stop()
        await self.store.close()

    def _outlet(self) -> Outlet | None:
        """Who is told of events: the embedded package, with `cadence=True`; or `outlet`."""
        self.embedded = Embedded(self.store, self.clock)
        if self._settings.get("cadence"):
            return EmbeddedOutlet(self.embedded.services)
        found: Outlet | None = self._settings.get("outlet")
        return found

    async def write(self, document: dict[str, Any], id: str = "m1") -> dict[str, Any]:
        """Write a document to the collection and wait for its end."""
        answer = await self.http.put(f"/v1/mail/{id}", json=document)
        assert answer.status_code in (200, 201), answer.text
        return await self.ended(id)

    async def ended(self, id: str = "m1") -> dict[str, Any]:
        """The document once its delivery is SUCCESS or ERROR."""
        return await eventually(lambda: self._found(id, FINAL))

    async def reached(self, state: str, id: str = "m1") -> dict[str, Any]:
        """The document once its delivery is in a state."""
        return await eventually(lambda: self._found(id, (state,)))

    async def read(self, id: str = "m1") -> dict[str, Any]:
        """The document as it is now."""
        found: dict[str, Any] = (await self.http.get(f"/v1/mail/{id}")).json()
        return found

    async def _found(self, id: str, states: tuple[str, ...]) -> dict[str, Any] | None:
        found = await self.read(id)
        return found if found.get("delivery", {}).get("state") in states else None


class OneRoute:
    """Every account is sent over one transport."""

    def __init__(self, transport: Smtp) -> None:
        self._transport = transport

    async def route(self, account: str) -> Smtp:
        return self._transport
