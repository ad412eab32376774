"""Timers replaced, deleted and retried: each earlier life is kept, each call shut out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core.machine import Refused
from franking.core.timer import Life, Timer, TimerState
from franking.stores.base import (
    Store,
    Stored,
    TimerChange,
)

from .mails import HOUR, NOW, raw, together
from .timers import (
    asked,
    brought_to,
    created,
    deleted,
    executed,
    failed,
    lease,
    leased,
    lives,
    mail_timer,
    no_timer_is_stuck,
    one_leased,
    put_off,
    read,
    replaced,
    retried,
    served,
    timer,
    told,
)

C, V, X, F, D = TimerState


# -- replaced


async def test_a_replaced_timer_counts_down_anew(store: Store) -> None:
    [before] = await created(store, timer(data=raw("old")))
    later = NOW + HOUR
    new = timer(uri="tcp://b.example:9", transport="tcp", due_at=later, data=raw("new"))
    after = await replaced(store, new, at=NOW + 5)
    assert (after.state, after.due_at, after.next_at, after.created_at) == (
        C,
        later,
        later,
        NOW + 5,
    )
    assert (after.callback, bytes(after.data or b"")) == (new.callback, b'"new"')
    assert (after.revision, after.seq) == (2, (await read(store)).seq)
    assert await lives(store) == (Life("replaced", before.due_at, before.created_at),)
    assert await leased(store, NOW + HOUR - 1) == []
    assert (await one_leased(store, NOW + HOUR)).revision == 2


async def test_a_replaced_timer_keeps_what_is_known_of_its_retries(store: Store) -> None:
    before = await brought_to(store, F)
    await retried(store, at=NOW + 5)
    after = await replaced(store, timer(), at=NOW + 6)
    assert after.retry_count == 1
    assert after.previous_served_at == before.served_at
    assert (after.previous_executed_at, after.previous_error) == (NOW + 1, "404")
    assert [life.ended_by for life in await lives(store)] == ["retried", "replaced"]


@pytest.mark.parametrize("change", ["replaced", "deleted"])
async def test_the_tries_that_were_left_are_dropped(store: Store, change: str) -> None:
    await created(store, timer())
    found = await one_leased(store)
    await store.timers.end([put_off(found, NOW + 10)])
    if change == "replaced":
        after = await replaced(store, timer(due_at=NOW + HOUR), at=NOW + 5)
    else:
        after = await deleted(store, at=NOW + 5)
    assert await leased(store, NOW + 10) == []
    assert after.tries == () or after.state is D
    await no_timer_is_stuck(store)


@pytest.mark.parametrize("change", ["replaced", "deleted"])
async def test_a_call_under_way_ends_for_nobody(store: Store, change: str) -> None:
    await created(store, timer())
    found = await one_leased(store)
    await (replaced(store, timer(due_at=NOW + HOUR)) if change == "replaced" else deleted(store))
    before = await read(store)
    for end in (executed(found), failed(found), put_off(found, NOW + 1)):
        assert await store.timers.end([end]) == [False]
    assert await store.timers.renew([lease(found)], NOW + HOUR) == [False]
    assert await read(store) == before
    await no_timer_is_stuck(store)


# -- deleted


async def test_a_deleted_timer_is_never_served(store: Store) -> None:
    await created(store, timer())
    after = await deleted(store, at=NOW + 5)
    assert (after.state, after.deleted_at, after.next_at) == (D, NOW + 5, None)
    assert await lives(store) == ()
    assert await leased(store, NOW + HOUR) == []
    assert await store.timers.next_due([]) is None


async def test_a_deleted_mail_timer_makes_no_mail(store: Store) -> None:
    await created(store, mail_timer())
    await deleted(store, "m1")
    assert await served(store, NOW + HOUR) == 0
    assert await store.read("m1") is None


# -- retried


@pytest.mark.parametrize("how", [F, D])
async def test_a_retry_moves_four_columns_and_is_due_now(store: Store, how: TimerState) -> None:
    before = await brought_to(store, how)
    after = await retried(store, at=NOW + HOUR)
    assert (after.previous_served_at, after.previous_executed_at) == (
        before.served_at,
        before.executed_at,
    )
    assert (after.previous_deleted_at, after.previous_error) == (before.deleted_at, before.error)
    assert (after.served_at, after.executed_at, after.deleted_at, after.error) == (None,) * 4
    assert (after.state, after.due_at, after.next_at) == (C, NOW + HOUR, NOW + HOUR)
    assert (after.retry_count, after.tries, after.revision) == (1, (), before.revision)
    assert (after.attempt, after.created_at) == (before.attempt, before.created_at)
    assert after.data == before.data
    [life] = await lives(store)
    assert (life.ended_by, life.error, life.deleted_at) == (
        "retried",
        before.error,
        before.deleted_at,
    )
    assert (await one_leased(store, NOW + HOUR)).attempt == before.attempt + 1


async def test_a_second_retry_keeps_both_earlier_lives(store: Store) -> None:
    await brought_to(store, F)
    await retried(store, at=NOW + 10)
    await store.timers.end([failed(await one_leased(store, NOW + 10), NOW + 11, "500")])
    after = await retried(store, at=NOW + 20)
    assert (after.retry_count, after.previous_error, after.previous_executed_at) == (
        2,
        "500",
        NOW + 11,
    )
    kept = [
        (one.ended_by, one.error, one.executed_at, one.retry_count) for one in await lives(store)
    ]
    assert kept == [("retried", "404", NOW + 1, 0), ("retried", "500", NOW + 11, 1)]


async def test_a_retry_may_bring_other_data(store: Store) -> None:
    await brought_to(store, F)
    after = await retried(store, data=raw({"new": 1}))
    assert bytes(after.data or b"") == b'{"new":1}'


async def test_of_two_retries_at_once_one_goes(store: Store) -> None:
    def decide(timer: Timer | None, mail: Stored | None) -> TimerChange:
        assert timer is not None
        if timer.state is C:
            raise LookupError("already scheduled")
        return TimerChange("retried", NOW)

    await brought_to(store, F)
    answers = await together(store, [store.timers.change("t1", decide) for _ in range(5)])
    assert sorted(type(answer).__name__ for answer in answers) == ["LookupError"] * 4 + ["Timer"]
    assert (await read(store)).retry_count == 1


async def test_a_question_that_was_put_is_kept_until_the_retry(store: Store) -> None:
    before = await brought_to(store, F)
    change = TimerChange("asked", NOW, asked_at=NOW + 7, refuse=LookupError("sure?"))
    assert isinstance(await asked(store, change), LookupError)
    assert await read(store) == replace(before, asked_at=NOW + 7)
    assert (await retried(store)).asked_at is None


# -- what can't be asked


@pytest.mark.parametrize(
    ("how", "change"),
    [
        *((how, "deleted") for how in (X, F, D)),
        *((how, "replaced") for how in (X, F, D)),
        *((how, "retried") for how in (C, V, X)),
    ],
)
async def test_what_has_no_arrow_changes_nothing(
    store: Store, how: TimerState, change: str
) -> None:
    if how in (C, V):
        await created(store, timer())
        await (leased(store) if how is V else read(store))
    else:
        await brought_to(store, how)
    before = await told(store, "t1")
    wanted = TimerChange(change, NOW, fresh=timer() if change == "replaced" else None)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=change):
        await store.timers.change("t1", lambda *_: wanted)
    assert await told(store, "t1") == before


async def test_what_decide_raises_is_the_answer_and_changed_nothing(store: Store) -> None:
    def decide(timer: Timer | None, mail: Stored | None) -> TimerChange:
        raise LookupError("no")

    [before] = await created(store, timer())
    assert isinstance(await store.timers.change("t1", decide), LookupError)
    assert await read(store) == replace(before, seq=(await read(store)).seq)


async def test_nothing_changes_where_nothing_is_decided(store: Store) -> None:
    await created(store, timer())
    before = await read(store)
    assert await store.timers.change("t1", lambda *_: None) == before
    assert await read(store) == before
