"""Counts: every kind of mail that would lie for ever is found, and a healthy one never."""

from __future__ import annotations

import pytest

from franking.core.delivery import State
from franking.stores.base import Change, Store

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    changed,
    claimed,
    ended,
    mail,
    remainder,
    swept,
    transmitting,
)

GRACE_MS = 5_000


async def stuck(store: Store, at: int = NOW) -> list[tuple[str, str]]:
    counts = await store.counts(at, GRACE_MS)
    return [(row["id"], row["why"]) for row in counts.stuck]


async def test_states_are_counted(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(5)])
    await store.settle([ended(c, "sent") for c in await store.claim(NOW, 2, LEASE_MS)])
    await claimed(store)
    counts = await store.counts(NOW, GRACE_MS)
    assert counts.states == {"PENDING": 2, "PROCESSING": 1, "SUCCESS": 2}


async def test_nothing_is_stuck_in_an_empty_store(store: Store) -> None:
    counts = await store.counts(NOW, GRACE_MS)
    assert (counts.states, counts.stuck) == ({}, [])


PLANTED = [
    ("UPDATE mail SET lease_expires_at = NULL WHERE id = 'held'", "held", "no end"),
    (
        f"UPDATE mail SET lease_expires_at = {NOW - GRACE_MS - 1} WHERE id = 'held'",
        "held",
        "nobody swept it",
    ),
    (
        f"UPDATE mail SET give_up_at = {NOW - GRACE_MS - 1} WHERE id = 'waits'",
        "waits",
        "longer than it may",
    ),
    ("UPDATE account SET next_at = NULL WHERE id = 'W'", "waits", "not due to be served"),
    (
        f"UPDATE account SET next_at = {NOW + 48 * HOUR} WHERE id = 'W'",
        "waits",
        "not due to be served",
    ),
    ("DELETE FROM account WHERE id = 'W'", "waits", "not due to be served"),
    ("UPDATE mail SET remainder_of = 'gone' WHERE id = 'sent'", "sent", "its mail is gone"),
    ("DELETE FROM attempt WHERE mail = 'doubt'", "doubt", "without a reason"),
    ("UPDATE attempt SET stage = 'claimed' WHERE mail = 'doubt'", "doubt", "without a reason"),
    ("UPDATE attempt SET outcome = 'not_sent' WHERE mail = 'doubt'", "doubt", "without a reason"),
]


async def a_healthy_store(store: Store) -> None:
    """One mail of each kind."""
    await store.submit([mail("doubt")])
    await store.settle([ended(await transmitting(store), "doubted")])
    await store.submit([mail("sent")])
    found = await claimed(store)
    rest = remainder(found.mail, "b@example.com", due_at=NOW + HOUR)
    await store.settle([ended(found, "sent", pending=["b@example.com"], remainder=rest)])
    await store.submit([mail("failed")])
    await store.settle([ended(await claimed(store), "failed")])
    await store.submit([mail("held")])
    await claimed(store)
    await store.submit([mail("waits", account="W", due_at=NOW + HOUR, give_up_at=NOW + 2 * HOUR)])
    await store.submit([mail("preset", state=State.PROCESSING, lease_expires_at=NOW + HOUR)])
    await store.submit([mail("preset too", state=State.ERROR, category="outcome_unknown")])


async def test_nothing_is_stuck_in_a_healthy_store(store: Store) -> None:
    await a_healthy_store(store)
    assert await stuck(store) == []


@pytest.mark.parametrize(("plant", "id", "why"), PLANTED)
async def test_a_planted_stuck_mail_is_found(
    store: Store, yard: Yard, plant: str, id: str, why: str
) -> None:
    await a_healthy_store(store)
    assert await store.claim(0, 1, LEASE_MS) == []  # whom mails have woken is known by now
    yard.plant(plant)
    [(found, told)] = await stuck(store)
    assert found == id
    assert why in told


@pytest.mark.parametrize("at", [NOW + LEASE_MS, NOW + LEASE_MS + GRACE_MS])
async def test_a_lease_that_just_ran_out_is_not_stuck(store: Store, at: int) -> None:
    await store.submit([mail()])
    await claimed(store)
    assert await stuck(store, at) == []


async def test_nothing_is_stuck_whatever_the_way_of_a_mail(store: Store) -> None:
    await store.submit([mail(f"m{n}", account=f"a{n % 3}", on_unknown="resend") for n in range(12)])
    at = NOW
    for _ in range(6):
        found = await store.claim(at, 12, LEASE_MS)
        assert await stuck(store, at) == []
        await store.transmitting([c.lease for c in found[::4]], at)
        hows = ["doubted", "returned", "deferred", "failed"]
        ends = [ended(c, hows[n % 4], at) for n, c in enumerate(found) if n % 3]
        await store.settle(ends)
        assert await stuck(store, at) == []
        at += LEASE_MS
        await swept(store, at)
        assert await stuck(store, at + GRACE_MS) == []
        at += 12 * HOUR
    await changed(store, Change(delete=True), "m0")
    assert await stuck(store, at) == []
