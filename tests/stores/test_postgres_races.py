"""PostgreSQL with two at the same touchpoint, webhook or account at one moment."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from msgspec.structs import replace

from franking.core.account import Limits
from franking.core.reporting import Report
from franking.core.touchpoint import Touchpoint
from franking.stores.base import Change, Found, Queued, Store, Waiting, Write

from .contract import PostgresYard
from .mails import HOUR, LEASE_MS, NOW, changed, ended, event, ids, mail
from .test_contract_accounts import as_set
from .test_contract_webhooks import add, report
from .waiting import blocked

OLD = NOW + HOUR


# -- what is counted and claimed


async def test_two_count_in_one_minute_side_by_side(own: PostgresYard, stores: list[Store]) -> None:
    taken = {pid % 256 for pid in own.backends()}
    while True:
        with psycopg.connect(own.url) as other:
            if other.info.backend_pid % 256 in taken:
                continue
            for step in (60_000, 3_600_000):
                other.execute(
                    "INSERT INTO tally (step, slot, what, category, n)"
                    f" VALUES ({step}, {NOW - NOW % step}, 'sent', '', 1)"
                )
            await stores[0].submit([mail(event=event("e1"))])  # raises where it had to wait
        break
    found = await stores[0].look.tally(60_000, 0, 60_000)
    assert [one.count for one in found] == [2]


@pytest.mark.parametrize(
    ("limits", "found"), [(None, ["m2"]), (Limits(), ["m2"]), (Limits(per_minute=9), [])]
)
async def test_of_an_account_that_another_writes_only_what_is_not_counted_is_claimed(
    own: PostgresYard, stores: list[Store], limits: Limits | None, found: list[str]
) -> None:
    if limits is not None:
        await stores[0].accounts.save("default", as_set(limits), NOW)
    await stores[0].submit([mail("m1"), mail("m2")])
    assert ids(await stores[0].claim(NOW, 1, LEASE_MS)) == ["m1"]
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM account FOR UPDATE")
        # It raises where it had to wait.
        assert ids(await stores[0].claim(NOW, 1, LEASE_MS)) == found


async def test_a_mail_that_comes_before_the_head_of_its_queue_is_found(
    own: PostgresYard, stores: list[Store]
) -> None:
    """Claims move the head on while somebody writes a mail that was due earlier."""
    await stores[0].submit([mail(f"m{n}", due_at=NOW - 9 + n) for n in range(9)])
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE mail SET due_at = 1 WHERE id = 'm0'")
        other.execute("INSERT INTO account_wake (account, due_at) VALUES ('default', 1)")
        taken = [ids(await stores[0].claim(NOW, 1, LEASE_MS)) for _ in range(9)]
        assert taken == [*([f"m{n}"] for n in range(1, 9)), []]
        assert own.head_at() > 1
    assert ids(await stores[1].claim(NOW, 9, LEASE_MS)) == ["m0"]


# -- the outbox


async def told_of(stores: list[Store], *touchpoints: str) -> list[Waiting]:
    """One event of each touchpoint, claimed."""
    await stores[0].submit([mail(t, event=event(f"e{t}", t, t)) for t in touchpoints])
    return await stores[0].outbox.claim(NOW, 9, 9, NOW + LEASE_MS)


async def test_no_two_tell_the_same(stores: list[Store]) -> None:
    every = [mail(f"m{n}", event=event(f"e{n}", f"T{n}", f"m{n}")) for n in range(200)]
    await stores[0].submit(every)

    async def drained(store: Store) -> list[int]:
        seqs: list[int] = []
        while found := await store.outbox.claim(NOW, 7, 9, NOW + LEASE_MS):
            seqs += [one.seq for one in found]
        return seqs

    each = await asyncio.gather(*[drained(store) for store in stores])
    assert len({seq for seqs in each for seq in seqs}) == sum(map(len, each)) == 200


async def test_what_is_sent_again_as_its_touchpoint_is_left_is_told(
    own: PostgresYard, stores: list[Store]
) -> None:
    [first] = await told_of(stores, "T")
    await stores[0].outbox.settle([Report(first.seq, "T", "parked", NOW, NOW, "no")])
    await changed(stores[0], Change(event=event("e2", "T", "T")), "T")
    [second] = await stores[0].outbox.claim(NOW, 9, 9, NOW + LEASE_MS)
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE outbox SET state = 'waiting' WHERE state = 'parked'")
        other.execute(
            "INSERT INTO outbox_lane (touchpoint_id, next_at) VALUES ('T', 1)"
            " ON CONFLICT (touchpoint_id) DO UPDATE SET next_at = 1 WHERE outbox_lane.leased = 0"
        )
        end = Report(second.seq, "T", "told", NOW, NOW)
        settle = await blocked(own, stores[0].outbox.settle([end]))
    await settle
    assert [one.seq for one in await stores[1].outbox.claim(NOW, 9, 9, NOW + 1)] == [first.seq]


async def test_nobody_lets_go_of_an_event_that_is_had_again(
    own: PostgresYard, stores: list[Store]
) -> None:
    [first] = await told_of(stores, "T")
    await stores[0].outbox.settle([Report(first.seq, "T", "told", NOW, NOW)])
    with psycopg.connect(own.url) as other:
        other.execute("DELETE FROM event")
        again = await blocked(own, stores[0].outbox.report_again([first.seq], NOW))
    await again
    assert (own.count("outbox"), own.count("outbox_lane")) == (0, 0)


async def test_an_idle_touchpoint_that_gets_an_event_is_told(
    own: PostgresYard, stores: list[Store]
) -> None:
    """Whoever claims finds nothing of it, while somebody writes its next event."""
    await told_of(stores, "T")
    own.plant("DELETE FROM outbox")
    own.plant("UPDATE outbox_lane SET next_at = 1, leased = 0")
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE touchpoint_sequence SET last = 2")
        claim = await blocked(own, stores[0].outbox.claim(NOW, 9, 9, NOW + LEASE_MS))
        other.execute(
            "INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)"
            " VALUES ('e2', 'email_Sent', 'T', 'T', 2, 1, '{}')"
        )
    assert await claim == []
    found = await stores[1].outbox.claim(NOW, 9, 9, NOW + HOUR)
    assert [one.event.id for one in found] == ["e2"]


# -- webhooks


async def hooked(store: Store, now: int = NOW) -> list[Queued]:
    return await store.webhooks.claim("w1", now, 9, 50, now + LEASE_MS)


async def test_no_two_tell_a_webhook_the_same(own: PostgresYard, stores: list[Store]) -> None:
    await add(stores[0])
    await stores[0].submit([mail(f"m{n}") for n in range(50)])
    for one in await stores[0].claim(NOW, 50, LEASE_MS):
        await stores[0].settle([ended(one, "sent")])

    async def drained(store: Store) -> list[int]:
        seqs: list[int] = []
        while queued := await store.webhooks.claim("w1", NOW, 7, 50, NOW + LEASE_MS):
            seqs += [one.seq for one in queued]
        return seqs

    each = await asyncio.gather(*[drained(store) for store in stores])
    every = [seq for seqs in each for seq in seqs]
    assert len(set(every)) == len(every) == own.count("webhook_queue") >= 50


async def test_what_a_webhook_hears_as_its_mail_is_left_is_told(
    own: PostgresYard, stores: list[Store]
) -> None:
    await add(stores[0])
    await stores[0].submit([mail()])
    queued = await hooked(stores[0])
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM mail FOR UPDATE")
        other.execute(
            "INSERT INTO event (id, kind, mail, occurred_at, body, mail_seq)"
            " SELECT 'late', 'onError', id, 1, '{}', seq FROM mail"
        )
        ends = [report(one) for one in queued]
        settle = await blocked(own, stores[0].webhooks.settle("w1", ends))
    await settle
    assert [one.id for one in await hooked(stores[1])] == ["late"]


async def test_what_is_sent_again_to_a_webhook_as_its_mail_is_left_is_told(
    own: PostgresYard, stores: list[Store]
) -> None:
    await add(stores[0])
    await stores[0].submit([mail()])
    first, *others = await hooked(stores[0])
    await stores[0].webhooks.settle("w1", [report(first, "parked")])
    others = await hooked(stores[0])
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE webhook_queue SET state = 'waiting' WHERE state = 'parked'")
        other.execute(
            "INSERT INTO webhook_lane (webhook, mail, next_at) VALUES ('w1', 'm1', 1)"
            " ON CONFLICT (webhook, mail) DO UPDATE SET next_at = 1 WHERE webhook_lane.leased = 0"
        )
        ends = [report(one) for one in others]
        settle = await blocked(own, stores[0].webhooks.settle("w1", ends))
    await settle
    assert [one.seq for one in await hooked(stores[1])] == [first.seq]


async def test_an_idle_mail_that_gets_an_event_is_told_to_a_webhook(
    own: PostgresYard, stores: list[Store]
) -> None:
    """Whoever claims finds nothing of it, while somebody writes its next event."""
    await add(stores[0])
    await stores[0].submit([mail()])
    own.plant("DELETE FROM webhook_queue")
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM mail FOR UPDATE")
        claim = await blocked(own, hooked(stores[0]))
        other.execute(
            "INSERT INTO event (id, kind, mail, occurred_at, body, mail_seq)"
            " SELECT 'late', 'onError', id, 1, '{}', seq FROM mail"
        )
    assert await claim == []
    assert [one.id for one in await hooked(stores[1])] == ["late"]


# -- touchpoints


async def test_of_changes_at_one_moment_none_is_lost(stores: list[Store]) -> None:
    new = Touchpoint("t1", "automated", "Scheduled", NOW, NOW)
    await stores[0].cadence.create(new, None)

    def more(found: Found | None) -> Write:
        assert found is not None
        return Write(replace(found.touchpoint, completions=found.touchpoint.completions + 1))

    await asyncio.gather(*[s.cadence.change("t1", more) for s in stores for _ in range(20)])
    found = await stores[0].cadence.read("t1")
    assert found is not None
    assert found[0].completions == 60


async def test_one_that_is_changed_as_it_is_forgotten_is_forgotten(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].cadence.create(Touchpoint("t1", "manual", "Sent", NOW, NOW), None)
    with psycopg.connect(own.url) as other:
        other.execute("UPDATE touchpoint SET version = version + 1")
        forget = await blocked(own, stores[0].cadence.forget("t1"))
    await forget
    assert own.count("touchpoint") == 0
