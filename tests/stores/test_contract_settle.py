"""Settle: state, attempt, event in one transaction, fenced by the epoch; and once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core.delivery import State
from franking.stores.base import AlreadyExists, Store

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    claimed,
    delivery,
    ended,
    kinds,
    mail,
    stored,
    swept,
    together,
    transmitting,
)

ENDINGS = [
    ("sent", State.SUCCESS, ["email_Sent"]),
    ("failed", State.ERROR, ["email_Error"]),
    ("deferred", State.RETRY, []),
    ("doubted", State.ERROR, ["email_Error"]),
    ("returned", State.PENDING, []),
]


@pytest.mark.parametrize(("how", "state", "told"), ENDINGS)
async def test_an_end_is_written_whole(
    store: Store, how: str, state: State, told: list[str]
) -> None:
    await store.submit([mail(touchpoint="t1")])
    settlement = ended(await transmitting(store), how)
    assert await store.settle([settlement]) == [True]
    after = replace(settlement.delivery, epoch=settlement.lease.epoch)
    assert (await delivery(store), after.state) == (after, state)
    assert await store.timeline("m1") == [settlement.attempt]
    assert await kinds(store) == told


@pytest.mark.parametrize(("how", "state", "told"), ENDINGS)
async def test_the_same_end_again_is_done_already(
    store: Store, how: str, state: State, told: list[str]
) -> None:
    await store.submit([mail(touchpoint="t1")])
    settlement = ended(await transmitting(store), how)
    await store.settle([settlement])
    before = (await stored(store)).mail
    assert await store.settle([settlement]) == [True]
    assert (await stored(store)).mail == before
    assert await store.timeline("m1") == [settlement.attempt]
    assert await kinds(store) == told


async def test_the_same_end_again_is_done_already_when_the_mail_has_gone_on(store: Store) -> None:
    await store.submit([mail()])
    first = ended(await claimed(store), "returned")
    await store.settle([first])
    second = await claimed(store)
    assert await store.settle([first]) == [True]
    assert await delivery(store) == second.mail.delivery


@pytest.mark.parametrize("how", ["deferred", "returned"])
async def test_what_goes_on_is_claimed_again(store: Store, how: str) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    await store.settle([ended(first, how)])
    again = await claimed(store, NOW + HOUR)
    assert again.lease.epoch > first.lease.epoch


@pytest.mark.parametrize("how", ["deferred", "failed", "doubted", "returned"])
async def test_a_worker_that_was_rescued_changes_nothing(store: Store, how: str) -> None:
    """A claims, is rescued, B claims, A settles: by the epoch, A changes nothing."""
    await store.submit([mail(touchpoint="t1")])
    a = await claimed(store)
    await swept(store, NOW + LEASE_MS)
    b = await claimed(store, NOW + LEASE_MS)
    before = (await stored(store)).mail
    assert await store.settle([ended(a, how, NOW + LEASE_MS)]) == [False]
    assert (await stored(store)).mail == before
    assert await kinds(store) == []
    assert await store.settle([ended(b, "sent", NOW + LEASE_MS)]) == [True]
    assert (await delivery(store)).state is State.SUCCESS


async def test_a_lost_end_is_recorded_beside_what_the_sweeper_wrote(store: Store) -> None:
    await store.submit([mail()])
    a = await claimed(store)
    await swept(store, NOW + LEASE_MS)
    late = ended(a, "deferred", NOW + LEASE_MS + 5)
    await store.settle([late])
    [attempt] = await store.timeline("m1")
    assert (attempt.event, attempt.worker) == ("released", "sweeper")
    assert attempt.late is not None
    assert (attempt.late["event"], attempt.late["ended_at"]) == ("deferred", NOW + LEASE_MS + 5)


async def test_the_same_lost_end_again_doubles_nothing(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    a = await transmitting(store)
    await swept(store, NOW + LEASE_MS)
    late = ended(a, "sent", NOW + LEASE_MS + 5)
    assert await store.settle([late]) == [False]
    before = (await stored(store)).mail
    assert await store.settle([late]) == [False]
    assert (await stored(store)).mail == before
    assert await kinds(store) == ["email_Error", "email_Sent"]
    assert len(await store.timeline("m1")) == 1


async def test_an_end_for_a_mail_that_is_gone_is_lost(store: Store, yard: Yard) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    yard.plant("DELETE FROM mail")
    assert await store.settle([ended(found, "sent")]) == [False]
    assert await store.timeline("m1") == []


async def test_ends_are_answered_each_by_its_own(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(10)])
    found = await store.claim(NOW, 10, LEASE_MS)
    await store.settle([ended(c, "returned") for c in found[::3]])
    answers = await store.settle([ended(c, "sent", NOW + 1) for c in found])
    assert answers == [n % 3 != 0 for n in range(10)]


async def test_neighbours_ends_are_answered_each_by_its_own(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(20)])
    found = await store.claim(NOW, 20, LEASE_MS)
    before = store.commits
    answers = await together(store, [store.settle([ended(c, "sent")]) for c in found])
    assert answers == [[True]] * 20
    assert store.commits - before <= 2
    assert (await store.counts(NOW, 0)).states == {"SUCCESS": 20}


async def test_a_bad_end_among_neighbours_fails_alone(store: Store, yard: Yard) -> None:
    await store.submit([mail(f"m{n}") for n in range(20)])
    found = await store.claim(NOW, 20, LEASE_MS)
    ends = [ended(c, "sent") for c in found]
    lease, bad = ends[7].lease, ends[7].attempt
    yard.plant(
        "INSERT INTO attempt (mail, epoch, number, revision, event, stage, outcome, started_at,"
        f" ended_at, worker, steps) VALUES ('{bad.mail}', {lease.epoch}, 1, 1, 'sent', 'claimed',"
        " 'sent', 1, 1, 'other', '[]')"
    )
    answers = await together(store, [store.settle([e]) for e in ends])
    assert isinstance(answers.pop(7), AlreadyExists)
    assert answers == [[True]] * 19
    assert (await store.counts(NOW, 0)).states == {"PROCESSING": 1, "SUCCESS": 19}


async def test_only_waiting_mails_wake_their_account(store: Store) -> None:
    await store.submit([mail()])
    await store.settle([ended(await claimed(store), "sent")])
    assert await store.next_due() is None


async def test_the_peers_words_are_kept_verbatim(store: Store) -> None:
    await store.submit([mail()])
    settlement = ended(await claimed(store), "failed")
    words = "550-5.1.1 \"no\\such\" 'user'\r\n550 \u2028 ünknown 😀"
    attempt = replace(settlement.attempt, text=words, steps=[{"recipient": "a", "text": words}])
    await store.settle([replace(settlement, attempt=attempt)])
    assert await store.timeline("m1") == [attempt]
