"""Two stores on one database, as two processes are: what one has committed, the other sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from eventually import eventually
from franking.core.delivery import State
from franking.stores.base import Store

from .contract import Yard
from .mails import LEASE_MS, NOW, claimed, delivery, ended, mail, swept


@pytest.fixture
async def other(store: Store, yard: Yard) -> AsyncIterator[Store]:
    """Another process's store on the same database."""
    other = yard.store()
    await other.open()
    yield other
    await other.close()


async def test_what_one_has_committed_the_other_reads(store: Store, other: Store) -> None:
    await store.submit([mail()])
    assert await other.read("m1") == await store.read("m1")


async def test_the_number_of_foreign_commits_changes_by_others_only(
    store: Store, other: Store
) -> None:
    await store.submit([mail("a")])
    before = await store.foreign_commits()
    await store.submit([mail("b")])
    assert [await store.foreign_commits() for _ in range(5)] == [before] * 5
    await other.submit([mail("c")])
    await eventually(lambda: differs(store.foreign_commits, before))


async def differs(look: Callable[[], Awaitable[int]], before: int) -> bool:
    return await look() != before


async def test_two_processes_never_share_a_mail(store: Store, other: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(10)])
    found = [*await store.claim(NOW, 6, LEASE_MS), *await other.claim(NOW, 6, LEASE_MS)]
    assert len({c.mail.id for c in found}) == len({c.lease.epoch for c in found}) == 10


async def test_another_process_sweeps_what_one_has_lost(store: Store, other: Store) -> None:
    await store.submit([mail()])
    lost = await claimed(store)
    assert await swept(other, NOW + LEASE_MS) == 1
    assert await store.transmitting([lost.lease], NOW + LEASE_MS - 1) == [False]
    assert await store.settle([ended(lost, "failed")]) == [False]
    assert (await delivery(store)).state is State.RETRY


async def test_what_is_closed_can_be_opened_again(store: Store, yard: Yard) -> None:
    await store.submit([mail()])
    await store.close()
    await (again := yard.store()).open()
    assert (await claimed(again)).mail.id == "m1"
    await again.close()
