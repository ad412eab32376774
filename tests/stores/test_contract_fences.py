"""The fence before the dot, and later ends for leases that hold."""

from __future__ import annotations

import pytest

from franking.core.attempt import Lease
from franking.core.delivery import Stage, State
from franking.stores.base import Change, Store

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    mail,
    stored,
    swept,
    together,
)


async def test_the_dot_may_go_out_once_that_is_written(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    assert await store.transmitting([found.lease], NOW + LEASE_MS - 1) == [True]
    assert (await delivery(store)).stage is Stage.TRANSMITTING


async def test_asking_again_is_answered_alike(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    assert [await store.transmitting([found.lease], NOW) for _ in range(2)] == [[True], [True]]


@pytest.mark.parametrize("late_ms", [0, 1, HOUR])
async def test_no_dot_after_the_leases_end(store: Store, late_ms: int) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    assert await store.transmitting([found.lease], NOW + LEASE_MS + late_ms) == [False]
    assert (await delivery(store)).stage is Stage.CLAIMED


async def test_no_dot_for_a_paused_account(store: Store, yard: Yard) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    yard.plant(f"UPDATE account SET paused_until = {NOW + 1}")
    assert await store.transmitting([found.lease], NOW) == [False]
    assert (await delivery(store)).stage is Stage.CLAIMED
    assert await store.transmitting([found.lease], NOW + 1) == [True]


async def test_no_dot_for_an_epoch_that_is_past(store: Store) -> None:
    await store.submit([mail()])
    old = await claimed(store)
    await swept(store, NOW + LEASE_MS)
    new = await claimed(store, NOW + LEASE_MS)
    at = NOW + LEASE_MS + 1
    assert await store.transmitting([old.lease], at) == [False]
    assert (await delivery(store)).stage is Stage.CLAIMED
    assert await store.transmitting([old.lease, new.lease], at) == [False, True]


@pytest.mark.parametrize("how", ["sent", "failed", "deferred", "doubted", "returned", "lapsed"])
async def test_no_dot_for_a_mail_that_was_settled(store: Store, how: str) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    await store.settle([ended(found, how)])
    assert await store.transmitting([found.lease], NOW) == [False]
    assert (await delivery(store)).stage is None


async def test_no_dot_for_a_mail_that_is_gone(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    await store.settle([ended(found, "returned")])
    await changed(store, Change(delete=True))
    assert await store.transmitting([found.lease, Lease(10**9, 1)], NOW) == [False, False]


async def test_neighbours_fences_are_answered_each_by_its_own(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(20)])
    found = await store.claim(NOW, 20, LEASE_MS)
    await store.settle([ended(c, "returned") for c in found[::3]])
    answers = await together(store, [store.transmitting([c.lease], NOW) for c in found])
    assert [a for [a] in answers] == [n % 3 != 0 for n in range(20)]


async def test_a_renewed_lease_ends_later(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    assert await store.renew([found.lease], NOW + HOUR) == [True]
    assert (await delivery(store)).lease_expires_at == NOW + HOUR
    assert await swept(store, NOW + LEASE_MS) == 0
    assert await store.transmitting([found.lease], NOW + HOUR - 1) == [True]


async def test_a_lost_lease_is_not_renewed(store: Store) -> None:
    await store.submit([mail()])
    old = await claimed(store)
    await swept(store, NOW + LEASE_MS)
    assert await store.renew([old.lease], NOW + HOUR) == [False]
    new = await claimed(store, NOW + LEASE_MS)
    assert await store.renew([old.lease, new.lease], NOW + HOUR) == [False, True]
    assert (await delivery(store)).epoch == new.lease.epoch


async def test_a_lost_lease_moves_nothing(store: Store) -> None:
    await store.submit([mail()])
    old = await claimed(store)
    await swept(store, NOW + LEASE_MS)
    await claimed(store, NOW + LEASE_MS)
    before = (await stored(store)).mail
    assert await store.renew([old.lease], NOW + HOUR) == [False]
    assert (await stored(store)).mail == before
    assert before.delivery.state is State.PROCESSING


async def test_no_leases_are_no_trouble(store: Store) -> None:
    assert await store.transmitting([], NOW) == []
    assert await store.renew([], NOW) == []
    assert await store.settle([]) == []
