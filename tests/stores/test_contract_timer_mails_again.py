"""Mails of timers that were deleted, replaced or retried: cancelled, sent again, or left alone."""

from __future__ import annotations

import pytest

from franking.core import requests
from franking.core.delivery import State
from franking.core.timer import Timer, TimerState
from franking.stores.base import Change, Store, Stored, TimerChange

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    MINUTE,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    kinds,
    mail,
    stored,
    swept,
    transmitting,
)
from .timers import (
    DOCUMENT,
    NO_RECIPIENT,
    created,
    deleted,
    failed,
    lives,
    mail_ended,
    mail_timer,
    no_timer_is_stuck,
    one_leased,
    read,
    replaced,
    retried,
    served,
    timer,
    under_way,
)

C, V, X, F, D = TimerState
EXPIRY = NOW + LEASE_MS
LATE = EXPIRY + 5


# -- deleted and replaced while its mail waits


@pytest.mark.parametrize("change", ["deleted", "replaced"])
async def test_a_mail_that_waits_is_cancelled_with_its_timer(store: Store, change: str) -> None:
    await under_way(store)
    if change == "deleted":
        await deleted(store, "m1", NOW + 5)
    else:
        await replaced(store, mail_timer(due_at=NOW + HOUR), NOW + 5)
    after = await delivery(store)
    assert (after.state, after.error, after.end_at) == (State.ERROR, requests.CANCELLED, NOW + 5)
    assert await store.claim(NOW + 5, 9, LEASE_MS) == []
    found = await read(store, "m1")
    assert (found.state, found.executed_at, found.error) == (
        (D if change == "deleted" else C),
        None,
        None,
    )
    await no_timer_is_stuck(store)


@pytest.mark.parametrize("change", ["deleted", "replaced", "retried"])
async def test_a_foreign_mail_is_none_of_its_timers_business(store: Store, change: str) -> None:
    await created(store, mail_timer())
    await store.submit([mail()])
    if change == "retried":
        await served(store)
    seen: list[Stored | None] = []

    def decide(timer: Timer | None, found: Stored | None) -> None:
        seen.append(found)

    await store.timers.change("m1", decide)
    assert seen == [None]


async def test_a_mail_of_an_earlier_life_is_not_its_timers(store: Store) -> None:
    await under_way(store)
    await mail_ended(store, "sent", LATE)
    await created(store, mail_timer(due_at=NOW + HOUR))
    seen: list[Stored | None] = []
    await store.timers.change("m1", lambda timer, found: seen.append(found))
    assert seen == [None]
    assert (await stored(store)).timer is None


async def test_a_mail_takes_its_timer_along_when_it_is_removed(store: Store) -> None:
    await under_way(store)
    gone = Change(delete=True, timer=TimerChange("deleted", NOW + 5))
    assert await changed(store, gone) == [None]
    found = await read(store, "m1")
    assert (found.state, found.deleted_at) == (D, NOW + 5)
    await no_timer_is_stuck(store)


async def test_a_mail_that_can_not_be_removed_keeps_its_timer(store: Store) -> None:
    before = await under_way(store)
    await claimed(store)
    [refused] = await changed(store, Change(delete=True, timer=TimerChange("deleted", NOW + 5)))
    assert isinstance(refused, Exception)
    assert await read(store, "m1") == before


# -- served again


async def failed_once(store: Store) -> None:
    await under_way(store)
    await mail_ended(store, "failed", LATE)


async def test_after_a_retry_the_mail_goes_again_as_it_stands(store: Store) -> None:
    await failed_once(store)
    await changed(store, Change(document=mail("m1").document))
    await retried(store, "m1", LATE)
    assert await served(store, LATE) == 1
    kept, found = await stored(store), await read(store, "m1")
    assert (kept.mail.delivery.state, kept.mail.delivery.attempts) == (State.RETRY, 1)
    assert b"m1@example.com" in bytes(kept.document)
    assert (found.state, found.attempt, found.retry_count) == (V, 2, 1)
    assert (found.served_at, found.error) == (LATE, None)
    await store.settle([ended(await claimed(store, LATE), "sent", LATE + 1)])
    after = await read(store, "m1")
    assert (after.state, after.executed_at) == (X, LATE + 1)
    assert (after.previous_error, after.previous_executed_at) == ("Error: 550 no", LATE)


async def test_after_a_retry_what_was_sent_by_then_is_only_executed(store: Store) -> None:
    await under_way(store)
    first = await transmitting(store)
    await swept(store, EXPIRY)
    await retried(store, "m1", EXPIRY)
    await store.settle([ended(first, "sent", LATE)])  # its worker's late answer
    before = await stored(store)
    assert (await read(store, "m1")).state is C
    assert await served(store, LATE + 1) == 1
    found, kept = await read(store, "m1"), await stored(store)
    assert (found.state, found.error) == (X, None)
    assert found.executed_at is not None
    assert kept.mail == before.mail
    await no_timer_is_stuck(store, LATE + 1)


async def test_after_a_retry_a_mail_that_was_removed_is_made_again(store: Store) -> None:
    await failed_once(store)
    await changed(store, Change(delete=True))
    await retried(store, "m1", LATE)
    assert await served(store, LATE) == 1
    assert (await delivery(store)).state is State.PENDING
    assert (await read(store, "m1")).state is V


@pytest.mark.parametrize("way", ["created", "replaced"])
async def test_another_document_is_sent_from_scratch(store: Store, way: str) -> None:
    other = {**DOCUMENT, "to": "other@b.example"}
    if way == "created":
        await failed_once(store)
        await created(store, mail_timer(document=other, due_at=LATE))
    else:
        await under_way(store)
        await replaced(store, mail_timer(document=other, due_at=LATE))
    assert await served(store, LATE) == 1
    kept, found = await stored(store), await read(store, "m1")
    assert (kept.mail.delivery.state, kept.mail.delivery.attempts) == (State.PENDING, 0)
    assert (kept.mail.timed, found.revision) == (2, 2)
    assert b"other@b.example" in bytes(kept.document)
    assert [life.ended_by for life in await lives(store, "m1")] == [way]
    await store.settle([ended(await claimed(store, LATE), "sent", LATE + 1)])
    assert (await read(store, "m1")).state is X


async def test_another_document_that_is_refused_fails_at_once(store: Store) -> None:
    await failed_once(store)
    await created(store, mail_timer(document=NO_RECIPIENT, due_at=LATE))
    assert await served(store, LATE) == 1
    found = await read(store, "m1")
    assert (found.state, found.executed_at) == (F, LATE)
    assert "at least one recipient" in (found.error or "")
    assert (await kinds(store))[-1] == "email_Error"


async def test_a_mail_that_is_sent_now_is_not_given_another_document(store: Store) -> None:
    """It was sent again by itself after its timer's id was used for another."""
    await failed_once(store)
    await created(store, mail_timer(document={**DOCUMENT, "to": "other@b.example"}, due_at=LATE))
    again = requests.retried(await delivery(store), LATE, None)
    await changed(store, Change(delivery=again))
    held = await claimed(store, LATE)
    assert await served(store, LATE) == 1
    assert (await stored(store)).document == held.document
    assert (await read(store, "m1")).next_at == LATE + MINUTE
    await store.settle([ended(held, "sent", LATE)])
    assert (await read(store, "m1")).state is C
    assert await served(store, LATE + MINUTE) == 1
    assert b"other@b.example" in bytes((await stored(store)).document)


@pytest.mark.parametrize("state", [C, V, F])
async def test_a_timer_that_calls_out_is_not_ended_by_a_mail_of_its_id(
    store: Store, state: TimerState
) -> None:
    await failed_once(store)
    await created(store, timer("m1", due_at=LATE))
    if state is not C:
        found = await one_leased(store, LATE)
        if state is F:
            await store.timers.end([failed(found, LATE)])
    before = await read(store, "m1")
    again = requests.retried(await delivery(store), LATE, None)
    await changed(store, Change(delivery=again))
    await mail_ended(store, "sent", LATE)
    assert await read(store, "m1") == before


async def test_a_retry_that_is_served_at_once_is_one_transaction(store: Store) -> None:
    """As the mail's own doors do it."""
    await failed_once(store)
    again = requests.retried(await delivery(store), LATE, None)
    wanted = Change(delivery=again, timer=TimerChange("retried", LATE, served=True))
    await changed(store, wanted)
    found = await read(store, "m1")
    assert (found.state, found.served_at, found.retry_count, found.next_at) == (V, LATE, 1, None)
    assert (found.attempt, found.previous_error) == (2, "Error: 550 no")
    assert [life.ended_by for life in await lives(store, "m1")] == ["retried"]
    assert await served(store, LATE) == 0
    await no_timer_is_stuck(store, LATE)


async def test_a_refusal_at_the_mails_door_leaves_the_question_and_the_mail(store: Store) -> None:
    await under_way(store)
    await mail_ended(store, "doubted", LATE)
    before = await stored(store)
    question = TimerChange("asked", NOW, asked_at=LATE, refuse=LookupError("sure?"))
    [refused] = await changed(store, Change(document=mail().document, timer=question))
    assert isinstance(refused, LookupError)
    assert (await read(store, "m1")).asked_at == LATE
    assert (await stored(store)).mail == before.mail


async def test_a_restart_keeps_mails_and_their_timers(store: Store, yard: Yard) -> None:
    before = await under_way(store)
    await store.close()
    again = yard.store()
    await again.open()
    assert await read(again, "m1") == before
    await again.settle([ended(await claimed(again), "sent", LATE)])
    assert (await read(again, "m1")).state is X
    await again.close()
