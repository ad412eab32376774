"""GET /v1/events: what is heard, from where, and that a stream never outlives its listener."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from franking.apis import live
from franking.apis.http import Front, build
from franking.clock import HandClock
from franking.office import Office
from franking.stores.base import Store

Frame = dict[str, Any]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)


@pytest.fixture
def front(store: Store, clock: HandClock) -> Front:
    return build(Office(store, clock, lambda: None), clock, heartbeat_seconds=0.05)


@pytest.fixture
async def served_client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address) as client:
        yield client


@asynccontextmanager
async def listening(client: httpx.AsyncClient, last: str | None = None) -> AsyncIterator[Any]:
    """Frames as they come, once the stream has begun."""
    headers = {} if last is None else {"last-event-id": last}
    async with (
        asyncio.timeout(10),
        client.stream("GET", "/v1/events", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        yield lines


async def frames(lines: AsyncIterator[str], count: int) -> list[Frame]:
    """The next frames, comments left out."""
    found: list[Frame] = []
    frame: Frame = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and frame:
            found.append(frame)
            frame = {}
            if len(found) == count:
                return found
        elif name in ("id", "event", "data"):
            frame[name] = json.loads(value) if name == "data" else value
    return found


async def fail(client: httpx.AsyncClient, *ids: str) -> None:
    """Mails whose trouble is told at once, which is an event."""
    for id in ids:
        assert (await client.put(f"/v1/mail/{id}", json={"to": 5})).status_code == 201


async def test_a_listener_hears_what_happens_from_now_on(
    served_client: httpx.AsyncClient,
) -> None:
    await fail(served_client, "before")
    async with listening(served_client) as lines:
        await fail(served_client, "after")
        [frame] = await frames(lines, 1)
    assert frame["event"] == "email_Error"
    assert frame["data"]["mailId"] == "after"
    assert frame["data"]["error"]["category"]


async def test_a_listener_goes_on_after_the_event_that_it_names(
    served_client: httpx.AsyncClient,
) -> None:
    async with listening(served_client) as lines:
        await fail(served_client, "a", "b", "c")
        heard = await frames(lines, 3)
    assert [frame["data"]["mailId"] for frame in heard] == ["a", "b", "c"]
    async with listening(served_client, heard[0]["id"]) as lines:
        resumed = await frames(lines, 2)
        await fail(served_client, "d")
        resumed += await frames(lines, 1)
    assert resumed[:2] == heard[1:]
    assert resumed[2]["data"]["mailId"] == "d"


async def test_a_listener_with_a_backlog_of_several_reads_hears_all_of_it(
    served_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVENTS_AT_ONCE", 2)
    names = [f"m{n}" for n in range(7)]
    await fail(served_client, *names)
    async with listening(served_client, "0") as lines:
        heard = await frames(lines, 7)
    assert [frame["data"]["mailId"] for frame in heard] == names


async def test_an_id_from_the_future_starts_at_the_newest(
    served_client: httpx.AsyncClient,
) -> None:
    async with listening(served_client, "999999") as lines:
        await fail(served_client, "a")
        [frame] = await frames(lines, 1)
    assert frame["data"]["mailId"] == "a"


async def test_all_listeners_hear_the_same(served_client: httpx.AsyncClient) -> None:
    async with listening(served_client) as one, listening(served_client) as other:
        await fail(served_client, "a", "b")
        assert await frames(one, 2) == await frames(other, 2)


async def test_a_quiet_stream_shows_that_it_lives(served_client: httpx.AsyncClient) -> None:
    async with listening(served_client) as lines:
        async for line in lines:
            if line.startswith(":"):
                return


async def test_too_many_listeners_are_told_to_come_back(
    served_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_LISTENERS", 1)
    async with listening(served_client):
        answer = await served_client.get("/v1/events")
        assert (answer.status_code, answer.json()["reason"]) == (503, "too_many")
    async with asyncio.timeout(10):
        while (await probe(served_client)) != 200:  # noqa: ASYNC110 (the server notices by itself)
            await asyncio.sleep(0)


async def probe(client: httpx.AsyncClient) -> int:
    async with client.stream("GET", "/v1/events") as answer:
        return answer.status_code


async def test_nobody_looks_while_nobody_listens(
    served_client: httpx.AsyncClient, front: Front
) -> None:
    async with listening(served_client):
        task = front._live._poll
        assert task is not None
        assert not task.done()
    async with asyncio.timeout(10):
        await task


async def test_a_server_that_stops_ends_its_streams(
    served_client: httpx.AsyncClient, front: Front
) -> None:
    async with listening(served_client) as lines:
        front.stop()
        assert await frames(lines, 1) == []


async def test_a_store_that_fails_ends_the_stream(
    served_client: httpx.AsyncClient, store: Store
) -> None:
    async with listening(served_client) as lines:
        await store.close()
        assert await frames(lines, 1) == []
