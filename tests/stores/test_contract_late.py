"""Late proof: what an attempt that lost its lease still proves, and what it does not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core import requests
from franking.core.delivery import Outcome, Stage, State
from franking.stores.base import Change, Claimed, Store

from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    kinds,
    mail,
    remainder,
    stored,
    swept,
    transmitting,
)

EXPIRY = NOW + LEASE_MS
LATE = EXPIRY + 5


async def test_proved_sent_ends_a_doubt(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    assert (await delivery(store)).outcome is Outcome.UNKNOWN
    assert await store.settle([ended(a, "sent", LATE)]) == [False]
    after = await delivery(store)
    assert (after.state, after.outcome, after.attempts) == (State.SUCCESS, Outcome.SENT, 1)
    assert (after.end_at, after.error, after.info is not None) == (LATE, None, True)


async def test_a_proof_is_used_up_once_it_was_applied(store: Store) -> None:
    await store.submit([mail()])
    late = ended(await transmitting(store), "sent", LATE)
    await swept(store, EXPIRY)
    await store.settle([late])
    again = requests.retried(await delivery(store), LATE, None)
    await changed(store, Change(delivery=again))
    await store.settle([late])
    assert (await delivery(store)).state is State.RETRY


async def test_proved_sent_is_told(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    await store.settle([ended(a, "sent", LATE)])
    doubt, proof = await store.events(0, 10)
    assert (doubt.kind, doubt.sequence) == ("email_Error", 1)
    assert (proof.kind, proof.sequence, proof.occurred_at) == ("email_Sent", 2, LATE)
    assert proof.body["state"] == "SUCCESS"


async def test_proved_sent_ends_the_wait_for_another_try(store: Store) -> None:
    await store.submit([mail()])
    a = await claimed(store)
    await swept(store, EXPIRY)
    assert (await delivery(store)).state is State.RETRY
    await store.settle([ended(a, "sent", LATE)])
    after = await delivery(store)
    assert (after.state, after.attempts) == (State.SUCCESS, 1)
    assert await store.claim(LATE, 9, LEASE_MS) == []
    assert await kinds(store) == ["email_Sent"]


async def test_proved_sent_stops_the_next_attempt_before_its_dot(store: Store) -> None:
    await store.submit([mail()])
    a = await claimed(store)
    await swept(store, EXPIRY)
    b = await claimed(store, EXPIRY)
    await store.settle([ended(a, "sent", LATE)])
    assert (await delivery(store)).state is State.SUCCESS
    assert await store.transmitting([b.lease], LATE) == [False]
    assert await store.settle([ended(b, "returned", LATE)]) == [False]
    assert (await delivery(store)).state is State.SUCCESS


async def test_proved_sent_comes_too_late_once_the_next_dot_may_go(store: Store) -> None:
    await store.submit([mail()])
    a = await claimed(store)
    await swept(store, EXPIRY)
    await transmitting(store, EXPIRY)
    before = (await stored(store)).mail
    await store.settle([ended(a, "sent", LATE)])
    assert (await stored(store)).mail == before
    assert before.delivery.stage is Stage.TRANSMITTING


async def test_proved_unsent_ends_its_own_doubt(store: Store) -> None:
    await store.submit([mail()])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    await store.settle([ended(a, "failed", LATE)])
    after = await delivery(store)
    assert (after.state, after.outcome, after.attempts) == (State.ERROR, Outcome.NOT_SENT, 1)
    assert (after.error, after.category) == ("Error: 550 no", "rejected_by_recipient")
    assert await kinds(store) == ["email_Error", "email_Error"]


async def test_proved_unsent_sends_nothing_by_itself(store: Store) -> None:
    await store.submit([mail()])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    await store.settle([ended(a, "deferred", LATE)])
    assert (await delivery(store)).state is State.ERROR
    assert await store.claim(LATE + HOUR, 9, LEASE_MS) == []


async def test_a_dot_that_was_withheld_ends_the_doubt_in_words(store: Store) -> None:
    await store.submit([mail()])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    await store.settle([ended(a, "returned", LATE)])
    after = await delivery(store)
    assert after.outcome is Outcome.NOT_SENT
    assert after.error is not None
    assert after.sentence is not None


async def test_a_late_doubt_proves_nothing(store: Store) -> None:
    await store.submit([mail()])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    before = (await stored(store)).mail
    await store.settle([ended(a, "doubted", LATE)])
    assert (await stored(store)).mail == before
    [attempt] = await store.timeline("m1")
    assert attempt.late is not None
    assert attempt.late["event"] == "doubted"


async def two_doubts(store: Store) -> tuple[int, Claimed, Claimed]:
    """A mail whose first and second attempt both ran out in `transmitting`."""
    await store.submit([mail(on_unknown="resend", tries=3)])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    again = EXPIRY + 24 * HOUR
    b = await transmitting(store, again)
    await swept(store, again + LEASE_MS)
    after = await delivery(store)
    assert (after.state, after.outcome) == (State.ERROR, Outcome.UNKNOWN)
    return again + LEASE_MS + 5, a, b


@pytest.mark.parametrize("first_says", [None, "doubted"])
async def test_proved_unsent_leaves_the_doubt_of_another_attempt(
    store: Store, first_says: str | None
) -> None:
    late, a, b = await two_doubts(store)
    if first_says is not None:
        await store.settle([ended(a, first_says, late)])
    await store.settle([ended(b, "failed", late)])
    assert (await delivery(store)).outcome is Outcome.UNKNOWN


async def test_an_earlier_attempt_proves_unsent_no_later_doubt(store: Store) -> None:
    late, a, _ = await two_doubts(store)
    await store.settle([ended(a, "failed", late)])
    assert (await delivery(store)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("order", [1, -1])
async def test_once_every_doubt_is_proved_unsent_so_is_the_mail(store: Store, order: int) -> None:
    late, *attempts = await two_doubts(store)
    for attempt in attempts[::order]:
        await store.settle([ended(attempt, "failed", late)])
    assert (await delivery(store)).outcome is Outcome.NOT_SENT


async def test_any_of_two_doubts_proves_sent(store: Store) -> None:
    late, a, _ = await two_doubts(store)
    await store.settle([ended(a, "sent", late)])
    after = await delivery(store)
    assert (after.state, after.attempts) == (State.SUCCESS, 2)


async def test_whom_a_late_answer_names_for_later_is_tried_later(store: Store) -> None:
    await store.submit([mail()])
    a = await transmitting(store)
    await swept(store, EXPIRY)
    rest = remainder(a.mail, "b@example.com", due_at=LATE)
    late = ended(a, "sent", LATE, pending=["b@example.com"], remainder=rest)
    assert [await store.settle([late]) for _ in range(2)] == [[False], [False]]
    again = await claimed(store, LATE)
    assert (again.mail.id, again.mail.remainder_of) == (rest.id, "m1")


async def test_a_late_answer_that_changes_nothing_leaves_no_remainder(store: Store) -> None:
    await store.submit([mail()])
    a = await claimed(store)
    await swept(store, EXPIRY)
    b = await claimed(store, EXPIRY)
    await store.settle([ended(b, "sent", EXPIRY)])
    rest = remainder(a.mail, "b@example.com")
    await store.settle([ended(a, "sent", LATE, pending=["b@example.com"], remainder=rest)])
    assert await store.read(rest.id) is None


async def test_a_late_answer_of_an_epoch_that_nobody_settled_is_recorded(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    lost = replace(found.mail.delivery, epoch=found.lease.epoch + 1000)
    ghost = replace(found, mail=replace(found.mail, delivery=lost))
    assert await store.settle([ended(ghost, "failed")]) == [False]
    assert [a.epoch for a in await store.timeline("m1")] == [lost.epoch]
    assert await delivery(store) == found.mail.delivery
