"""Mails that wait to be composed take no place; those that hardly wait are not counted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.engine import deliveries, filling
from franking.engine.waiting import Waiting
from installation import Installation

LOOPS = "{{#each a}}{{#each ../a}}{{#each ../a}}x{{/each}}{{/each}}{{/each}}"
ROWS = {"a": list(range(1_000))}
BOMB: dict[str, Any] = {"to": "a@example.com", "template": {"name": "bomb", "data": ROWS}}


class Stirs:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def test_one_that_waits_is_counted_and_stirs() -> None:
    waiting = Waiting(stirs := Stirs())
    with waiting.counted(), waiting.counted():
        assert (waiting.count, stirs.count) == (2, 2)
    assert waiting.count == 0


async def test_one_that_hardly_waits_is_not() -> None:
    waiting = Waiting(stirs := Stirs())
    with waiting.counted(60):
        assert waiting.count == 0
    assert (waiting.count, stirs.count) == (0, 0)


async def test_one_that_waits_long_is_counted_from_then_on() -> None:
    waiting = Waiting(stirs := Stirs())
    with waiting.counted(0.001):
        assert waiting.count == 0
        await eventually(lambda: asyncio.sleep(0, waiting.count == 1))
        assert stirs.count == 1
    assert waiting.count == 0


@pytest.mark.parametrize("after_seconds", [0.0, 60.0])
async def test_one_that_fails_waits_no_more(after_seconds: float) -> None:
    waiting = Waiting(Stirs())
    with pytest.raises(ValueError, match="this"), waiting.counted(after_seconds):
        raise ValueError("this")
    await asyncio.sleep(0)
    assert waiting.count == 0


@pytest.mark.parametrize("octets", [1, None])
async def test_where_much_is_held_those_that_wait_take_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: int | None
) -> None:
    monkeypatch.setattr(filling, "PATIENCE_SECONDS", 0.01)
    if octets is not None:
        monkeypatch.setattr(deliveries, "WAITING_OCTETS", octets)
    async with Installation(tmp_path) as it:
        await it.http.put("/v1/templates/bomb", json={"text": LOOPS})
        assert (await it.http.post("/v1/mail/batch", json=[BOMB] * 100)).status_code in (200, 207)
        work, most = it.engine.deliveries, 0

        async def some_ended() -> bool:
            nonlocal most
            most = max(most, len(work.holds()))
            listed = await it.http.get("/v1/mail", params={"state": "ERROR"})
            return len(listed.json()["items"]) > 3

        await eventually(some_ended)
        assert (most > work._window) == (octets is None)
    assert (work._octets, work._waiting.count) == (0, 0)
