"""What happened, counted by the minute and by the hour as it is reported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from franking.clock import HandClock
from franking.core.delivery import Bounds
from franking.core.event import Event
from franking.engine.sweeper import FORGET_EVERY, Sweeper
from franking.stores.base import Change, Store, Tallied
from franking.stores.look_store import HOUR_MS, HOURS_KEPT_MS, MINUTE_MS, MINUTES_KEPT_MS

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    MINUTE,
    NOW,
    changed,
    claimed,
    ended,
    mail,
    swept,
    together,
    transmitting,
)
from .test_contract_submit import once

SLOT = NOW - NOW % HOUR


def told(id: str, kind: str = "email_Sent", at: int = NOW, **body: Any) -> Event:
    return Event(id, kind, id, None, at, {"eventId": id, **body})


async def tally(store: Store, step: int = MINUTE_MS, since: int = 0) -> list[tuple[Any, ...]]:
    """Everything since then, as it was counted."""
    found = await store.look.tally(step, since, step)
    return [(one.slot, one.what, one.category, one.count) for one in found]


def full(category: Any) -> dict[str, Any]:
    return {"error": {"category": category, "detail": "552 " + "x" * 10_000}}


@pytest.mark.parametrize(
    ("kind", "body", "counted"),
    [
        ("email_Sent", {}, ("sent", "")),
        ("email_Sent", full("proved"), ("sent", "")),
        ("email_Error", full("mailbox_full"), ("failed", "mailbox_full")),
        ("email_Error", full("outcome_unknown"), ("in_doubt", "outcome_unknown")),
        ("email_Error", full(None), ("failed", "")),
        ("email_Error", {}, ("failed", "")),
        ("email_Rate_Limited", full("send_limit"), ("limited", "send_limit")),
        ("email_Rate_Limited", full("outcome_unknown"), ("limited", "outcome_unknown")),
        ("email_Bounced", full("mailbox_full"), None),
        ("email_Whatever", {}, None),
    ],
)
async def test_each_kind_of_event_is_counted_so(
    store: Store, kind: str, body: dict[str, Any], counted: tuple[str, str] | None
) -> None:
    await store.submit([mail(event=told("e", kind, **body))])
    for step in (MINUTE_MS, HOUR_MS):
        rows = [] if counted is None else [(NOW - NOW % step, *counted, 1)]
        assert await tally(store, step) == rows


async def test_it_is_counted_where_it_happened(store: Store) -> None:
    times = [SLOT - 1, SLOT, SLOT + MINUTE - 1, SLOT + MINUTE, SLOT + HOUR]
    await store.submit([mail(f"m{at}", event=told(f"e{at}", at=at)) for at in times])
    minutes = [(at, "sent", "", n) for at, n in ((SLOT - MINUTE, 1), (SLOT, 2), (SLOT + MINUTE, 1))]
    assert await tally(store) == [*minutes, (SLOT + HOUR, "sent", "", 1)]
    hours = [(SLOT - HOUR, "sent", "", 1), (SLOT, "sent", "", 3), (SLOT + HOUR, "sent", "", 1)]
    assert await tally(store, HOUR_MS) == hours


async def test_many_in_one_commit_and_many_commits_are_all_counted(store: Store) -> None:
    kinds = ["email_Sent", "email_Error", "email_Rate_Limited"]
    mails = [mail(f"m{n}", event=told(f"e{n}", kinds[n % 3], **full("full"))) for n in range(60)]
    await store.submit(mails[:20])
    await together(store, [store.submit([one]) for one in mails[20:40]])
    for one in mails[40:]:
        await store.submit([one])
    slot = NOW - NOW % MINUTE
    counted = [("failed", "full", 20), ("limited", "full", 20), ("sent", "", 20)]
    assert await tally(store) == [(slot, *one) for one in counted]


async def test_ends_are_counted_once_whoever_tells_them_again(store: Store) -> None:
    await store.submit([mail("a")])
    end = ended(await claimed(store), "sent")
    for _ in range(3):
        assert await store.settle([end]) == [True]
    assert [row[1:] for row in await tally(store)] == [("sent", "", 1)]


async def test_a_lease_that_ran_out_is_doubt_and_its_proof_is_sent(store: Store) -> None:
    await store.submit([mail()])
    found = await transmitting(store)
    await swept(store, NOW + LEASE_MS)
    assert [row[1:3] for row in await tally(store)] == [("in_doubt", "outcome_unknown")]
    await store.settle([ended(found, "sent", NOW + LEASE_MS + MINUTE)])
    assert sorted(row[1] for row in await tally(store)) == ["in_doubt", "sent"]


async def test_a_repeat_under_a_key_is_not_counted_again(store: Store) -> None:
    for _ in range(3):
        await store.submit([mail(event=told("e"))], once())
    assert [row[3] for row in await tally(store)] == [1]


async def test_what_was_undone_is_not_counted(store: Store) -> None:
    await store.submit([mail("a")])
    with pytest.raises(Exception, match="already"):
        await store.submit([mail("b", event=told("e")), mail("a")])
    assert await tally(store) == []


async def test_a_change_and_what_was_given_up_are_counted(store: Store) -> None:
    await store.submit([mail("a"), mail("b", give_up_at=NOW)])
    await changed(store, Change(event=told("e1", "email_Error", **full("cancelled"))), "a")
    event = told("e2", "email_Error", **full("too_late"))
    assert await store.give_up(NOW, 9, lambda _: Change(event=event)) == 1
    assert [row[2] for row in await tally(store)] == ["cancelled", "too_late"]


async def test_slots_may_be_wider_than_steps_and_begin_at_since(store: Store) -> None:
    for n in range(24):
        await store.submit([mail(f"m{n}", event=told(f"e{n}", at=SLOT + n * HOUR))])
    found = await store.look.tally(HOUR_MS, SLOT + HOUR, 6 * HOUR_MS)
    slots = [(SLOT + HOUR + n * 6 * HOUR, count) for n, count in enumerate((6, 6, 6, 5))]
    assert found == [Tallied(slot, "sent", "", count) for slot, count in slots]


async def test_an_empty_store_has_no_counts(store: Store) -> None:
    assert await tally(store) == []
    assert await store.look.forget_tally(NOW, 100) == 0


KEPT = {MINUTE_MS: MINUTES_KEPT_MS, HOUR_MS: HOURS_KEPT_MS}


@pytest.mark.parametrize("step", [MINUTE_MS, HOUR_MS])
async def test_counts_are_kept_for_their_time(store: Store, step: int) -> None:
    await store.submit([mail(event=told("e", at=SLOT))])
    ends = SLOT + step + KEPT[step]
    await store.look.forget_tally(ends, 100)
    assert len(await tally(store, step)) == 1
    await store.look.forget_tally(ends + 1, 100)
    assert await tally(store, step) == []
    assert len(await tally(store, HOUR_MS)) == (step == MINUTE_MS)


async def test_counts_are_forgotten_in_batches_the_oldest_first(store: Store) -> None:
    for n in range(3):
        await store.submit([mail(f"m{n}", event=told(f"e{n}", at=SLOT + n * HOUR))])
    late = SLOT + 2 * HOURS_KEPT_MS
    assert await store.look.forget_tally(late, 2) == 2
    assert [row[0] for row in await tally(store)] == [SLOT + 2 * HOUR]
    assert await store.look.forget_tally(late, 2) == 2
    assert [row[0] for row in await tally(store, HOUR_MS)] == [SLOT + HOUR, SLOT + 2 * HOUR]
    assert [await store.look.forget_tally(late, 2) for _ in range(2)] == [2, 0]


async def test_the_sweeper_forgets_them(store: Store, yard: Yard) -> None:
    for n in range(3):
        await store.submit([mail(f"m{n}", event=told(f"e{n}", at=SLOT + n * HOUR))])
    clock = HandClock(SLOT + 2 * HOURS_KEPT_MS)
    lapses: Any = SimpleNamespace(lapse=None)
    sweeper = Sweeper(
        *(store, clock, lapses, list, lambda: None), lease_ms=LEASE_MS, bounds=Bounds()
    )
    for _ in range(FORGET_EVERY - 1):
        await sweeper.sweep()
    assert yard.count("tally") == 6
    await sweeper.sweep()
    assert yard.count("tally") == 0


async def test_the_details_of_an_event_are_no_part_of_its_count(store: Store) -> None:
    end = ended(await _one(store), "failed")
    assert end.event is not None
    event = replace(end.event, body={**end.event.body, "detail": '"}\u2028\x00'})
    await store.settle([replace(end, event=event)])
    [(_, what, category, count)] = await tally(store)
    assert (what, count) == ("failed", 1)
    assert category == event.body["error"]["category"]


async def _one(store: Store) -> Any:
    await store.submit([mail()])
    return await claimed(store)
