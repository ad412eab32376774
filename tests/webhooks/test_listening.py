"""GET /v1/events: the seven beside the CRM's events, where they are asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from eventually import eventually
from franking.apis import live
from franking.apis.http import build
from franking.clock import HandClock
from franking.core.lifecycle import TYPE, Told
from franking.office.webhooks import LISTEN_MS
from installation import Installation

from .hearer import Hearer, add

DOCUMENT = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hello, Ada."}}
SENT = ["onStart", "onPending", "onProcessing", "onComplete", "onSuccess"]
REFUSED = ["onStart", "onComplete", "onError"]

Listen = Callable[..., Any]


@pytest.fixture
async def listen(it: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listen]:
    """Opens a stream over a real socket; what comes is a queue of frames."""
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    front = build(it.office, it.clock, heartbeat_seconds=0.1)
    server = uvicorn.Server(uvicorn.Config(front, port=0, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")

    @asynccontextmanager
    async def listening(
        query: str = "", last: str | None = None
    ) -> AsyncIterator[Callable[[], Awaitable[dict[str, Any]]]]:
        headers = {} if last is None else {"last-event-id": last}
        async with (
            asyncio.timeout(20),
            client.stream("GET", f"/v1/events{query}", headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            lines = answer.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            yield lambda: _frame(lines)

    yield listening
    await client.aclose()
    front.stop()
    server.should_exit = True
    await task


async def _frame(lines: AsyncIterator[str]) -> dict[str, Any]:
    frame: dict[str, Any] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and frame:
            return frame
        if name in ("id", "event", "data"):
            frame[name] = json.loads(value) if name == "data" else value
    raise AssertionError("the stream ended")


async def put(it: Installation, id: str, document: dict[str, Any] = DOCUMENT) -> None:
    assert (await it.http.put(f"/v1/mail/{id}", json=document)).status_code in (200, 201)


async def test_all_that_happens_where_it_is_asked_for(it: Installation, listen: Listen) -> None:
    async with listen("?types=all") as frame:
        await put(it, "m1")
        found = [await frame() for _ in range(6)]
    kinds = [one["event"] for one in found if one["event"].startswith("on")]
    assert kinds == SENT
    [usual] = [one for one in found if one["event"] == "email_Sent"]
    assert usual["data"]["mailId"] == "m1"
    ids = [int(one["id"]) for one in found]
    assert ids == sorted(ids)
    last = next(one["data"] for one in found if one["event"] == "onSuccess")
    assert last["type"] == TYPE + "onSuccess"
    assert last["data"]["doc"] == await it.read()


async def test_today_s_events_alone_where_it_is_not(it: Installation, listen: Listen) -> None:
    async with listen("?types=all") as every, listen() as frame:
        await put(it, "m1", {"to": 5})
        await put(it, "m2", {"to": 5})
        found = [await frame(), await frame()]
        assert [one["event"] for one in found] == ["email_Error"] * 2
        assert [one["data"]["mailId"] for one in found] == ["m1", "m2"]
        assert {(await every())["event"] for _ in range(4)} == {*REFUSED, "email_Error"}


async def test_who_comes_back_goes_on_behind_what_it_heard(
    it: Installation, listen: Listen
) -> None:
    async with listen("?types=onStart,onError") as frame:
        await put(it, "m1", {"to": 5})
        first = await frame()
    await put(it, "m2", {"to": 5})
    async with listen("?types=onStart,onError", first["id"]) as frame:
        found = [await frame() for _ in range(3)]
    assert [one["event"] for one in found] == ["onError", "onStart", "onError"]
    assert [one["data"]["subject"] for one in found] == ["m1", "m2", "m2"]


async def test_the_same_event_as_a_webhook_gets(
    it: Installation, listen: Listen, hearer: Hearer
) -> None:
    await add(it.http, hearer.receiver.url())
    async with listen("?types=onStart") as frame:
        await put(it, "m1")
        heard = await frame()
    assert heard["data"] == (await hearer.last("onStart")).event


@pytest.mark.parametrize("types", ["", "onBounce", "onStart,", "onStart&types=all"])
async def test_wrong_types_are_refused(it: Installation, types: str) -> None:
    answer = await it.http.get(f"/v1/events?types={types}")
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_query")


async def test_nothing_is_written_for_nobody(it: Installation, listen: Listen) -> None:
    await it.write(DOCUMENT)
    assert [event.kind for event in await it.store.events(0, 100)] == ["email_Sent"]
    async with listen():
        await it.write(DOCUMENT, "m2")
    assert [event.kind for event in await it.store.events(0, 100)] == ["email_Sent"] * 2


async def test_a_while_after_the_last_listener_nothing_is_written(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, clock=clock, started=False) as it:
        await it.office.webhooks.listen(list(Told))
        clock.advance(LISTEN_MS - 1)
        await put(it, "m1")
        assert len(await it.store.events(0, 100)) == 2
        clock.advance(1)
        await put(it, "m2")
        assert len(await it.store.events(0, 100)) == 2
