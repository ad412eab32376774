"""Timers that would lie for ever are found, each for its reason, and a healthy one never."""

from __future__ import annotations

import pytest

from franking.stores.base import Store

from .contract import Yard
from .mails import HOUR, LEASE_MS, NOW, claimed, ended
from .timers import (
    created,
    deleted,
    executed,
    failed,
    leased,
    mail_timer,
    put_off,
    served,
    timer,
)

GRACE_MS = 5_000
OVER = NOW - GRACE_MS - 1

UNSERVED = "nobody served it in time"
LANE = "its lane is not due to be served"
FORGOTTEN = "nothing will look at it again"

PLANTED = [
    (f"UPDATE timer SET next_at = {OVER} WHERE id = 'soon'", "soon", LANE),
    (f"UPDATE timer_lane SET next_at = {OVER} WHERE id = 'http soon:80'", None, None),
    ("DELETE FROM timer_lane WHERE id = 'http soon:80'", "soon", LANE),
    (f"UPDATE timer_lane SET next_at = {NOW + 2 * HOUR} WHERE id = 'http soon:80'", "soon", LANE),
    ("UPDATE timer SET next_at = NULL WHERE id = 'soon'", "soon", FORGOTTEN),
    ("UPDATE timer SET next_at = NULL WHERE id = 'called'", "called", FORGOTTEN),
    ("UPDATE timer SET next_at = NULL WHERE id = 'tried'", "tried", FORGOTTEN),
    ("UPDATE timer SET state = 'scheduled' WHERE id = 'mailed'", "mailed", FORGOTTEN),
    ("UPDATE mail SET timed = 0 WHERE id = 'mailed'", "mailed", FORGOTTEN),
    ("UPDATE mail SET timed = 7 WHERE id = 'mailed'", "mailed", FORGOTTEN),
    ("UPDATE mail SET state = 'SUCCESS' WHERE id = 'mailed'", "mailed", FORGOTTEN),
    ("UPDATE mail SET state = 'ERROR' WHERE id = 'mailed'", "mailed", FORGOTTEN),
    ("DELETE FROM mail WHERE id = 'mailed'", "mailed", FORGOTTEN),
]


async def stuck(store: Store, at: int = NOW) -> list[tuple[str, str]]:
    counts = await store.counts(at, GRACE_MS)
    return [(row["id"], row["why"]) for row in counts.stuck]


async def a_healthy_store(store: Store) -> None:
    """One timer of each kind."""
    calls = {name: timer(name, f"http://{name}/") for name in ("called", "tried", "done", "bad")}
    await created(store, *calls.values())
    held = {t.id: t for t in await leased(store)}
    ends = [
        put_off(held["tried"], NOW + HOUR),
        executed(held["done"]),
        failed(held["bad"]),
    ]
    await store.timers.end(ends)
    await created(store, timer("soon", "http://soon/", due_at=NOW + HOUR))
    await created(store, timer("gone", "http://soon/"))
    await deleted(store, "gone")
    await created(store, mail_timer("sent"))
    await served(store)
    await store.settle([ended(await claimed(store), "sent")])
    await created(store, mail_timer("mailed"), mail_timer("refused", {}))
    await served(store)
    await created(store, mail_timer("waits", due_at=NOW + HOUR))


async def test_nothing_is_stuck_in_a_healthy_store(store: Store) -> None:
    await a_healthy_store(store)
    assert await stuck(store) == []
    assert await stuck(store, NOW + LEASE_MS + GRACE_MS) == []


@pytest.mark.parametrize(("plant", "id", "why"), PLANTED)
async def test_a_planted_stuck_timer_is_found(
    store: Store, yard: Yard, plant: str, id: str | None, why: str | None
) -> None:
    await a_healthy_store(store)
    yard.plant(plant)
    assert await stuck(store) == ([] if id is None else [(id, why)])


@pytest.mark.parametrize(
    ("late_ms", "found"), [(0, False), (GRACE_MS, False), (GRACE_MS + 1, True)]
)
@pytest.mark.parametrize("transport", ["http", "mail"])
async def test_what_nobody_serves_in_time_is_found(
    store: Store, transport: str, late_ms: int, found: bool
) -> None:
    await created(store, timer() if transport == "http" else mail_timer("t1"))
    assert await stuck(store, NOW + late_ms) == ([("t1", UNSERVED)] if found else [])


async def test_a_lease_that_nobody_takes_over_is_found(store: Store) -> None:
    await created(store, timer())
    await leased(store)
    assert await stuck(store, NOW + LEASE_MS + GRACE_MS) == []
    assert await stuck(store, NOW + LEASE_MS + GRACE_MS + 1) == [("t1", UNSERVED)]
