"""The intake: it goes on whatever happens, and what was inserted is sent."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from eventually import eventually
from franking.clock import SystemClock
from franking.core.expiry import Expiry, Unit
from franking.core.reading import MAX_DOCUMENT_BYTES
from franking.engine import intake
from franking.engine.intake import BATCH, Intake
from franking.office.inbox import Taker
from franking.stores.base import StoreUnavailable
from installation import Installation
from stored import application

DOCUMENT = {"to": "a@example.com", "message": {"subject": "Hello", "text": "Hi"}}


def insert(folder: Path, document: Any, id: str | None = None) -> None:
    with application(folder) as shop:
        values = (id, json.dumps(document))
        shop.execute("INSERT INTO inbox (id, document) VALUES (?, ?)", values)


async def test_what_is_inserted_is_sent_once(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        insert(tmp_path, DOCUMENT, "order-1")
        insert(tmp_path, DOCUMENT, "order-1")
        assert (await it.ended("order-1"))["delivery"]["state"] == "SUCCESS"

        async def empty() -> bool:
            return await it.store.inbox.next_at() is None

        await eventually(empty)
        assert [to for _, to, _ in it.box.taken] == [["a@example.com"]]


async def test_what_can_not_be_sent_says_why(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        insert(tmp_path, [DOCUMENT], "order-1")
        delivery = (await it.ended("order-1"))["delivery"]
        assert delivery["error"] == "Error: The document is an array, not a JSON object."
        assert (delivery["outcome"], delivery["attempts"]) == ("not_sent", 0)
        answer = await it.http.put("/v1/mail/order-1", json={**DOCUMENT, "delivery": None})
        assert answer.status_code == 200
        assert (await it.ended("order-1"))["delivery"]["state"] == "SUCCESS"


async def test_a_rollback_sends_nothing(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        with application(tmp_path) as shop:
            text = json.dumps(DOCUMENT)
            shop.execute("INSERT INTO inbox (id, document) VALUES ('no', ?)", [text])
            shop.rollback()
        insert(tmp_path, {**DOCUMENT, "to": "b@example.com"}, "yes")
        await it.ended("yes")
        assert (await it.http.get("/v1/mail/no")).status_code == 404
        assert [to for _, to, _ in it.box.taken] == [["b@example.com"]]


async def test_more_than_a_batch_is_taken_in_at_once(tmp_path: Path) -> None:
    async with Installation(tmp_path, started=False) as it:
        with application(tmp_path) as shop:
            rows = [(json.dumps(DOCUMENT),)] * (2 * BATCH + 1)
            shop.executemany("INSERT INTO inbox (document) VALUES (?)", rows)
        stirred: list[int] = []
        taking = Intake(it.store, it.clock, lambda: stirred.append(1))
        assert await taking.look() == 2 * BATCH + 1
        assert len(stirred) == 3
        assert await taking.look() == 0
        assert len(stirred) == 3


async def test_a_store_out_of_reach_and_a_bug_are_outlived(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(intake, "POLL_SECONDS", 0.01)

    class Failing:
        """The store's inbox, whose first looks fail."""

        def __init__(self, store: Any) -> None:
            self.inbox, self._own = self, store.inbox
            self.fails: list[Exception] = [StoreUnavailable("away"), LookupError("a bug")]

        async def next_at(self) -> int | None:
            if self.fails:
                raise self.fails.pop()
            found: int | None = await self._own.next_at()
            return found

        async def take_in(self, *given: Any) -> int:
            found: int = await self._own.take_in(*given)
            return found

    async with Installation(tmp_path, started=False) as it:
        insert(tmp_path, DOCUMENT, "x")
        failing: Any = Failing(it.store)
        running = asyncio.create_task(Intake(failing, it.clock, lambda: None).run())
        await eventually(lambda: it.store.read("x"))
        assert failing.fails == []
        running.cancel()


async def test_a_wake_is_enough(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(intake, "POLL_SECONDS", 60.0)
    async with Installation(tmp_path, started=False) as it:
        taking = Intake(it.store, it.clock, lambda: None)
        running = asyncio.create_task(taking.run())
        for id in ("first", "second"):
            insert(tmp_path, DOCUMENT, id)
            taking.wake()
            await eventually(lambda id=id: it.store.read(id))  # type: ignore[misc]
        running.cancel()


async def test_a_wake_is_one_look(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(intake, "POLL_SECONDS", 60.0)
    async with Installation(tmp_path, started=False) as it:
        looks, next_at = [], it.store.inbox.next_at

        async def looked() -> int | None:
            looks.append(1)
            return await next_at()

        it.store.inbox.next_at = looked  # type: ignore[method-assign]
        taking = Intake(it.store, it.clock, lambda: None)
        running = asyncio.create_task(taking.run())
        for count in (1, 2):
            await eventually(lambda count=count: _reached(looks, count))  # type: ignore[misc]
            taking.wake()
        await eventually(lambda: _reached(looks, 3))
        for _ in range(50):
            await it.store.read("nobody")
        assert len(looks) == 3
        running.cancel()


async def _reached(looks: list[int], count: int) -> bool:
    return len(looks) >= count


async def test_the_engine_wakes_it_for_what_others_commit(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(intake, "POLL_SECONDS", 60.0)
    async with Installation(tmp_path) as it:
        await it.write(DOCUMENT, "before")
        insert(tmp_path, DOCUMENT, "x")  # the sweeper sees it by data_version
        assert (await it.ended("x"))["delivery"]["state"] == "SUCCESS"


async def test_what_the_engine_hears_wakes_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(intake, "POLL_SECONDS", 60.0)
    async with Installation(tmp_path, started=False) as it:
        running = asyncio.create_task(it.engine.intake.run())
        for id in ("first", "second"):
            insert(tmp_path, DOCUMENT, id)
            it.engine.heard()
            await eventually(lambda id=id: it.store.read(id))  # type: ignore[misc]
        running.cancel()


async def test_how_many_wait_is_told_to_who_watches(tmp_path: Path) -> None:
    async with Installation(tmp_path, started=False) as it:
        insert(tmp_path, DOCUMENT, "x")
        told = (await it.http.get("/metrics")).text
        assert 'franking_inbox_rows{state="waiting"} 1.0' in told
        assert 'franking_inbox_rows{state="put_off"} 0.0' in told
        assert "franking_inbox_oldest_seconds " in told


async def test_an_expiry_is_that_of_put(tmp_path: Path) -> None:
    expiry = Expiry(Unit.DAY, 3)
    async with Installation(tmp_path, started=False, expiry=expiry) as it:
        insert(tmp_path, DOCUMENT, "x")
        clock = SystemClock()
        take = Taker(clock.now(), clock.new_id, expiry)
        await it.store.inbox.take_in(clock.now(), 1, MAX_DOCUMENT_BYTES, take)
        insert(tmp_path, DOCUMENT, "y")
        await it.engine.intake.look()
        for id in "xy":
            assert (await it.read(id))["delivery"]["expireAt"] is not None
