"""Claim: what is due, fair among accounts, by priority, oldest first; never the same mail twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from franking.core.delivery import Stage, State
from franking.stores.base import Change, Claimed, Store

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    ids,
    mail,
    raw,
    stored,
    swept,
)


async def test_a_claim_is_a_lease(store: Store) -> None:
    await store.submit([mail(document=raw({"to": "a"}))])
    found = await claimed(store)
    after = found.mail.delivery
    assert (after.state, after.stage, after.returns_to) == (
        State.PROCESSING,
        Stage.CLAIMED,
        State.PENDING,
    )
    assert (after.lease_expires_at, after.attempts) == (NOW + LEASE_MS, 0)
    assert after.epoch > 0
    assert (await stored(store)).mail == found.mail
    assert (bytes(found.document), found.content) == (b'{"to":"a"}', None)


async def test_only_what_is_due_is_claimed(store: Store) -> None:
    await store.submit(
        [
            mail("due"),
            mail("retry", state=State.RETRY),
            mail("later", due_at=NOW + 1),
            mail("sent", state=State.SUCCESS, end_at=NOW),
            mail("failed", state=State.ERROR, end_at=NOW),
            mail("elsewhere", state=State.PROCESSING, lease_expires_at=NOW + HOUR),
            mail("too late", give_up_at=NOW),
            mail("in time", give_up_at=NOW + 1),
        ]
    )
    assert sorted(ids(await store.claim(NOW, 100, LEASE_MS))) == ["due", "in time", "retry"]


async def test_what_was_not_due_is_claimed_when_it_is(store: Store) -> None:
    await store.submit([mail("now"), mail("later", due_at=NOW + HOUR)])
    assert ids(await store.claim(NOW, 9, LEASE_MS)) == ["now"]
    assert ids(await store.claim(NOW + HOUR - 1, 9, LEASE_MS)) == []
    assert ids(await store.claim(NOW + HOUR, 9, LEASE_MS)) == ["later"]


async def test_priority_first_then_the_oldest_due(store: Store) -> None:
    due = [("c", 0, 2), ("b", 0, 3), ("a", 2, 0), ("e", -2, 9), ("d", -1, 9)]
    await store.submit([mail(id, priority=p, due_at=NOW - age) for id, p, age in due])
    order = [ids(await store.claim(NOW, 1, LEASE_MS)) for _ in due]
    assert order == [["a"], ["b"], ["c"], ["d"], ["e"]]


async def test_a_claim_takes_as_many_as_there_is_room_for(store: Store) -> None:
    await store.submit([mail(f"m{n}", account=f"a{n % 3}") for n in range(30)])
    sizes = [len(await store.claim(NOW, 7, LEASE_MS)) for _ in range(6)]
    assert (max(sizes), sum(sizes)) == (7, 30)


async def test_a_full_account_does_not_delay_another(store: Store) -> None:
    await store.submit([mail(f"big{n}", account="big", due_at=NOW - HOUR) for n in range(1000)])
    await store.submit([mail("small", account="small")])
    first = await store.claim(NOW, 10, LEASE_MS)
    second = await store.claim(NOW, 10, LEASE_MS)
    assert "small" in ids(first) + ids(second)


@pytest.mark.parametrize("room", [1, 2, 3, 7])
async def test_accounts_are_served_in_turn(store: Store, room: int) -> None:
    accounts = [f"a{n}" for n in range(7)]
    await store.submit([mail(f"{a}.{n}", account=a) for a in accounts for n in range(9)])
    served: list[str] = []
    while len(served) < 42:
        served += [c.mail.account for c in await store.claim(NOW, room, LEASE_MS)]
    for turn in range(6):
        assert sorted(served[turn * 7 : turn * 7 + 7]) == accounts


async def test_accounts_whose_mails_may_not_be_sent_now_hold_up_no_other(store: Store) -> None:
    await store.submit([mail(f"over{n}", account=f"o{n}", give_up_at=NOW) for n in range(5)])
    await store.submit([mail(f"x{n}", account="x") for n in range(3)])
    found = [ids(await store.claim(NOW, 2, LEASE_MS)) for _ in range(12)]
    assert sorted(id for batch in found for id in batch) == ["x0", "x1", "x2"]


async def test_an_account_that_comes_back_is_served_again(store: Store) -> None:
    await store.submit([mail("a")])
    await store.settle([ended(await claimed(store), "failed")])
    await store.submit([mail("b", due_at=NOW - HOUR)])
    assert (await claimed(store)).mail.id == "b"


async def test_a_paused_account_is_left_out(store: Store, yard: Yard) -> None:
    await store.submit([mail("a", account="A"), mail("b", account="B")])
    yard.plant(f"UPDATE account SET paused_until = {NOW + HOUR} WHERE id = 'A'")
    assert ids(await store.claim(NOW, 9, LEASE_MS)) == ["b"]
    assert await store.next_due() == NOW + HOUR
    assert ids(await store.claim(NOW + HOUR, 9, LEASE_MS)) == ["a"]


async def test_two_claims_never_share_a_mail(store: Store) -> None:
    await store.submit([mail(f"m{n}", account=f"a{n % 5}") for n in range(100)])
    batches = await asyncio.gather(*(store.claim(NOW, 7, LEASE_MS) for _ in range(30)))
    found = [c for batch in batches for c in batch]
    assert len({c.mail.id for c in found}) == len(found) == 100


async def test_epochs_are_unique_and_grow(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(5)])
    epochs: list[int] = []
    for _ in range(4):
        found = await store.claim(NOW, 3, LEASE_MS)
        epochs += epochs_of(found)
        await store.settle([ended(c, "returned") for c in found])
    assert epochs == sorted(set(epochs))


def epochs_of(found: Iterable[Claimed]) -> list[int]:
    return sorted(c.lease.epoch for c in found)


async def test_epochs_go_on_after_a_restart(store: Store, yard: Yard) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    await store.settle([ended(first, "returned")])
    await changed(store, Change(delete=True))
    await store.close()
    await (again := yard.store()).open()
    await again.submit([mail()])
    assert (await claimed(again)).lease.epoch > first.lease.epoch
    await again.close()


async def released(store: Store, times: int, at: int = NOW) -> int:
    """Let the one due mail's lease run out so many times; when the last one ran out."""
    for _ in range(times):
        assert await store.claim(at, 1, LEASE_MS)
        at += LEASE_MS
        assert await swept(store, at) == 1
    return at


async def test_a_mail_whose_leases_ran_out_three_times_is_claimed_alone(store: Store) -> None:
    await store.submit([mail("bad")])
    at = await released(store, 3)
    await store.submit([mail("good")])
    assert await store.suspects(at)
    assert ids(await store.claim(at, 9, LEASE_MS)) == ["good"]
    alone = await store.claim_alone(at, LEASE_MS)
    assert alone is not None
    assert (alone.mail.id, alone.mail.delivery.state) == ("bad", State.PROCESSING)
    assert await store.claim_alone(at, LEASE_MS) is None
    assert not await store.suspects(at)


async def test_two_releases_make_no_suspect(store: Store) -> None:
    await store.submit([mail()])
    at = await released(store, 2)
    assert not await store.suspects(at)
    assert await store.claim_alone(at, LEASE_MS) is None


@pytest.mark.parametrize(
    "why",
    [
        "UPDATE mail SET give_up_at = {}",
        "UPDATE mail SET due_at = {} + 1",
        "UPDATE account SET paused_until = {} + 1",
    ],
)
async def test_a_suspect_that_may_not_be_sent_now_waits(store: Store, yard: Yard, why: str) -> None:
    await store.submit([mail()])
    at = await released(store, 3)
    yard.plant(why.format(at))
    assert not await store.suspects(at)
    assert await store.claim_alone(at, LEASE_MS) is None


async def test_the_next_due_time_is_the_earliest_of_all_that_wait(store: Store) -> None:
    assert await store.next_due() is None
    await store.submit([mail("a", due_at=NOW + 3), mail("b", due_at=NOW + 2, account="B")])
    assert await store.next_due() == NOW + 2
    await claimed(store, NOW + 2)
    assert await store.next_due() == NOW + 3
    await claimed(store, NOW + 3)
    assert await store.next_due() is None


async def test_a_suspect_is_due_too_when_its_account_may_send(store: Store, yard: Yard) -> None:
    await store.submit([mail()])
    at = await released(store, 3)
    assert await store.next_due() == at
    yard.plant(f"UPDATE account SET paused_until = {at + HOUR}")
    assert await store.next_due() == at + HOUR


async def test_a_claim_forgets_what_the_mail_waited_for(store: Store) -> None:
    await store.submit([mail(waiting_for="retry", state=State.RETRY)])
    await claimed(store)
    assert (await delivery(store)).waiting_for is None
