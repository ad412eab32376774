"""A process that serves timers, and whose network stalls past its lease: it calls nobody under it.

A call may be made again where nobody could be told of its end; what is said late changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from eventually import eventually
from transports.receiver import OK, SILENCE, Receiver, receiving

from .processes import Part, part
from .proxy import Way
from .stalls import Scene, scene

_TIMER = "SELECT state, attempt, epoch, tries, executed_at, error FROM timer WHERE id = %s"


@asynccontextmanager
async def timers(folder: Path, *answers: bytes) -> AsyncIterator[tuple[Scene, Part, Receiver]]:
    """A scene whose first worker serves timers, a door to create them, and whom they call."""
    async with (
        receiving(*answers) as receiver,
        scene(folder) as it,
        part(folder, it.url, "api") as door,
        it.worker(it.far_url, "timers"),
    ):
        yield it, door, receiver


async def create(door: Part, receiver: Receiver, id: str) -> None:
    """A timer that is due at once."""
    callback = {"transport": "http", "method": "post", "uri": receiver.url(f"/{id}")}
    body = {"timeout": 1, "data": "x", "callback": callback}
    answer = await door.http.post("/timer", json=body, headers={"x-timer-id": id})
    assert answer.status_code == 201, answer.text


async def executed(it: Scene, id: str) -> tuple[Any, ...]:
    """The timer's row, once it is executed."""

    async def look() -> tuple[Any, ...] | None:
        found = row(it, id)
        return found if found is not None and found[0] == "executed" else None

    return await eventually(look)


def row(it: Scene, id: str) -> tuple[Any, ...] | None:
    with psycopg.connect(it.url, autocommit=True) as connection:
        return connection.execute(_TIMER, (id,)).fetchone()


def calls(receiver: Receiver) -> list[str | None]:
    """Which attempts have called for the one timer."""
    return [heard.header("x-timer-attempt") for heard in receiver.heard if heard.path == "/one"]


async def test_it_makes_no_call_under_a_lease_that_is_over(tmp_path: Path) -> None:
    async with timers(tmp_path, OK) as (it, door, receiver):
        it.proxy.stall_at("lease_timers", Way.ANSWERS)
        await create(door, receiver, "one")
        await it.found(it.proxy.stalled.is_set)
        async with it.worker(it.url, "timers"):
            before = await executed(it, "one")
        await goes_on(it, door, receiver)
        assert row(it, "one") == before
        assert calls(receiver) == ["2"]


async def test_its_late_end_changes_nothing(tmp_path: Path) -> None:
    async with timers(tmp_path, SILENCE, OK) as (it, door, receiver):
        await create(door, receiver, "one")
        await it.found(lambda: calls(receiver))
        it.proxy.stall_at("")
        await it.found(it.proxy.stalled.is_set)
        async with it.worker(it.url, "timers"):
            before = await executed(it, "one")
        receiver.release.set()
        await goes_on(it, door, receiver)
        assert row(it, "one") == before
        assert calls(receiver) == ["1", "2"]


async def goes_on(it: Scene, door: Part, receiver: Receiver) -> None:
    """The network goes on, and the process serves as ever."""
    it.proxy.go_on()
    await create(door, receiver, "after")
    await executed(it, "after")
    assert await it.stuck() == "0 stuck."
