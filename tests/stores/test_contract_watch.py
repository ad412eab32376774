"""How a store stands, for whoever watches it: endings first, counts that end, and the pool."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from franking.core.rules import SENTENCES
from franking.core.timer import Callback
from franking.stores import watch
from franking.stores.base import FreshTimer, Store, StoreUnavailable
from franking.stores.queries import load

from .contract import SqliteYard, Yard
from .mails import LEASE_MS, MINUTE, NOW, claimed, ended, mail, transmitting

NONE = dict.fromkeys(["PENDING", "PROCESSING", "RETRY", "SUCCESS", "ERROR"], 0)
UNUSED = dict.fromkeys(["scheduled", "served", "executed", "failed", "deleted"], 0)


async def test_a_closed_store_does_not_say(yard: Yard) -> None:
    store = yard.store()
    await store.open()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.watch.watched(NOW)
    assert store.watch.usage().used == 0


async def test_an_empty_store_has_nothing(store: Store) -> None:
    found = await store.watch.watched(NOW)
    assert (found.states, found.timers) == (NONE, UNUSED)
    assert found.categories == dict.fromkeys(SENTENCES, 0)
    assert (found.free_since, found.timer_since) == (None, None)
    assert (found.paused, found.disconnected) == (0, 0)
    assert found.webhooks == dict.fromkeys(["ok", "paused", "disabled", "waiting", "parked"], 0)


async def test_mails_are_counted_by_state_and_by_what_they_failed_of(store: Store) -> None:
    await store.submit([mail(name, due_at=NOW + at) for at, name in enumerate("abcdef")])
    for how in ("failed", "deferred", "sent"):
        at = NOW + 10
        await store.settle([ended(await claimed(store, at), how, at)])
    await store.settle([ended(await transmitting(store, NOW + 10), "doubted", NOW + 10)])
    await claimed(store, NOW + 10)
    found = await store.watch.watched(NOW + 10)
    wanted = {"PENDING": 1, "PROCESSING": 1, "RETRY": 1, "SUCCESS": 1, "ERROR": 2}
    assert found.states == wanted
    seen = {name: count for name, count in found.categories.items() if count}
    assert seen["outcome_unknown"] == 1
    assert sum(seen.values()) == 3


async def test_each_count_ends_at_its_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_WATCHED", 3)
    monkeypatch.setattr(watch, "FEWER_WATCHED", 2)
    await store.submit([mail(f"m{n}") for n in range(9)])
    for _ in range(4):
        await store.settle([ended(await claimed(store), "failed")])
    callback = Callback("http", "post", "http://x/")
    await store.timers.create([FreshTimer(f"t{n}", callback, "x", NOW, NOW) for n in range(9)])
    found = await store.watch.watched(NOW)
    assert (found.states["PENDING"], found.states["ERROR"]) == (3, 2)
    assert max(found.categories.values()) == 2
    assert found.timers["scheduled"] == 2


async def test_the_oldest_that_may_go_is_of_no_account_that_is_held(
    yard: Yard, store: Store
) -> None:
    ages = {"limited": 9, "gone": 8, "probed": 7, "free": 5, "later": -5}
    await store.submit(
        [mail(name, account=name, due_at=NOW - age * MINUTE) for name, age in ages.items()]
    )
    assert (await store.watch.watched(NOW)).free_since == NOW - 9 * MINUTE
    yard.plant(f"UPDATE account SET paused_until = {NOW + 1} WHERE id = 'limited'")
    yard.plant("UPDATE account SET state = 'disconnected' WHERE id = 'gone'")
    yard.plant(f"UPDATE account SET probe_until = {NOW + 1} WHERE id = 'probed'")
    found = await store.watch.watched(NOW)
    assert (found.paused, found.disconnected) == (1, 1)
    assert found.free_since == NOW - 5 * MINUTE


async def test_what_is_due_later_is_not_late(store: Store) -> None:
    await store.submit([mail(due_at=NOW + 1)])
    assert (await store.watch.watched(NOW)).free_since is None
    assert (await store.watch.watched(NOW + 1)).free_since == NOW + 1


async def test_a_timer_that_is_being_served_is_not_late(store: Store) -> None:
    callback = Callback("http", "post", "http://x/")
    await store.timers.create([FreshTimer("t", callback, "x", NOW - MINUTE, NOW - MINUTE)])
    assert (await store.watch.watched(NOW)).timer_since == NOW - MINUTE
    await store.timers.claim(NOW, 1, LEASE_MS, {}, 1)
    assert (await store.watch.watched(NOW)).timer_since == NOW + LEASE_MS


async def test_what_a_process_uses_is_told_while_it_does(store: Store) -> None:
    before = store.watch.usage()
    assert before.connections >= 1
    assert (before.used, before.waiting, before.writes) == (0, 0, 0)
    asked = [asyncio.create_task(store.read("m")) for _ in range(before.connections + 3)]
    await asyncio.sleep(0)
    busy = store.watch.usage()
    assert (busy.used, busy.waiting) == (before.connections, 3)
    await asyncio.gather(*asked)
    await store.submit([mail()])
    after = store.watch.usage()
    assert (after.used, after.waiting) == (0, 0)
    assert after.commits > before.commits


def test_nothing_is_scanned(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each part of the query reads an index; only lists of names are walked."""
    folder = tmp_path_factory.mktemp("plan")
    yard = SqliteYard(folder)

    async def opened() -> None:
        store = yard.store()
        await store.open()
        await store.close()

    asyncio.run(opened())
    connection = sqlite3.connect(yard.path)
    values = {"now": 1, "most": 1, "few": 1, "accounts": 1}
    names = dict.fromkeys(["states", "ended", "categories", "timer_states"], "[]")
    plan = connection.execute("EXPLAIN QUERY PLAN " + load("sqlite")["watched"], values | names)
    told = [row[3] for row in plan]
    connection.close()
    scans = [line for line in told if line.startswith("SCAN")]
    allowed = ("SCAN s VIRTUAL", "SCAN c VIRTUAL", "SCAN CONSTANT ROW", "SCAN (subquery")
    assert [line for line in scans if not line.startswith(allowed)] == []
