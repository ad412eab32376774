"""Timers as they are created, only once, and looked up."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.timer import Life, Timer, TimerState
from franking.stores import timers
from franking.stores.base import (
    AlreadyExists,
    FreshTimer,
    KeyReused,
    Once,
    Replay,
    Store,
    TimerChange,
    TimerFilter,
)

from .contract import Yard
from .mails import HOUR, NOW, mail, raw, together
from .timers import (
    DOCUMENT,
    asked,
    brought_to,
    created,
    deleted,
    executed,
    leased,
    lives,
    mail_timer,
    read,
    retried,
    timer,
    told,
)

C, V, X, F, D = TimerState


def once(key: str = "k1", fingerprint: str = "f", answer: bytes = b"first") -> Once:
    return Once("POST /timer", key, fingerprint, NOW, lambda _: answer)


# -- created


async def test_a_new_timer_is_what_was_asked_for(store: Store) -> None:
    asked_for = timer(due_at=NOW + HOUR, created_at=NOW, data=raw({"a": 1}))
    [found] = await created(store, asked_for)
    kept = await read(store)
    assert found == replace(kept, seq=0)
    assert (kept.state, kept.due_at, kept.next_at) == (C, NOW + HOUR, NOW + HOUR)
    assert (kept.callback, kept.created_at) == (asked_for.callback, NOW)
    assert (kept.served_at, kept.executed_at, kept.deleted_at, kept.error) == (None,) * 4
    assert (kept.retry_count, kept.revision, kept.attempt, kept.epoch) == (0, 1, 0, 0)
    assert await lives(store) == ()


@pytest.mark.parametrize(
    "data",
    [
        None,
        '"hello"',
        '""',
        "{}",
        '{ "b" : 1.50,\n\t"a": [ 1e2, 12345678901234567890 ], "a": null }',
        '"\\u0000 \\ud83d\\ude00 é \\/ \\u2028 \u2028"',
    ],
)
async def test_data_comes_out_byte_for_byte(store: Store, data: str | None) -> None:
    given = None if data is None else type(raw(0))(data.encode())
    [found] = await created(store, timer(data=given))
    [again] = await leased(store)
    for kept in (found, await read(store), again):
        assert (None if kept.data is None else bytes(kept.data).decode()) == data


async def test_there_is_no_timer_that_nobody_created(store: Store) -> None:
    assert await store.timers.read("t1") is None
    assert await asked(store, TimerChange("deleted", NOW)) is None


@pytest.mark.parametrize("first", [timer(), mail_timer("t1")])
async def test_an_id_that_lives_is_taken(store: Store, first: FreshTimer) -> None:
    await created(store, first)
    [again] = await store.timers.create([timer(uri="http://b.example/")])  # type: ignore[misc]
    assert isinstance(again, AlreadyExists)
    assert str(again) == "Timer with id t1 already exists"
    assert (await read(store)).callback == first.callback


async def test_an_id_is_taken_while_it_is_served(store: Store) -> None:
    await created(store, timer())
    await leased(store)
    [again] = await store.timers.create([timer()])  # type: ignore[misc]
    assert isinstance(again, AlreadyExists)


async def test_of_two_in_one_batch_the_first_is_created(store: Store) -> None:
    batch = [timer(uri="http://1/"), timer("t2"), timer(uri="http://2/")]
    first, other, second = await store.timers.create(batch)  # type: ignore[misc]
    assert isinstance(first, Timer)
    assert isinstance(other, Timer)
    assert isinstance(second, AlreadyExists)
    assert (await read(store)).callback.uri == "http://1/"


async def test_of_two_in_one_batch_the_first_begins_the_new_life(store: Store) -> None:
    await created(store, timer())
    await deleted(store)
    batch = [timer(uri="http://1/"), timer(uri="http://2/")]
    first, second = await store.timers.create(batch)  # type: ignore[misc]
    assert isinstance(first, Timer)
    assert isinstance(second, AlreadyExists)
    assert first == await read(store)
    assert first.callback.uri == "http://1/"
    assert len(await lives(store)) == 1


async def test_of_callers_in_one_commit_one_gets_the_id(store: Store) -> None:
    wishes = [store.timers.create([timer(), timer(f"own{n}")]) for n in range(9)]
    answers = await together(store, wishes)
    assert sorted(type(same).__name__ for same, _ in answers) == ["AlreadyExists"] * 8 + ["Timer"]
    assert all(isinstance(own, Timer) for _, own in answers)


async def test_a_mail_that_no_timer_made_has_its_id(store: Store) -> None:
    await store.submit([mail()])
    [found] = await store.timers.create([mail_timer("m1")])  # type: ignore[misc]
    assert isinstance(found, AlreadyExists)
    assert str(found) == "Mail with id m1 already exists"
    assert await store.timers.read("m1") is None


async def test_what_calls_out_shares_its_id_with_no_mail(store: Store) -> None:
    await store.submit([mail("t1")])
    await created(store, timer("t1"))


@pytest.mark.parametrize("how", [X, F, D])
async def test_an_ended_id_begins_a_new_life(store: Store, how: TimerState) -> None:
    before = await brought_to(store, how)
    later = NOW + HOUR
    new = timer(uri="http://b.example/", due_at=later, created_at=NOW + 2, data=raw("new"))
    [found] = await created(store, new)
    after, [life] = await told(store, "t1")
    assert found == after
    assert (after.state, after.due_at, after.next_at, after.created_at) == (
        C,
        later,
        later,
        NOW + 2,
    )
    assert (after.callback, bytes(after.data or b"")) == (new.callback, b'"new"')
    assert (after.served_at, after.executed_at, after.deleted_at, after.error) == (None,) * 4
    assert (after.attempt, after.tries, after.retry_count) == (0, (), 0)
    assert (after.revision, after.seq) == (before.revision + 1, before.seq)
    assert after.epoch > before.epoch
    assert life == Life(
        "created",
        before.due_at,
        before.created_at,
        before.served_at,
        before.executed_at,
        before.deleted_at,
        before.error,
    )


async def test_a_new_life_forgets_the_retries_of_the_old(store: Store) -> None:
    await brought_to(store, F)
    await retried(store, at=NOW + 5)
    await deleted(store, at=NOW + 6)
    await created(store, timer())
    found = await read(store)
    assert (found.retry_count, found.previous_error, found.previous_served_at) == (0, None, None)
    assert [(life.ended_by, life.retry_count) for life in await lives(store)] == [
        ("retried", 0),
        ("created", 1),
    ]


# -- only once


async def test_a_key_creates_once(store: Store) -> None:
    kept = once(answer=b"timers")
    assert isinstance(await store.timers.create([timer()], kept), list)
    assert await store.timers.create([timer("t2")], kept) == Replay(b"timers")
    assert await store.timers.read("t2") is None


async def test_a_key_with_another_body_is_refused(store: Store) -> None:
    await store.timers.create([timer()], once())
    with pytest.raises(KeyReused):
        await store.timers.create([timer("t2")], once(fingerprint="other"))
    assert await store.timers.read("t2") is None


async def test_a_key_of_a_change_is_kept_with_it(store: Store) -> None:
    await brought_to(store, F)
    answers = [
        await store.timers.change("t1", lambda *_: TimerChange("retried", NOW + 5), once())
        for _ in range(2)
    ]
    assert isinstance(answers[0], Timer)
    assert answers[1] == Replay(b"first")
    assert (await read(store)).retry_count == 1


async def test_the_key_of_what_was_refused_stays_free(store: Store) -> None:
    """And what the refusal wrote stays: the question whether to send again was put."""

    def raised(result: object) -> bytes:
        if isinstance(result, Exception):
            raise result
        return b"done"

    await brought_to(store, F)
    key = replace(once(), answer=raised)
    question = TimerChange("asked", NOW, asked_at=NOW + 7, refuse=LookupError("sure?"))
    refused = await store.timers.change("t1", lambda *_: question, key)
    assert isinstance(refused, LookupError)
    assert (await read(store)).asked_at == NOW + 7
    again = await store.timers.change("t1", lambda *_: TimerChange("retried", NOW), key)
    assert isinstance(again, Timer)


async def test_the_key_of_an_id_that_was_taken_stays_free(store: Store) -> None:
    def raised(result: object) -> bytes:
        if isinstance(result, list) and isinstance(result[0], Exception):
            raise result[0]
        return b"done"

    await created(store, timer())
    key = replace(once(), answer=raised)
    [refused] = await store.timers.create([timer()], key)  # type: ignore[misc]
    assert isinstance(refused, AlreadyExists)
    await deleted(store)
    [made] = await store.timers.create([timer()], key)  # type: ignore[misc]
    assert isinstance(made, Timer)


async def test_an_answer_that_can_not_be_made_undoes_the_whole(store: Store) -> None:
    def broken(_: object) -> bytes:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        await store.timers.create([timer()], replace(once(), answer=broken))
    assert await store.timers.read("t1") is None


# -- looked up


async def test_the_newest_come_first_page_by_page(store: Store) -> None:
    await created(store, *[timer(f"t{n}") for n in range(5)])
    first = await store.timers.page(TimerFilter(), 3)
    rest = await store.timers.page(TimerFilter(after=first[-1].seq), 3)
    assert [t.id for t in first + rest] == ["t4", "t3", "t2", "t1", "t0"]


@pytest.mark.parametrize("wanted", [{}, {"state": "scheduled"}, {"transport": "mail"}, {"q": "m"}])
async def test_a_page_comes_with_the_data_or_does_not_read_it(
    store: Store, yard: Yard, wanted: dict[str, Any]
) -> None:
    await created(store, mail_timer())
    [whole] = await store.timers.page(TimerFilter(**wanted), 9)
    assert whole.data == raw(DOCUMENT)
    yard.plant("UPDATE timer SET data = 'no JSON'")
    bare = await store.timers.page(TimerFilter(**wanted, data=False), 9)
    assert bare == [replace(whole, data=None)]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (TimerFilter(), ["m1", "a%", "aZ", "a\U0001f600", "ab", "a"]),
        (TimerFilter(state="deleted"), ["ab"]),
        (TimerFilter(state="served"), []),
        (TimerFilter(transport="mail"), ["m1"]),
        (TimerFilter(transport="http", state="scheduled"), ["a%", "aZ", "a\U0001f600", "a"]),
        (TimerFilter(transport="mail", state="deleted"), []),
        (TimerFilter(q="a"), ["a%", "aZ", "a\U0001f600", "ab", "a"]),
        (TimerFilter(q="a%"), ["a%"]),
        (TimerFilter(q="az"), []),
        (TimerFilter(q="ab", state="deleted"), ["ab"]),
        (TimerFilter(q="ab", transport="mail"), []),
        (TimerFilter(q="m", transport="mail", state="scheduled"), ["m1"]),
    ],
)
async def test_timers_are_found_by_what_is_named(
    store: Store, filter: TimerFilter, found: list[str]
) -> None:
    await created(store, *[timer(id) for id in ("a", "ab", "a\U0001f600", "aZ", "a%")])
    await created(store, mail_timer())
    await deleted(store, "ab")
    assert [t.id for t in await store.timers.page(filter, 10)] == found
    after = [t.id for t in await store.timers.page(replace(filter, after=1), 10)]
    assert after == []


async def test_many_of_a_beginning_do_not_hide_the_few_in_a_state(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "MOST_MATCHES", 2)
    await created(store, *(timer(f"a{number}") for number in range(9)), timer("b"))
    await deleted(store, "a8")
    await deleted(store, "b")
    found = await store.timers.page(TimerFilter(q="a", state="deleted"), 9)
    assert [t.id for t in found] == ["a8"]


async def test_a_transport_is_listed_newest_first_over_all_states(store: Store) -> None:
    await created(store, *(timer(f"a{number}") for number in range(5)))
    for id in ("a1", "a3"):
        await deleted(store, id)
    first = await store.timers.page(TimerFilter(transport="http"), 3)
    rest = await store.timers.page(TimerFilter(transport="http", after=first[-1].seq), 3)
    assert [t.id for t in first] == ["a4", "a3", "a2"]
    assert [t.id for t in rest] == ["a1", "a0"]


async def test_states_are_counted(store: Store) -> None:
    await created(store, timer("a"), timer("b"), timer("c", due_at=NOW + HOUR))
    await store.timers.end([executed((await leased(store))[0])])
    counts = await store.counts(NOW, 0)
    assert counts.timers == {"executed": 1, "served": 1, "scheduled": 1}
    assert counts.states == {}


async def test_a_restart_keeps_all(store: Store, yard: Yard) -> None:
    await brought_to(store, F)
    await retried(store, at=NOW + 5)
    await created(store, timer("t2"), mail_timer("m1", due_at=NOW + HOUR))
    [held] = [t for t in await leased(store) if t.id == "t2"]
    before = [await told(store, id) for id in ("t1", "t2", "m1")]
    dues = [await store.timers.next_due([]), await store.timers.next_mail_due()]
    await store.close()
    again = yard.store()
    await again.open()
    assert [await told(again, id) for id in ("t1", "t2", "m1")] == before
    assert [await again.timers.next_due([]), await again.timers.next_mail_due()] == dues
    assert await again.timers.end([executed(held)]) == [True]
    await again.close()
