"""The fake's HTTP server: the token endpoint, the package's endpoint, and what calls meet."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from aiohttp import web
from msgspec.structs import replace

from franking.clock import Clock, SystemClock
from franking.config import Org, Secret
from salesforce import login as known
from salesforce.apex import ApexError, errors
from salesforce.login import Login
from salesforce.package import Package
from salesforce.troubles import Trouble, Troubles, request_limit

ENDPOINT = "/services/apexrest/DS_Packages/DialSourceCadenceServices"
TOKEN = "/services/oauth2/token"
BODY_OCTETS_MAX = 6 * 1024 * 1024

Flow = Literal["jwt", "refresh_token", "client_credentials"]


class FakeSalesforce:
    """An org; see the package's docstring for what it does and counts."""

    def __init__(self, clock: Clock | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.login = Login(clock or SystemClock())
        self.package = Package(clock or SystemClock())
        self.troubles = Troubles()
        self.calls = 0
        self.heard: list[Any] = []
        self.applied: Counter[str] = Counter()
        self.answered: Counter[int] = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.used = 0
        self.allowed = 10_000_000
        self._tls = tls
        self._peers: set[Any] = set()
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is logged in to, and where the org is."""
        return self.login.url

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self._peers)

    def org(self, flow: Flow = "jwt", name: str = "default") -> Org:
        """The org as the outlet is given it."""
        org = Org(name=name, login_url=self.url, client_id=known.CLIENT_ID)
        if flow == "jwt":
            key = Secret(known.pem(known.private_key()))
            return replace(org, username=known.USERNAME, private_key=key)
        if flow == "refresh_token":
            return replace(org, refresh_token=Secret(known.REFRESH_TOKEN))
        return replace(org, client_secret=Secret(known.CLIENT_SECRET))

    def settings(self, flow: Flow, folder: Path) -> dict[str, str]:
        """The environment of a service that tells this org; the key is written into `folder`."""
        found = {"OUTLET": "salesforce", "SALESFORCE_LOGIN_URL": self.url}
        found["SALESFORCE_CLIENT_ID"] = known.CLIENT_ID
        if flow == "jwt":
            key = folder / "salesforce.pem"
            key.write_text(known.pem(known.private_key()), "ascii")
            found["SALESFORCE_USERNAME"] = known.USERNAME
            found["SALESFORCE_PRIVATE_KEY"] = str(key)
        elif flow == "refresh_token":
            found["SALESFORCE_REFRESH_TOKEN"] = known.REFRESH_TOKEN
        else:
            found["SALESFORCE_CLIENT_SECRET"] = known.CLIENT_SECRET
        return {f"FRANKING_{name}": value for name, value in found.items()}

    def release(self) -> None:
        """What is slow ends now, and is slow no more until the next `slow`."""
        self.login.release()
        self._released.set()
        self._released = asyncio.Event()

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=BODY_OCTETS_MAX)
        app.router.add_post(TOKEN, self._log_in)
        app.router.add_post(ENDPOINT, self._take)
        app.router.add_route("*", "/{path:.*}", self._elsewhere)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=self._tls)
        await site.start()
        scheme = "https" if self._tls else "http"
        self.login.url = f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"
        self.login.instance_url = self.url

    async def stop(self) -> None:
        """Hang up; `start(port)` goes on with the same rows."""
        self.release()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _log_in(self, request: web.Request) -> web.Response:
        return await self.login.answer(request)

    async def _take(self, request: web.Request) -> web.Response:
        self.calls += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self._peers.add(request.transport and request.transport.get_extra_info("peername"))
            response = await self._answer(request)
            self.answered[response.status] += 1
            return response
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.heard.append(_decoded(body))
        if not self.login.admits(request.headers.get("Authorization")):
            return self._json(401, errors("INVALID_SESSION_ID", "Session expired or invalid"))
        self.used += 1
        trouble = self.troubles.of(_touchpoint(self.heard[-1]))
        if self.used > self.allowed:
            trouble = request_limit()
        if trouble.status > 0:
            return self._json(trouble.status, trouble.body, trouble.headers)
        response = self._json(200, b"")
        if trouble.status == 0:
            response = await self._applied(body, trouble)
        if trouble.silent and request.transport is not None:
            request.transport.abort()
        return response

    async def _applied(self, body: bytes, trouble: Trouble) -> web.Response:
        try:
            answer = await self.package.take(body, lambda: self._held(trouble.seconds))
        except ApexError as error:
            return self._json(error.status, error.body)
        self.applied[answer["status"]] += 1
        return self._json(200, msgspec.json.encode(answer))

    async def _held(self, seconds: float) -> None:
        try:
            if seconds:
                await asyncio.wait_for(self._released.wait(), seconds)
        except TimeoutError:
            return

    async def _elsewhere(self, request: web.Request) -> web.Response:
        if not self.login.admits(request.headers.get("Authorization")):
            return self._json(401, errors("INVALID_SESSION_ID", "Session expired or invalid"))
        return self._json(404, errors("NOT_FOUND", "Could not find a match for URL"))

    def _json(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> web.Response:
        usage = {"Sforce-Limit-Info": f"api-usage={self.used}/{self.allowed}"}
        return web.Response(
            status=status,
            body=body,
            headers={"Content-Type": "application/json;charset=UTF-8", **usage, **headers},
        )


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body


def _touchpoint(heard: Any) -> str | None:
    return heard.get("touchpointId") if isinstance(heard, dict) else None
