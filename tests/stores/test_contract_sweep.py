"""Sweep and give_up: what nobody else will end."""

from __future__ import annotations

import pytest

from franking.core import endings
from franking.core.attempt import Settlement
from franking.core.delivery import LEASE_EXPIRED, State
from franking.stores.base import Change, Mail, Store, Stored

from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    claimed,
    delivery,
    ended,
    ids,
    kinds,
    mail,
    swept,
    transmitting,
)

EXPIRY = NOW + LEASE_MS


async def test_before_the_dot_it_is_released(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    assert await swept(store, EXPIRY) == 1
    after = await delivery(store)
    assert (after.state, after.releases, after.attempts) == (State.RETRY, 1, 0)
    [attempt] = await store.timeline("m1")
    assert (attempt.event, attempt.epoch) == ("released", found.lease.epoch)
    assert ids(await store.claim(EXPIRY, 9, LEASE_MS)) == ["m1"]


async def test_after_the_dot_may_go_it_is_expired(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    await transmitting(store)
    assert await swept(store, EXPIRY) == 1
    after = await delivery(store)
    assert (after.state, after.error, after.attempts) == (State.ERROR, LEASE_EXPIRED, 1)
    assert await kinds(store) == ["email_Error"]


async def test_a_processing_from_outside_has_no_attempt(store: Store) -> None:
    preset = mail(state=State.PROCESSING, lease_expires_at=NOW, attempts=3)
    await store.submit([preset])
    assert await swept(store, NOW - 1) == 0
    assert await swept(store, NOW) == 1
    after = await delivery(store)
    assert (after.state, after.attempts, after.end_at) == (State.ERROR, 3, None)
    assert await store.timeline("m1") == []


async def test_only_what_ran_out_is_swept(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(6)])
    await store.claim(NOW, 2, LEASE_MS)
    await store.claim(NOW, 2, 2 * LEASE_MS)
    before = [await delivery(store, f"m{n}") for n in range(2, 6)]
    assert await swept(store, EXPIRY - 1) == 0
    assert await swept(store, EXPIRY) == 2
    assert [await delivery(store, f"m{n}") for n in range(2, 6)] == before


async def test_few_are_swept_at_a_time_the_longest_lost_first(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(5)])
    for n in range(5):
        await store.claim(NOW, 1, LEASE_MS - n)
    lost: list[str] = []

    def lapse(found: object) -> object:
        lost.append(found.id)  # type: ignore[attr-defined]
        return ended(found, "lapsed", EXPIRY)  # type: ignore[arg-type]

    assert [await store.sweep(EXPIRY, 2, lapse) for _ in range(4)] == [2, 2, 1, 0]  # type: ignore[arg-type]
    assert sorted(lost[:2]) == ["m3", "m4"]


async def test_a_swept_lease_is_swept_once(store: Store) -> None:
    await store.submit([mail()])
    await claimed(store)
    assert [await swept(store, EXPIRY) for _ in range(2)] == [1, 0]


def waited_out(found: Stored | None) -> Change:
    assert found is not None
    return Change(delivery=endings.waited_out(found.mail.delivery, NOW))


@pytest.mark.parametrize("state", [State.PENDING, State.RETRY])
async def test_what_waited_too_long_is_given_up(store: Store, state: State) -> None:
    await store.submit([mail(state=state, give_up_at=NOW, due_at=NOW + HOUR)])
    assert await store.give_up(NOW - 1, 9, waited_out) == 0
    assert await store.give_up(NOW, 9, waited_out) == 1
    assert (await delivery(store)).state is State.ERROR
    assert await store.give_up(NOW, 9, waited_out) == 0


async def test_only_what_waits_is_given_up(store: Store) -> None:
    await store.submit([mail("endless"), mail("sent", state=State.SUCCESS, give_up_at=NOW)])
    await store.submit([mail("held", give_up_at=NOW + 1)])
    held = await store.claim(NOW, 9, LEASE_MS)
    assert "held" in ids(held)
    assert await store.give_up(NOW + HOUR, 9, waited_out) == 0


async def test_few_are_given_up_at_a_time(store: Store) -> None:
    await store.submit([mail(f"m{n}", give_up_at=NOW - n) for n in range(5)])
    assert [await store.give_up(NOW, 2, waited_out) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_row_that_cannot_be_settled_holds_up_no_other(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(3)])
    await store.claim(NOW, 3, LEASE_MS)

    def lapse(found: Mail) -> Settlement:
        if found.id == "m1":
            raise ValueError("this one can't be settled")
        return ended(found, "lapsed", EXPIRY)

    await store.sweep(EXPIRY, 9, lapse)
    assert [(await delivery(store, f"m{n}")).state for n in range(3)] == [
        State.RETRY,
        State.PROCESSING,
        State.RETRY,
    ]
    assert await store.sweep(EXPIRY, 9, lapse) == 0


async def test_a_wait_that_cannot_be_ended_holds_up_no_other(store: Store) -> None:
    await store.submit([mail(f"m{n}", give_up_at=NOW) for n in range(3)])

    def decide(stored: Stored | None) -> Change:
        assert stored is not None
        if stored.mail.id == "m1":
            raise ValueError("this one can't be ended")
        return Change(delivery=endings.waited_out(stored.mail.delivery, NOW))

    await store.give_up(NOW, 9, decide)
    assert [(await delivery(store, f"m{n}")).state for n in range(3)] == [
        State.ERROR,
        State.PENDING,
        State.ERROR,
    ]
    assert await store.give_up(NOW, 9, decide) == 0
