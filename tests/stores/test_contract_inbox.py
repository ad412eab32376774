"""The inbox: what was inserted becomes a mail once, in order, and no row stops another."""

from __future__ import annotations

import asyncio

import pytest

from franking.core.delivery import State
from franking.stores.base import Filter, InboxCounts, Store
from franking.stores.inbox import (
    BYTES_AT_ONCE,
    GIVE_UP_MS,
    HEAD_BYTES,
    LEAST_TRIES,
    LONGEST_PUT_OFF_MS,
)

from .contract import Yard
from .inbox import DOCUMENT, Doubling, Seeing, Tripping, all_taken, door, now_written, taken, write
from .mails import HOUR, NOW, delivery, ids, kinds, mail, stored

SECOND = 1_000


async def test_an_empty_inbox_costs_nothing(store: Store) -> None:
    before = store.commits
    assert await store.inbox.next_at() is None
    assert await store.inbox.standing(NOW) == InboxCounts()
    assert store.commits == before


async def test_a_row_becomes_a_mail_and_is_gone(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT, "order-1")
    assert await store.inbox.next_at() == 0
    assert await taken(store) == 1
    assert (await delivery(store, "order-1")).state == State.PENDING
    assert yard.count("inbox") == 0
    assert await taken(store) == 0
    assert ids(await store.claim(NOW, 10, 1000)) == ["order-1"]


async def test_an_id_comes_by_itself(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT)
    write(yard, DOCUMENT)
    yard.plant("INSERT INTO inbox (id, document) VALUES (NULL, '{}')")
    assert await taken(store) == 3
    found = ids(await store.claim(NOW, 10, 1000))
    assert [len(id) for id in found] == [32, 32]
    assert len(set(found)) == 2


async def test_rows_are_taken_in_the_order_of_their_insertion(store: Store, yard: Yard) -> None:
    names = [f"m{n}" for n in (3, 1, 4, 5, 9, 2, 6)]
    for name in names:
        write(yard, DOCUMENT, name)
    assert [await taken(store, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    seqs = [(await stored(store, name)).mail.seq for name in names]
    assert seqs == sorted(seqs)


async def test_rows_of_one_id_are_taken_one_after_the_other(store: Store, yard: Yard) -> None:
    for n in range(3):
        write(yard, {**DOCUMENT, "n": n}, "same")
    write(yard, DOCUMENT, "other")
    assert await taken(store) == 2
    assert b'"n":0' in bytes((await stored(store, "same")).document)
    await all_taken(store)
    assert b'"n":2' in bytes((await stored(store, "same")).document)
    assert yard.count("mail") == 2


async def test_a_row_that_trips_stops_nobody(store: Store, yard: Yard) -> None:
    for name in ("a", "odd", "b", "odd", "c"):
        write(yard, DOCUMENT, name)
    now_written(yard)
    assert await taken(store, Tripping("odd")) == 4
    assert await taken(store, Tripping("odd")) == 0
    assert [await store.read(name) is not None for name in "abc"] == [True] * 3
    assert yard.count("inbox") == 2
    standing = await store.inbox.standing(NOW)
    assert (standing.waiting, standing.put_off) == (1, 1)


async def test_what_the_database_refuses_of_one_row_stops_nobody(store: Store, yard: Yard) -> None:
    for name in ("a", "odd", "b"):
        write(yard, DOCUMENT, name)
    now_written(yard)
    assert await taken(store, Doubling("odd")) == 3
    assert [await store.read(name) is not None for name in ("a", "odd", "b")] == [True, False, True]
    assert await taken(store, now=NOW + SECOND) == 1
    assert await store.read("odd") is not None


async def test_a_row_is_put_off_for_longer_each_time(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT, "odd")
    now_written(yard)
    now, waits = NOW, []
    for _ in range(8):
        assert await taken(store, Tripping("odd"), now) == 1
        at = await store.inbox.next_at()
        assert at is not None
        assert await taken(store, Tripping("odd"), at - 1) == 0
        waits.append(at - now)
        now = at
    assert waits[:4] == [1_000, 2_000, 4_000, 8_000]
    assert waits[-1] == LONGEST_PUT_OFF_MS
    assert await taken(store, now=now) == 1
    assert (await delivery(store, "odd")).state == State.PENDING


async def test_a_row_that_trips_for_a_day_ends_with_its_words(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT, "odd")
    now_written(yard)
    yard.plant(f"UPDATE inbox SET tries = {LEAST_TRIES}")
    assert await taken(store, Tripping("odd"), NOW + GIVE_UP_MS - 1) == 1
    assert yard.count("inbox") == 1
    assert await taken(store, Tripping("odd"), NOW + GIVE_UP_MS + HOUR) == 1
    assert yard.count("inbox") == 0
    [found] = await store.page(Filter(), 10)
    assert found.mail.delivery.state == State.ERROR
    told = "Error: It could not be taken in: row odd is odd"
    assert found.mail.delivery.error == told
    assert b'"id":"odd"' in bytes(found.document)


async def test_a_row_that_waited_for_its_worker_is_tried_often_all_the_same(
    store: Store, yard: Yard
) -> None:
    write(yard, DOCUMENT, "odd")
    now_written(yard)
    door, now, looks = Tripping("odd"), NOW + 2 * GIVE_UP_MS, 0
    while await taken(store, door, now):
        looks += 1
        now += HOUR
    assert looks == LEAST_TRIES


async def test_a_row_is_put_off_where_even_its_end_fails(store: Store, yard: Yard) -> None:
    class Endless(Tripping):
        def given_up(self, row: object, why: str) -> object:  # type: ignore[override]
            raise LookupError("no end")

    write(yard, DOCUMENT, "odd")
    write(yard, DOCUMENT, "a")
    now_written(yard)
    yard.plant(f"UPDATE inbox SET tries = {LEAST_TRIES}")
    assert await taken(store, Endless("odd"), NOW + GIVE_UP_MS) == 2
    assert yard.count("inbox") == 1
    assert await store.read("a") is not None


async def test_what_trips_over_a_mail_that_is_there_changes_nothing(
    store: Store, yard: Yard
) -> None:
    await store.submit([mail("there")])
    write(yard, DOCUMENT, "there")
    write(yard, DOCUMENT, "new")
    now_written(yard)
    assert await taken(store, Tripping("there")) == 2
    assert (await stored(store, "there")).mail.revision == 1
    assert await store.read("new") is not None


async def test_few_bytes_are_taken_in_at_once(store: Store, yard: Yard) -> None:
    size = BYTES_AT_ONCE // 2 - 1000
    for name in "abc":
        write(yard, {**DOCUMENT, "message": {"subject": "s", "text": "x" * size}}, name)
    assert await taken(store) == 2
    assert await taken(store) == 1
    assert yard.count("mail") == 3


async def test_of_a_document_with_too_many_bytes_the_beginning_is_told(
    store: Store, yard: Yard
) -> None:
    text = "é" * HEAD_BYTES
    write(yard, text, "large")
    write(yard, text[:HEAD_BYTES], "small")
    take = Seeing()
    assert await store.inbox.take_in(NOW, 10, 2 * HEAD_BYTES - 1, take) == 2
    for row in take.rows:
        assert row.bytes == 2 * HEAD_BYTES
        assert HEAD_BYTES <= len(row.document) <= 2 * HEAD_BYTES
        assert text.startswith(row.document.decode())
    write(yard, text + text, "larger")
    assert await store.inbox.take_in(NOW, 10, 2 * HEAD_BYTES, take) == 1
    assert take.rows[-1].bytes == 4 * HEAD_BYTES
    assert len(take.rows[-1].document) <= 2 * HEAD_BYTES


async def test_a_row_is_taken_however_many_bytes_it_may_have(store: Store, yard: Yard) -> None:
    write(yard, '"' + "x" * (BYTES_AT_ONCE + 1) + '"', "large")
    assert await store.inbox.take_in(NOW, 10, 2 * BYTES_AT_ONCE, door()) == 1


async def test_a_row_with_more_bytes_than_at_once_is_taken_alone(store: Store, yard: Yard) -> None:
    write(yard, '"' + "x" * (BYTES_AT_ONCE + 1) + '"', "large")
    write(yard, DOCUMENT, "small")
    await all_taken(store)
    assert (await delivery(store, "large")).state == State.ERROR
    assert (await delivery(store, "small")).state == State.PENDING


async def test_the_oldest_is_told_and_what_nobody_takes_is_stuck(store: Store, yard: Yard) -> None:
    for name in "ab":
        write(yard, DOCUMENT, name)
    yard.plant(f"UPDATE inbox SET created_at = {NOW} WHERE id = 'a'")
    yard.plant(f"UPDATE inbox SET created_at = {NOW + 5} WHERE id = 'b'")
    assert await store.inbox.standing(NOW) == InboxCounts(waiting=2, oldest_at=NOW)
    assert (await store.counts(NOW + 10, 10)).stuck == []
    [one] = (await store.counts(NOW + 11, 10)).stuck
    assert (one["id"].startswith("inbox "), one["why"]) == (True, "waits in the inbox")
    await all_taken(store, NOW + 12)
    assert (await store.counts(NOW + 12, 10)).stuck == []


async def test_what_is_put_off_is_stuck_only_once_its_time_is_over(
    store: Store, yard: Yard
) -> None:
    write(yard, DOCUMENT, "odd")
    now_written(yard)
    await taken(store, Tripping("odd"), NOW + SECOND)
    assert (await store.counts(NOW + 2 * SECOND, 0)).stuck == []
    [one] = (await store.counts(NOW + 2 * SECOND + 1, 0)).stuck
    assert one["why"] == "waits in the inbox: row odd is odd"


async def test_two_processes_take_each_row_once(store: Store, yard: Yard) -> None:
    other = yard.store()
    await other.open()
    try:
        for n in range(60):
            write(yard, {"to": "not valid", "message": 5}, f"m{n}")
        counts = await asyncio.gather(
            *(taken(one, door(NOW + at), limit=7) for at, one in enumerate([store, other] * 10))
        )
        assert sum(counts) == 60 - yard.count("inbox")
        await all_taken(store)
        assert (yard.count("inbox"), yard.count("mail")) == (0, 60)
        assert await kinds(store) == ["email_Error"] * 60
    finally:
        await other.close()


@pytest.mark.parametrize("statement", ["ROLLBACK", "COMMIT"])
async def test_a_rollback_leaves_nothing(store: Store, yard: Yard, statement: str) -> None:
    with yard.application() as application:
        application.execute("CREATE TABLE orders (n integer)")
        application.execute("BEGIN")
        application.execute("INSERT INTO orders VALUES (1)")
        application.execute("INSERT INTO inbox (id, document) VALUES ('order-1', '{}')")
        assert await store.inbox.next_at() is None
        application.execute(statement)
    kept = int(statement == "COMMIT")
    assert await taken(store) == kept
    assert (yard.count("orders"), yard.count("mail"), yard.count("event")) == (kept, kept, kept)
