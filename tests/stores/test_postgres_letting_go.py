"""PostgreSQL where what is let go of, or ended after a restore, is somebody else's just then."""

from __future__ import annotations

import asyncio

import psycopg

from franking.clock import HandClock
from franking.core.delivery import State
from franking.core.touchpoint import Touchpoint
from franking.office.restoring import Restored, Restoring
from franking.stores.base import Filter, Store
from franking.stores.retention_store import Walk, Walked

from .contract import PostgresYard
from .mails import HOUR, NOW, claimed, delivery, ended, event, mail
from .waiting import blocked

OLD = NOW + HOUR


async def old(stores: list[Store], *names: str) -> None:
    """Mails that were sent long ago."""
    for name in names:
        await stores[0].submit([mail(name)])
        await stores[0].settle([ended(await claimed(stores[0]), "sent")])


async def walked(store: Store, walk: Walk) -> Walked:
    return await store.retention.walk(walk, None, OLD, 100, 10)


async def test_an_old_mail_that_somebody_sends_again_stays_whole(
    own: PostgresYard, stores: list[Store]
) -> None:
    await old(stores, "a", "b")
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE mail SET state = 'RETRY' WHERE id = 'a'")
        assert await walked(stores[0], Walk.MAILS) == Walked(None, 1)
    assert (own.count("mail"), own.count("document"), own.count("attempt")) == (1, 1, 1)
    assert await walked(stores[0], Walk.MAILS) == Walked(None, 0)


async def told(own: PostgresYard, stores: list[Store], *touchpoints: str) -> None:
    """An event of each touchpoint that its outlet has heard."""
    await stores[0].submit([mail(t, event=event(f"e{t}", t, t)) for t in touchpoints])
    own.plant("DELETE FROM outbox")


async def held_up(own: PostgresYard, stores: list[Store], walk: Walk, meanwhile: str) -> Walked:
    """A walk during which, after it has looked and before it locks, somebody else commits."""
    await stores[0].cadence.create(Touchpoint("other", "manual", "Sent", NOW, NOW), None)
    own.plant(
        "CREATE FUNCTION held_up() RETURNS boolean LANGUAGE sql AS"
        " 'SELECT true FROM pg_advisory_xact_lock_shared(7)';"
        "ALTER TABLE touchpoint RENAME TO behind;"
        "CREATE VIEW touchpoint AS SELECT * FROM behind WHERE held_up() OFFSET 0"
    )
    with psycopg.connect(own.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(7)")
        task = await blocked(own, walked(stores[0], walk))
        own.plant(meanwhile)
    found: Walked = await task
    return found


async def test_an_old_mail_that_began_again_before_it_was_locked_stays_whole(
    own: PostgresYard, stores: list[Store]
) -> None:
    await old(stores, "a")
    again = "UPDATE mail SET state = 'RETRY', fact = NULL"
    assert await held_up(own, stores, Walk.MAILS, again) == Walked(None, 0)
    assert (own.count("mail"), own.count("document"), own.count("attempt")) == (1, 1, 1)


async def test_an_old_event_that_was_had_again_before_it_was_locked_stays(
    own: PostgresYard, stores: list[Store]
) -> None:
    await told(own, stores, "T", "U")
    again = "INSERT INTO outbox (seq, touchpoint_id) SELECT seq, touchpoint_id FROM event"
    await held_up(own, stores, Walk.EVENTS, again)
    assert own.count("event") == 2


async def test_two_walk_at_once_and_each_takes_its_own(stores: list[Store]) -> None:
    await old(stores, *[f"m{n}" for n in range(12)])
    found = await asyncio.gather(*[walked(store, Walk.MAILS) for store in stores])
    rest = await walked(stores[0], Walk.MAILS)
    assert sum(one.removed for one in (*found, rest)) == 12
    assert await stores[0].page(Filter(), 9) == []


async def test_an_old_event_that_somebody_has_again_stays(
    own: PostgresYard, stores: list[Store]
) -> None:
    await told(own, stores, "T", "U")
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM event FOR KEY SHARE")
        assert await walked(stores[0], Walk.EVENTS) == Walked(None, 0)
    assert await walked(stores[0], Walk.EVENTS) == Walked(None, 1)


# -- after a restore


async def test_one_that_is_claimed_as_it_is_ended_is_ended(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail()])
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE mail SET state = 'PROCESSING', epoch = nextval('epoch')")
        restoring = await blocked(own, Restoring(stores[0], HandClock(NOW)).run(False))
    assert await restoring == Restored(1, 0)
    assert (await delivery(stores[0])).state is State.ERROR
