"""RETAIN_DAYS: a small batch a round while mails are sent, several at rest; never by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from franking.clock import HandClock
from franking.config import load
from franking.engine.meter import Meter
from franking.engine.retention import BATCHES_AT_REST, DAY_MS, LOOK, MOST, REST_MS, Retention
from franking.stores.base import StoreUnavailable, Walk, Walked
from installation import Installation

DOCUMENT = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hello, Ada."}}


class Walks:
    """A store's walks: `left` is how many batches each still has; what was asked is kept."""

    def __init__(self, **left: int) -> None:
        self.left = left
        self.asked: list[tuple[Walk, Any, int]] = []
        self.retention = self
        self.error: Exception | None = None

    async def walk(self, walk: Walk, after: Any, before: int, look: int, most: int) -> Walked:
        assert (look, most) == (LOOK, MOST)
        self.asked.append((walk, after, before))
        if self.error is not None and walk is Walk.MAILS:
            raise self.error
        self.left[walk] = self.left.get(walk, 0) - 1
        return Walked(self.left[walk] if self.left[walk] > 0 else None, 7)


def retention(walks: Walks, clock: HandClock, busy: bool = True) -> Retention:
    store: Any = walks
    return Retention(store, clock, 30, lambda: busy, Meter())


async def test_a_store_out_of_reach_is_told_and_the_place_is_kept() -> None:
    walks, clock = Walks(mails=3), HandClock()
    one = retention(walks, clock)
    await one.round()
    walks.error = StoreUnavailable("gone")
    with pytest.raises(StoreUnavailable):
        await one.round()
    walks.error = None
    await one.round()
    assert [after for _, after, _ in walks.asked] == [None, 2, 2]


async def test_a_walk_that_fails_rests_and_the_others_go_on() -> None:
    walks, clock = Walks(), HandClock()
    walks.error = ValueError("a bug")
    one = retention(walks, clock, busy=False)
    await one.round()
    assert [walk for walk, _, _ in walks.asked] == list(Walk)


async def test_while_busy_one_batch_is_done_a_round() -> None:
    walks, clock = Walks(mails=100), HandClock()
    await retention(walks, clock).round()
    assert len(walks.asked) == 1
    await retention(walks, clock, busy=False).round()
    assert len(walks.asked) == 1 + BATCHES_AT_REST


async def test_a_walk_that_has_ended_rests_and_then_begins_anew() -> None:
    walks, clock = Walks(), HandClock()
    one = retention(walks, clock, busy=False)
    await one.round()
    assert len(walks.asked) == len(Walk)
    clock.advance(REST_MS - 1)
    await one.round()
    assert len(walks.asked) == len(Walk)
    clock.advance(1)
    await one.round()
    assert len(walks.asked) == 2 * len(Walk)
    assert walks.asked[-1][1] is None
    assert walks.asked[0][2] == clock.now() - REST_MS - 30 * DAY_MS


async def test_what_was_removed_is_counted() -> None:
    walks, clock, meter = Walks(), HandClock(), Meter()
    store: Any = walks
    await Retention(store, clock, 30, lambda: False, meter).round()
    assert meter.removed == dict.fromkeys(Walk, 7)


@pytest.mark.parametrize(("days", "gone"), [(None, False), (30, True)])
async def test_the_sweeper_lets_go_and_never_by_default(
    tmp_path: Path, days: int | None, gone: bool
) -> None:
    clock = HandClock()
    async with Installation(tmp_path, clock=clock, retain_days=days) as it:
        await it.http.put("/v1/mail/m1", json=DOCUMENT)
        await it.ended("m1")
        await it.engine.sweeper.sweep()
        assert await it.store.read("m1") is not None
        clock.advance(31 * DAY_MS)
        for _ in range(2):
            await it.engine.sweeper.sweep()
        assert (await it.store.read("m1") is None) is gone


def test_nothing_is_let_go_of_by_default(tmp_path: Path) -> None:
    assert load({}, tmp_path / "none").retain_days is None
