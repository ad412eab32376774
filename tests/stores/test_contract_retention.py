"""Letting go of what is old: what has to stay first, then what goes, a small batch at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from franking.core.timer import Callback, TimerEnd, TimerState
from franking.stores.base import Change, FreshTimer, Once, Store, TimerFilter
from franking.stores.queries import load
from franking.stores.retention_store import Walk, Walked

from .contract import SqliteYard, Yard
from .mails import HOUR, LEASE_MS, NOW, claimed, ended, event, mail, remainder
from .mails import changed as written
from .test_contract_cadence import touchpoint
from .timers import DOCUMENT, created, mail_timer, served

OLD = NOW + HOUR  # what ended before that goes
END = Walked(None, 0)


async def walked(store: Store, walk: Walk, before: int = OLD, most: int = 50) -> int:
    """Walk to the end; how many were removed."""
    place, removed = None, 0
    while True:
        found = await store.retention.walk(walk, place, before, 1000, most)
        removed += found.removed
        assert found.removed <= most
        if found.next is None:
            return removed
        place = found.next


async def sent(store: Store, id: str, at: int = NOW, **fields: Any) -> None:
    await store.submit([mail(id, due_at=at, created_at=at, **fields)])
    await store.settle([ended(await claimed(store, at), "sent", at)])


@pytest.mark.parametrize("walk", Walk)
async def test_where_there_is_nothing_a_walk_has_ended(store: Store, walk: Walk) -> None:
    assert await store.retention.walk(walk, None, OLD, 10, 10) == END


async def test_what_waits_or_is_being_sent_stays_however_old(store: Store) -> None:
    await store.submit([mail("sending"), mail("waiting", due_at=NOW + 1)])
    await claimed(store)
    assert await walked(store, Walk.MAILS) == 0


async def test_what_ended_a_moment_too_late_stays(store: Store) -> None:
    await sent(store, "m1", OLD)
    assert await walked(store, Walk.MAILS) == 0
    assert await walked(store, Walk.MAILS, OLD + 1) == 1


async def test_a_mail_of_a_touchpoint_that_is_here_stays_with_it(yard: Yard, store: Store) -> None:
    await store.cadence.create(touchpoint("t1"), None)
    await store.cadence.create(touchpoint("t2"), None)
    yard.plant(f"UPDATE touchpoint SET deleted_at = {NOW} WHERE id = 't2'")
    for name in ("t1", "t2", "t3"):
        await sent(store, name, touchpoint=name)
    assert await walked(store, Walk.MAILS) == 2
    assert await store.read("t1") is not None
    assert len(await store.timeline("t1")) == 1


async def test_a_mail_whose_recipients_still_wait_stays(store: Store) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    rest = remainder(first.mail, "b@example.com", due_at=NOW + 1)
    await store.settle([ended(first, "sent", remainder=rest, pending=["b@example.com"])])
    assert await walked(store, Walk.MAILS) == 0
    await store.settle([ended(await claimed(store, NOW + 1), "sent", NOW + 1)])
    assert await walked(store, Walk.MAILS) == 1
    assert await store.read(rest.id) is None


async def test_a_mail_goes_with_all_that_is_its_own(yard: Yard, store: Store) -> None:
    await created(store, mail_timer("m1", DOCUMENT))
    await served(store, NOW)
    await store.settle([ended(await claimed(store), "sent")])
    yard.plant(
        "INSERT INTO bounce (fingerprint, mail, action, received_at)"
        f" VALUES ('f', 'm1', 'failed', {NOW})"
    )
    assert await walked(store, Walk.MAILS) == 1
    for table in ("mail", "document", "attempt", "bounce", "timer", "timer_life"):
        assert yard.count(table) == 0, table
    assert await walked(store, Walk.MAILS) == 0


async def test_what_stays_holds_up_nothing(store: Store) -> None:
    for number in range(5):
        await store.cadence.create(touchpoint(f"t{number}"), None)
        await sent(store, f"t{number}", touchpoint=f"t{number}")
    await sent(store, "m1")
    first = await store.retention.walk(Walk.MAILS, None, OLD, 3, 2)
    assert (first.next is not None, first.removed) == (True, 0)
    second = await store.retention.walk(Walk.MAILS, first.next, OLD, 3, 2)
    assert second.removed == 1
    assert (await store.retention.walk(Walk.MAILS, second.next, OLD, 3, 2)) == END


async def test_no_more_than_the_most_goes_at_once_and_none_is_passed_over(store: Store) -> None:
    for number in range(7):
        await sent(store, f"m{number}")
    place, counts = None, []
    while True:
        found = await store.retention.walk(Walk.MAILS, place, OLD, 1000, 3)
        counts.append(found.removed)
        place = found.next
        if place is None:
            break
    assert counts == [3, 3, 1]


async def test_a_walk_ends_where_all_is_too_young(store: Store) -> None:
    for number in range(4):
        await sent(store, f"m{number}", OLD + number)
    assert await store.retention.walk(Walk.MAILS, None, OLD, 2, 2) == END
    assert await store.retention.walk(Walk.EVENTS, None, NOW, 2, 2) == END


@pytest.mark.parametrize(
    ("state", "gone"),
    [(TimerState.EXECUTED, 1), (TimerState.FAILED, 1), (TimerState.SERVED, 0)],
)
async def test_a_timer_goes_once_it_has_ended(store: Store, state: TimerState, gone: int) -> None:
    callback = Callback("http", "post", "http://x/")
    await store.timers.create([FreshTimer("t", callback, "x", NOW, NOW)])
    [timer] = await store.timers.claim(NOW, 1, LEASE_MS, {}, 1)
    next_at = OLD if state is TimerState.SERVED else None
    await store.timers.end([TimerEnd(timer.seq, timer.epoch, state, NOW, "no", next_at)])
    assert await walked(store, Walk.TIMERS, NOW) == 0
    assert await walked(store, Walk.TIMERS) == gone
    assert len(await store.timers.page(TimerFilter(), 10)) == 1 - gone


async def test_a_timer_whose_mail_or_touchpoint_is_here_stays(store: Store) -> None:
    await store.cadence.create(touchpoint("t1"), None)
    callback = Callback("http", "post", "http://x/")
    for name in ("t1", "m1"):
        await store.timers.create([FreshTimer(name, callback, name, NOW, NOW)])
        [timer] = await store.timers.claim(NOW, 1, LEASE_MS, {}, 1)
        end = TimerEnd(timer.seq, timer.epoch, TimerState.FAILED, NOW, "no")
        await store.timers.end([end])
    await store.submit([mail("m1")])
    assert await walked(store, Walk.TIMERS) == 0
    await store.cadence.forget("t1")
    assert await walked(store, Walk.TIMERS) == 1


async def test_old_lives_of_a_timer_go_and_young_ones_stay(yard: Yard, store: Store) -> None:
    for number in range(6):
        at = NOW if number < 4 else OLD
        await created(store, mail_timer("t", {**DOCUMENT}, created_at=at, due_at=at))
        await served(store, at)
        await store.settle([ended(await claimed(store, at), "sent", at)])
    assert yard.count("timer_life") == 5
    assert await walked(store, Walk.LIVES, most=3) == 4
    assert yard.count("timer_life") == 1


async def test_an_event_that_somebody_has_yet_to_hear_stays(store: Store) -> None:
    await store.submit([mail("m1", touchpoint="t1"), mail("m2"), mail("m3")])
    await written(store, Change(event=event("e1", "t1")), "m1")
    await written(store, Change(event=event("e2")), "m2")
    await written(store, Change(event=event("e3")), "m3")
    assert await walked(store, Walk.EVENTS) == 1
    left = [found.id for found in await store.events(0, 10)]
    assert left == ["e1", "e3"]  # the newest stays: listeners count from it


async def test_an_event_of_a_touchpoint_that_is_here_stays(yard: Yard, store: Store) -> None:
    await store.cadence.create(touchpoint("t1"), None)
    await store.submit([mail("m1", touchpoint="t1"), mail("m2", touchpoint="t2"), mail("m3")])
    for number, name in enumerate(("t1", "t2", None)):
        await written(store, Change(event=event(f"e{number}", name)), f"m{number + 1}")
    yard.plant("DELETE FROM outbox")
    assert await walked(store, Walk.EVENTS) == 1
    assert [found.id for found in await store.events(0, 10)] == ["e0", "e2"]


async def test_a_bounce_of_no_mail_goes_by_its_age(yard: Yard, store: Store) -> None:
    await store.submit([mail("m1")])
    for name, of, at in (("a", "'m1'", NOW), ("b", "NULL", NOW), ("c", "'gone'", OLD)):
        yard.plant(
            "INSERT INTO bounce (fingerprint, mail, action, received_at)"
            f" VALUES ('{name}', {of}, 'failed', {at})"
        )
    assert await walked(store, Walk.BOUNCES) == 1
    assert await walked(store, Walk.BOUNCES, OLD + 1) == 1
    assert yard.count("bounce") == 1


async def test_a_kept_answer_goes_once_its_mails_are_gone(yard: Yard, store: Store) -> None:
    for number in range(5):
        at = NOW if number < 4 else OLD
        once = Once("s", f"k{number}", "f", at, lambda result: b"a")
        await store.submit([mail(f"m{number}")], once)
    assert await walked(store, Walk.ANSWERS) == 0
    yard.plant("DELETE FROM mail WHERE id IN ('m0', 'm2', 'm3', 'm4')")
    assert await walked(store, Walk.ANSWERS, most=2) == 3
    assert yard.count("idempotency") == 2


async def test_a_batch_that_fails_leaves_all_as_it_was(tmp_path: Any) -> None:
    yard = SqliteYard(tmp_path)
    store = yard.store()
    await store.open()
    await sent(store, "m1")
    yard.plant("CREATE TRIGGER kept BEFORE DELETE ON mail BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        await walked(store, Walk.MAILS)
    await store.close()
    assert (yard.count("document"), yard.count("attempt")) == (1, 1)


@pytest.mark.parametrize("walk", Walk)
def test_a_walk_reads_a_range_of_its_key(walk: Walk, tmp_path: Any) -> None:
    """No table is scanned: only what is `near` is walked, and lists of names."""
    yard = SqliteYard(tmp_path)

    async def opened() -> None:
        store = yard.store()
        await store.open()
        await store.close()

    asyncio.run(opened())
    texts = load("sqlite")
    places = {"after": 0, "timer": "", "life": 0, "at": 0, "scope": "", "key": ""}
    values = {"before": 1, "look": 1, "most": 1, **places}
    connection = sqlite3.connect(yard.path)
    plan = connection.execute("EXPLAIN QUERY PLAN " + texts[f"old_{walk}"], values)
    told = [row[3] for row in plan]
    for name in [name for name in texts if name.startswith("remove_")]:
        given = {"seqs": "[]", "ids": "[]", "keys": "[]"} | places | {"id": "", "webhook": ""}
        told += [r[3] for r in connection.execute("EXPLAIN QUERY PLAN " + texts[name], given)]
    connection.close()
    assert [line for line in told if "_state" in line] == []
    scans = [line for line in told if line.startswith("SCAN")]
    allowed = (
        "SCAN near",
        "SCAN n",
        "SCAN r VIRTUAL",
        "SCAN CONSTANT",
        "SCAN (subq",
        "SCAN json_each",
    )
    assert [line for line in scans if not line.startswith(allowed)] == []
