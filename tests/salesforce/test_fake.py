"""The fake refuses what the real one refuses, or it proves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from franking.core.touchpoint import Status
from salesforce import FakeSalesforce, Pressed, request_limit
from salesforce.server import ENDPOINT, TOKEN

ID = "a0X5g00000AbCdEEAV"
EVENT: dict[str, Any] = {
    "event": "email_Error",
    "eventId": "01JD",
    "sequence": 1,
    "occurredAt": "2026-11-21T14:05:00.000Z",
    "touchpointId": ID,
    "error": {"message": "m" * 9_000, "code": "c" * 300, "category": "k" * 50, "detail": "d"},
}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 200, None),
        ({"event": "EMAIL_rate limited"}, 200, None),
        ({"eventId": None}, 400, "REQUIRED_FIELD_MISSING"),
        ({"sequence": "1"}, 400, "JSON_PARSER_ERROR"),
        ({"occurredAt": "yesterday"}, 400, "JSON_PARSER_ERROR"),
        ({"colour": "red"}, 400, "INVALID_FIELD"),
        ({"event": "email_Bounced"}, 400, "INVALID_EVENT"),
        ({"touchpointId": "a0X"}, 400, "INVALID_ID"),
        ({"eventId": "é" * 255}, 200, None),
        ({"eventId": "😀" * 128}, 500, "APEX_ERROR"),  # 256 in UTF-16
    ],
)
async def test_an_event_is_checked(
    change: Mapping[str, Any], status: int, code: str | None
) -> None:
    body = {key: value for key, value in {**EVENT, **change}.items() if value is not None}
    async with called(msgspec.json.encode(body)) as (salesforce, found, answer):
        assert found == status
        if code is not None:
            assert answer[0]["errorCode"] == code
            assert salesforce.package.read(ID).status == Status.SCHEDULED
            assert not salesforce.package.errors(ID)
        else:
            assert answer["status"] == "applied"
            assert answer["touchpoint"] == salesforce.package.shown(ID)


async def test_what_is_no_json_is_refused() -> None:
    async with called(b"{") as (_, status, answer):
        assert (status, answer[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


async def test_without_a_token_nothing_is_taken() -> None:
    async with called(msgspec.json.encode(EVENT), token="no") as (salesforce, status, answer):
        assert status == 401
        assert answer == [
            {"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}
        ]
        assert salesforce.used == 0


async def test_more_calls_than_a_day_has_meet_the_limit() -> None:
    async with FakeSalesforce() as salesforce:
        salesforce.allowed = 0
        async with posted(salesforce, msgspec.json.encode(EVENT)) as (status, answer):
            assert status == 403
            assert answer == msgspec.json.decode(request_limit().body)


async def test_a_token_is_good_for_its_calls() -> None:
    async with FakeSalesforce() as salesforce:
        salesforce.login.calls_each = 1
        token = await logged_in(salesforce)
        assert salesforce.login.admits(f"Bearer {token}")
        assert not salesforce.login.admits(f"Bearer {token}")
        assert not salesforce.login.admits(token)


async def test_an_unknown_grant_is_refused() -> None:
    async with FakeSalesforce() as salesforce, aiohttp.ClientSession() as session:
        form = {"grant_type": "password", "username": "a", "password": "b"}
        async with session.post(salesforce.url + TOKEN, data=form) as response:
            assert response.status == 400
            assert (await response.json())["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("status", "body", "toast"),
    [
        (400, b'{"error_message": "Being sent."}', "Being sent."),
        (503, b"{}", "Retry is out of reach right now. Try again in a minute."),
        (500, b"<html>", "Retry is out of reach right now. Try again in a minute."),
    ],
)
async def test_a_retry_that_is_refused_changes_nothing(
    status: int, body: bytes, toast: str
) -> None:
    async with failed() as salesforce, proxy(status, body) as url:
        before = salesforce.package.shown(ID)
        assert await salesforce.package.retry(url, ID) == Pressed(status, toast)
        assert salesforce.package.shown(ID) == before


async def test_a_retry_that_is_taken_is_written_with_its_child() -> None:
    async with failed() as salesforce, proxy(200, b'{"retryCount": 1}') as url:
        assert await salesforce.package.retry(url, ID) == Pressed(200)
        row = salesforce.package.shown(ID)
        assert (row["actionStatus"], row["manualRetryCount"]) == ("Manual Retry", 1)
        assert [error["status"] for error in row["errors"]] == ["Manual Retry", "Error"]
        assert row["errors"][0]["errorCode"] == row["errors"][1]["errorCode"]
        assert row["errorMessage"] is None


async def test_a_retry_whose_answer_is_lost_changes_nothing_yet() -> None:
    async with failed() as salesforce, proxy(200, b'{"retryCount": 1}') as url:
        before = salesforce.package.shown(ID)
        assert (await salesforce.package.retry(url, ID, hears=False)).status is None
        assert salesforce.package.shown(ID) == before


async def test_out_of_reach_and_manual_ones_say_so() -> None:
    async with failed() as salesforce:
        salesforce.package.create("a0Y", "manual")
        assert (await salesforce.package.retry("http://127.0.0.1:9", ID)).status is None
        assert (await salesforce.package.retry("http://127.0.0.1:9", "a0Y")).toast == (
            "Manual emails can't be retried. Complete the touchpoint again."
        )


@asynccontextmanager
async def called(
    body: bytes, token: str | None = None
) -> AsyncIterator[tuple[FakeSalesforce, int, Any]]:
    async with FakeSalesforce() as salesforce:
        salesforce.package.create(ID)
        async with posted(salesforce, body, token) as (status, answer):
            yield salesforce, status, answer


@asynccontextmanager
async def posted(
    salesforce: FakeSalesforce, body: bytes, token: str | None = None
) -> AsyncIterator[tuple[int, Any]]:
    headers = {"Authorization": f"Bearer {token or await logged_in(salesforce)}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(salesforce.url + ENDPOINT, data=body) as response,
    ):
        assert response.headers["Sforce-Limit-Info"].startswith("api-usage=")
        yield response.status, await response.json()


@asynccontextmanager
async def failed() -> AsyncIterator[FakeSalesforce]:
    """An org with a touchpoint whose email failed."""
    async with called(msgspec.json.encode(EVENT)) as (salesforce, status, _):
        assert status == 200
        yield salesforce


@asynccontextmanager
async def proxy(status: int, body: bytes) -> AsyncIterator[str]:
    """Retry Timer, which answers so."""

    async def answer(request: web.Request) -> web.Response:
        assert request.path == f"/timer/{ID}/retry"
        return web.Response(status=status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def logged_in(salesforce: FakeSalesforce) -> str:
    org = salesforce.org("client_credentials")
    assert org.client_secret is not None
    form = {
        "grant_type": "client_credentials",
        "client_id": org.client_id,
        "client_secret": org.client_secret.value,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(salesforce.url + TOKEN, data=form) as response,
    ):
        token: str = (await response.json())["access_token"]
        return token
