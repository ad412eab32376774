"""Access tokens: fetched once, kept, renewed when refused, and never shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from franking.core.fault import Failure
from franking.transports.base import Receipt, Rejected
from franking.transports.oauth import Tokens
from franking.transports.smtp_settings import OAuthClient

from .scripted import Yes, mail, scripted, sending


class TokenServer:
    """Grants token-1, token-2… or answers as it is told."""

    def __init__(self, status: int, answer: Any) -> None:
        self.asked: list[dict[str, str]] = []
        self.url = ""
        self._status, self._answer = status, answer

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.asked.append({name: str(value) for name, value in form.items()})
        answer = self._answer
        if answer is None:
            answer = {"access_token": f"token-{len(self.asked)}", "expires_in": 3600}
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        return web.Response(status=self._status, body=body, content_type="application/json")

    def client(self) -> OAuthClient:
        return OAuthClient("id", "geheim", "auffrischen", self.url)


@asynccontextmanager
async def token_server(status: int = 200, answer: Any = None) -> AsyncIterator[TokenServer]:
    server = TokenServer(status, answer)
    app = web.Application()
    app.router.add_post("/token", server.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    try:
        yield server
    finally:
        await runner.cleanup()


async def test_those_who_ask_at_once_share_one_token() -> None:
    async with token_server() as server:
        tokens = Tokens(server.client())
        answers = await asyncio.gather(*(tokens.access_token() for _ in range(5)))
        assert set(answers) == {"token-1"}
        assert server.asked == [
            {
                "grant_type": "refresh_token",
                "client_id": "id",
                "client_secret": "geheim",
                "refresh_token": "auffrischen",
            }
        ]


async def test_a_token_about_to_expire_is_not_kept() -> None:
    async with token_server(answer={"access_token": "t", "expires_in": 50}) as server:
        tokens = Tokens(server.client())
        assert [await tokens.access_token() for _ in range(2)] == ["t", "t"]
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "answer", "text"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "Token has been revoked."},
            "invalid_grant: Token has been revoked.",
        ),
        (401, {"error": "invalid_client"}, "invalid_client"),
        (200, {"token": "x"}, "the token server answered 200 without a token"),
        (200, b"\xff", "the token server answered 200 without a token"),
        (503, b"<html>", "the token server answered 503 without a token"),
        (302, b"", "the token server answered 302 without a token"),
    ],
)
async def test_what_is_no_token_is_a_failure(status: int, answer: Any, text: str) -> None:
    async with token_server(status, answer) as server:
        failure = await Tokens(server.client()).access_token()
        assert failure == Failure(step="login", text=text, error=f"Error: {text}", kind="oauth")


async def test_a_token_server_that_is_not_there_is_a_failure() -> None:
    client = OAuthClient("id", "geheim", "auffrischen", "http://127.0.0.1:1/token")
    failure = await Tokens(client).access_token()
    assert isinstance(failure, Failure)
    assert failure.kind == "oauth"
    assert "geheim" not in repr(failure)


async def test_a_revoked_token_is_renewed_once() -> None:
    async with (
        token_server() as tokens,
        scripted(AUTH_1="535 5.7.8 expired") as server,
    ):
        settings = msgspec.structs.replace(server.settings, user="u", oauth=tokens.client())
        async with sending(settings) as smtp:
            assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert len(tokens.asked) == 2


async def test_a_login_refused_twice_is_told() -> None:
    async with (
        token_server() as tokens,
        scripted(AUTH="535 5.7.8 no") as server,
    ):
        settings = msgspec.structs.replace(server.settings, user="u", oauth=tokens.client())
        async with sending(settings) as smtp:
            for _ in range(2):
                answer = await smtp.send(mail(), Yes())
                assert isinstance(answer, Rejected)
                assert answer.failure.error == "Error: Invalid login: 535 5.7.8 no"
        assert server.heard.count("AUTH") == 4


async def test_without_a_token_no_connection_is_opened() -> None:
    async with token_server(400, {"error": "invalid_grant"}) as tokens, scripted() as server:
        settings = msgspec.structs.replace(server.settings, user="u", oauth=tokens.client())
        async with sending(settings) as smtp:
            answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert answer.failure.error == "Error: invalid_grant"
        assert server.connections == 0
