"""PostgreSQL with many writers side by side, and the texts that it refuses."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import psycopg

from eventually import eventually
from franking.core.account import Limits
from franking.core.attempt import AccountNews
from franking.core.reporting import Report
from franking.core.sender import Settled
from franking.stores.base import (
    AlreadyExists,
    Change,
    Claimed,
    Filter,
    Once,
    Replay,
    Store,
    Stored,
)

from .contract import PostgresYard
from .mails import (
    LEASE_MS,
    NOW,
    changed,
    claimed,
    ended,
    event,
    ids,
    mail,
    raw,
    stored,
    swept,
    together,
    transmitting,
)

# -- texts


ODD = b'{"to":"a@example.com","x":"\\u0000 \\\\u0000 \\u00e9","n":1.0,"a":1,"a":2}'


async def test_a_document_is_kept_byte_by_byte(stores: list[Store]) -> None:
    await stores[0].submit([mail("m1", document=msgspec.Raw(ODD))])
    assert bytes((await stored(stores[1])).document) == ODD
    await changed(stores[0], Change(document=msgspec.Raw(ODD.replace(b"1.0", b"2.0"))))
    assert bytes((await stored(stores[1])).document) == ODD.replace(b"1.0", b"2.0")
    assert bytes((await claimed(stores[0])).document) == ODD.replace(b"1.0", b"2.0")


async def test_elsewhere_what_no_text_can_have_is_replaced(stores: list[Store]) -> None:
    await stores[0].submit([mail("a\0b", subject="1\0\\u00002", document=raw({}))])
    found = await stored(stores[0], "a\0b")
    assert found.mail.id == "a\ufffdb"
    [line] = (await stores[0].look.mails(Filter(), 1, 10)).lines
    assert line.subject == "1\ufffd\\u00002"


# -- side by side


async def test_many_claim_and_no_two_the_same(stores: list[Store]) -> None:
    await stores[0].submit([mail(f"m{n}") for n in range(300)])

    async def drained(store: Store) -> list[Claimed]:
        found: list[Claimed] = []
        while batch := await store.claim(NOW, 10, LEASE_MS):
            found += batch
        return found

    each = await asyncio.gather(*[drained(store) for store in stores])
    every = [one for found in each for one in found]
    assert len({one.mail.id for one in every}) == len(every) == 300
    assert len({one.lease.epoch for one in every}) == 300


async def test_a_limit_is_shared_by_all(stores: list[Store]) -> None:
    await stores[0].accounts.save("L", lambda _: Settled(0, limits=Limits(per_day=7)), NOW)
    await stores[0].submit([mail(f"m{n}", account="L") for n in range(60)])
    found = [await asyncio.gather(*[s.claim(NOW, 2, LEASE_MS) for s in stores]) for _ in range(9)]
    assert sum(len(batch) for each in found for batch in each) == 7


async def test_a_pause_holds_for_all(stores: list[Store]) -> None:
    await stores[0].submit([mail(f"m{n}", account="P") for n in range(3)])
    found = await claimed(stores[0])
    news = AccountNews("P", "limited", "slow down", NOW + LEASE_MS)
    await stores[0].settle([msgspec.structs.replace(ended(found, "deferred"), news=news)])
    assert [await store.claim(NOW, 5, LEASE_MS) for store in stores] == [[], [], []]


async def test_a_mail_that_is_committed_late_is_claimed(
    own: PostgresYard, stores: list[Store]
) -> None:
    """Whoever claims meanwhile says that its account has nothing due."""
    with psycopg.connect(own.url) as late:
        late.execute(
            "INSERT INTO mail (id, state, account, created_at, due_at, message_token)"
            " VALUES ('late', 'PENDING', 'default', 1, 1, 't')"
        )
        late.execute("INSERT INTO document (seq, body) SELECT seq, '{}' FROM mail")
        late.execute("INSERT INTO account_wake (account, due_at) VALUES ('default', 1)")
        await stores[0].submit([mail("first")])
        assert ids(await stores[0].claim(NOW, 5, LEASE_MS)) == ["first"]
        assert await stores[1].claim(NOW, 5, LEASE_MS) == []
        assert await stores[0].next_due() is None
    assert await stores[0].next_due() == 1
    assert ids(await stores[1].claim(NOW, 5, LEASE_MS)) == ["late"]


async def test_no_reader_misses_an_event_that_is_committed_late(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail("m1", event=event("e1"))])
    with psycopg.connect(own.url) as late:
        late.execute(
            "INSERT INTO event (id, kind, mail, occurred_at, body)"
            " VALUES ('late', 'email_Sent', 'm1', 1, '{}')"
        )
        await stores[0].submit([mail("m2", event=event("e2"))])
        assert [e.id for e in await stores[1].events(0, 9)] == ["e1"]
        assert await stores[1].last_event() == (await stores[1].events(0, 9))[0].seq
    assert [e.id for e in await stores[1].events(0, 9)] == ["e1", "late", "e2"]


async def test_an_event_of_a_transaction_that_began_later_is_not_missed(
    own: PostgresYard, stores: list[Store]
) -> None:
    """The order of numbers is not that of the transactions' own."""
    with psycopg.connect(own.url) as first, psycopg.connect(own.url) as second:
        first.execute("SELECT pg_current_xact_id()")
        second.execute(
            "INSERT INTO event (id, kind, mail, occurred_at, body)"
            " VALUES ('low', 'email_Sent', 'm1', 1, '{}')"
        )
        first.execute(
            "INSERT INTO event (id, kind, mail, occurred_at, body)"
            " VALUES ('high', 'email_Sent', 'm1', 1, '{}')"
        )
        first.commit()
        assert await stores[0].events(0, 9) == []
        second.commit()
    assert [e.id for e in await stores[0].events(0, 9)] == ["low", "high"]


async def test_of_two_who_write_a_new_mail_one_finds_the_others(stores: list[Store]) -> None:
    barrier = threading.Barrier(2, timeout=10)
    seen: list[Stored | None] = []

    def decide(found: Stored | None) -> Change | None:
        if len(seen) < 2:
            seen.append(found)
            barrier.wait()
        if found is None:
            return Change(insert=mail("new"))
        return Change(priority=2)

    await asyncio.gather(*[store.change(["new"], decide) for store in stores[:2]])
    assert seen == [None, None]
    assert (await stored(stores[0], "new")).mail.priority == 2


async def test_of_two_with_one_key_one_is_answered_again(stores: list[Store]) -> None:
    key = Once("s", "k", "f", NOW, lambda mails: b"answer")
    wishes = [store.submit([mail(f"m{n}")], key) for n, store in enumerate(stores)]
    found = await asyncio.gather(*wishes)
    assert sum(isinstance(one, Replay) for one in found) == 2
    assert len(await stores[0].page(Filter(), 9)) == 1


async def test_two_who_submit_the_same_id_are_told(stores: list[Store]) -> None:
    wishes = [store.submit([mail("same")]) for store in stores]
    found = await asyncio.gather(*wishes, return_exceptions=True)
    assert sum(isinstance(one, AlreadyExists) for one in found) == 2


async def test_who_waits_for_each_other_is_run_again(stores: list[Store]) -> None:
    await stores[0].submit([mail("a"), mail("b")])
    barrier = threading.Barrier(2, timeout=10)
    met: list[int] = []

    def locking(first: str, second: str, store: Store) -> list[object]:
        def decide(found: Stored | None) -> Change:
            if len(met) < 2:
                met.append(1)
                barrier.wait()
            return Change(priority=1)

        return [store.change([first], decide), store.change([second], lambda _: Change(priority=2))]

    await asyncio.gather(
        together(stores[0], locking("a", "b", stores[0])),  # type: ignore[arg-type]
        together(stores[1], locking("b", "a", stores[1])),  # type: ignore[arg-type]
    )
    found = [(await stored(stores[0], id)).mail for id in ("a", "b")]
    assert all(one.version == 3 for one in found)


async def test_what_another_writes_is_read_once_it_has(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail()])
    seen: list[int] = []

    def decide(found: Stored | None) -> None:
        assert found is not None
        seen.append(found.mail.priority)

    with psycopg.connect(own.url) as other:
        other.execute("UPDATE mail SET priority = 2")
        change = asyncio.create_task(stores[0].change(["m1"], decide))
        await eventually(lambda: asyncio.to_thread(own.blocked))
    await change
    assert seen == [2]


async def test_a_lease_that_another_ends_meanwhile_is_lost(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail()])
    end = ended(await transmitting(stores[0]), "sent")
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE mail SET epoch = nextval('epoch')")
        settle = asyncio.create_task(stores[0].settle([end]))
        await eventually(lambda: asyncio.to_thread(own.blocked))
    assert await settle == [False]


async def test_a_deadlock_is_run_again(own: PostgresYard, stores: list[Store]) -> None:
    await stores[0].submit([mail()])
    with psycopg.connect(own.url) as other:
        other.execute("SET LOCAL deadlock_timeout = '20s'")
        other.execute("SELECT 1 FROM document FOR UPDATE")
        edit = asyncio.create_task(changed(stores[0], Change(document=raw({"to": "b"}))))
        await eventually(lambda: asyncio.to_thread(own.blocked))
        await asyncio.to_thread(other.execute, "SELECT 1 FROM mail FOR UPDATE")
    [found] = await edit
    assert isinstance(found, Stored)
    assert found.mail.revision == 2


async def test_an_event_that_comes_as_its_touchpoint_is_left_is_told(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail(event=event("e1", "T"))])
    [first] = await stores[0].outbox.claim(NOW, 9, 9, NOW + LEASE_MS)
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE touchpoint_sequence SET last = 2")
        other.execute(
            "INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)"
            " VALUES ('e2', 'email_Sent', 'm1', 'T', 2, 1, '{}')"
        )
        told = Report(first.seq, "T", "told", NOW, NOW)
        settle = asyncio.create_task(stores[0].outbox.settle([told]))
        await eventually(lambda: asyncio.to_thread(own.blocked))
    await settle
    found = await stores[1].outbox.claim(NOW, 9, 9, NOW + LEASE_MS)
    assert [one.event.id for one in found] == ["e2"]


async def test_a_lapsed_lease_is_swept_by_one(own: PostgresYard, stores: list[Store]) -> None:
    await stores[0].submit([mail("a"), mail("b")])
    await stores[0].claim(NOW, 2, LEASE_MS)
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM mail WHERE id = 'a' FOR UPDATE")
        assert await swept(stores[0], NOW + LEASE_MS) == 1
    assert await swept(stores[1], NOW + LEASE_MS) == 1
