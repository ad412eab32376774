"""The real app on a real store: reached in process, or over a socket where one matters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from franking.apis.http import Front, build
from franking.app.outlets import Embedded
from franking.clock import HandClock
from franking.core.attempt import Attempt, Settlement
from franking.core.delivery import Info, Outcome, Stage
from franking.core.endings import sent
from franking.office import Office
from franking.stores.base import Store
from stored import new_store

DEADLINE_SECONDS = 10


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = new_store(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def front(store: Store, clock: HandClock) -> Front:
    office = Office(store, clock, lambda: None)
    embedded = Embedded(store, clock)
    package, hosts = embedded.package, ["mail.example.com", "ported.example.com:8025"]
    embedded.services.app = build(office, clock, trusted=True, package=package)
    return build(office, clock, hosts=hosts, package=package)


@pytest.fixture
async def client(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(front, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        yield client


@asynccontextmanager
async def served(front: Front) -> AsyncIterator[str]:
    """The app behind a real socket; its address."""
    config = uvicorn.Config(front, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    front.stop()
    server.should_exit = True
    async with asyncio.timeout(DEADLINE_SECONDS):
        await task


@pytest.fixture
async def address(front: Front) -> AsyncIterator[str]:
    async with served(front) as address:
        yield address


@pytest.fixture
def document() -> dict[str, Any]:
    return {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hello, Ada."}}


@pytest.fixture
def send_next(store: Store, clock: HandClock) -> Callable[[], Awaitable[str]]:
    """What a worker does to the next due mail: claimed, sent, settled. Answers its id."""

    async def send() -> str:
        [claimed] = await store.claim(clock.now(), 1, 60_000)
        mail = claimed.mail
        clock.advance(250)
        info = Info(f"<{mail.id}@x>", ("ada@example.com",), (), (), "250 2.0.0 Accepted")
        steps = [{"stage": "claimed", "at": clock.now()}]
        attempt = Attempt(
            mail=mail.id,
            epoch=mail.delivery.epoch,
            number=1,
            revision=mail.revision,
            event="sent",
            stage=Stage.ANSWERED,
            outcome=Outcome.SENT,
            started_at=clock.now(),
            ended_at=clock.now(),
            text="250 2.0.0 Accepted\nas “q1”",
            response="250 2.0.0 Accepted",
            worker="w1",
            steps=steps,
        )
        delivery = sent(mail.delivery, info, clock.now())
        assert await store.settle([Settlement(claimed.lease, delivery, attempt)]) == [True]
        return mail.id

    return send
