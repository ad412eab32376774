"""A SendGrid in the test process: takes, refuses and misbehaves as the real one may.

Its answers are those of `checks` (400), of
https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses and of
…/rate-limits. `troubles` are used up one by one, then it behaves.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from transports.sendgrid.checks import refusals

KEY = "SG.hidden-7c1.and-long-enough-to-be-one"
HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."
UNAUTHORIZED = "The provided authorization grant is invalid, expired, or revoked"
UNVERIFIED = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this"
    " error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/"
    "sender-identity/ to see the Sender Identity requirements"
)
MOST_OCTETS = 30 * 1024 * 1024

# Troubles: an answer (status, message, headers), or one of these.
HANG_UP = "hang up"  # once the whole body is there
HANG_UP_EARLY = "hang up early"  # once the head is there
SILENCE = "silence"  # until `release`
HALF = "half"  # an answer's head without its body
GIBBERISH = "gibberish"
Trouble = str | tuple[int, str | None, dict[str, str]]


class FakeSendGrid:
    """`keys` tells each key's permissions; who may be a sender is in `verified` (None: anybody).

    `taken` are the mails as they came; `incomplete` counts bodies that ended too early. `early` is
    an answer that is given before the body was read.
    """

    def __init__(self) -> None:
        self.keys: dict[str, list[str]] = {KEY: ["mail.send", "alerts.read"]}
        self.verified: set[str] | None = None
        self.templates = {"d-1"}
        self.pools = {"transactional"}
        self.most_octets = MOST_OCTETS
        self.troubles: list[Trouble] = []
        self.early: tuple[int, str | None, dict[str, str]] | None = None
        self.taken: list[dict[str, Any]] = []
        self.tried = 0
        self.incomplete = 0
        self.asked = 0
        self.headers: list[dict[str, str]] = []
        self.peers: set[object] = set()
        self.at_once = self.most_at_once = 0
        self.begun = asyncio.Event()
        self.whole = asyncio.Event()
        self.release = asyncio.Event()
        self.url = ""

    async def send(self, request: web.Request) -> web.StreamResponse:
        """POST /v3/mail/send."""
        self._note(request)
        if self.early is not None:
            return _answer(*self.early)
        if self.troubles and self.troubles[0] == HANG_UP_EARLY:
            self.troubles.pop(0)
            return _hung_up(request)
        try:
            body = await request.read()
        except (ConnectionError, web.HTTPException):
            self.incomplete += 1
            raise
        self.whole.set()
        if self.troubles:
            return await self._misbehave(request, self.troubles.pop(0))
        return self._judged(request, body)

    async def scopes(self, request: web.Request) -> web.StreamResponse:
        """GET /v3/scopes."""
        self._note(request)
        if self.troubles:
            return await self._misbehave(request, self.troubles.pop(0))
        found = self.keys.get(_key(request))
        if found is None:
            return _answer(401, UNAUTHORIZED, {})
        return web.json_response({"scopes": found})

    @web.middleware
    async def counted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """How many are under way at once; and what is not there, in SendGrid's words."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            found: web.StreamResponse = await handler(request)
            return found
        except web.HTTPNotFound:
            return _answer(404, "not found", {})
        except web.HTTPMethodNotAllowed:
            return _answer(405, "method not allowed", {})
        finally:
            self.at_once -= 1

    def _note(self, request: web.Request) -> None:
        self.asked += 1
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.peers.add(request.transport)
        self.begun.set()

    def _judged(self, request: web.Request, body: bytes) -> web.StreamResponse:
        scopes = self.keys.get(_key(request))
        if scopes is None:
            return _answer(401, UNAUTHORIZED, {})
        if "mail.send" not in scopes:
            return _answer(403, "access forbidden", {})
        if request.content_type != "application/json":
            return _answer(415, "unsupported media type", {})
        if len(body) > self.most_octets:
            return _answer(413, "content too large", {})
        try:
            mail = json.loads(body)
        except ValueError:
            return _answer(400, "Bad Request", {})
        wrong = refusals(mail, self.templates, self.pools)
        if wrong:
            return _refused(400, wrong)
        if self.verified is not None and mail["from"]["email"] not in self.verified:
            return _refused(403, [(UNVERIFIED, "from")])
        if mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            self.tried += 1
            return web.Response(status=200)
        self.taken.append(mail)
        return web.Response(status=202, headers={"X-Message-Id": f"queue-{len(self.taken)}"})

    async def _misbehave(self, request: web.Request, trouble: Trouble) -> web.StreamResponse:
        if isinstance(trouble, tuple):
            return _answer(*trouble)
        if trouble == SILENCE:
            await self.release.wait()
            return _hung_up(request)
        if trouble == HALF:
            head = web.StreamResponse(
                status=202, headers={"X-Message-Id": "q", "Content-Length": "9"}
            )
            await head.prepare(request)
            return _hung_up(request, head)
        if trouble == GIBBERISH:
            assert request.transport is not None
            request.transport.write(b"220 hello, I speak no HTTP\r\n\r\n")
        return _hung_up(request)


def _key(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _hung_up(request: web.Request, answer: web.StreamResponse | None = None) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return answer or web.Response(status=500)


def _answer(status: int, message: str | None, headers: dict[str, str]) -> web.Response:
    """None: as a gateway answers, without SendGrid's JSON."""
    if message is None:
        text = f"<html><body><h1>{status}</h1></body></html>"
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)
    return _refused(status, [(message, None)], headers)


def _refused(
    status: int, wrong: list[tuple[str, str | None]], headers: dict[str, str] | None = None
) -> web.Response:
    errors = [
        {"message": message, "field": field, "help": None if field is None else HELP + field}
        for message, field in wrong
    ]
    return web.json_response({"errors": errors}, status=status, headers=headers)


@asynccontextmanager
async def fake_sendgrid(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeSendGrid]:
    """One that listens; `url` is where."""
    fake = FakeSendGrid()
    app = web.Application(middlewares=[fake.counted], client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v3/mail/send", fake.send)
    app.router.add_get("/v3/scopes", fake.scopes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    fake.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        fake.release.set()
        await runner.cleanup()
