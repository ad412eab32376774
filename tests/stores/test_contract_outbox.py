"""The outbox: filled with the fact, told in order by one teller, and nobody's event held up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest

from franking.core.event import Event
from franking.core.reporting import Report
from franking.stores.base import Change, Store, Waiting

from .mails import NOW, changed, claimed, ended, mail, swept
from .timers import DOCUMENT, created, mail_timer, retried, served

LATER = NOW + 60_000
State = Literal["told", "waiting", "parked"]


async def told(store: Store, *events: tuple[str, str]) -> None:
    """Write events, of a touchpoint each, as pairs of touchpoint and id, each in a commit."""
    for touchpoint, id in events:
        if await store.read(touchpoint) is None:
            await store.submit([mail(touchpoint, touchpoint=touchpoint)])
        happened = Event(id, "email_Error", touchpoint, touchpoint, NOW, {"eventId": id})
        await changed(store, Change(event=happened), touchpoint)


async def ready(store: Store, now: int = NOW, limit: int = 10, each: int = 10) -> list[Waiting]:
    return await store.outbox.claim(now, limit, each, now + 60_000)


def ids(found: Sequence[Waiting]) -> list[str]:
    return [waiting.event.id for waiting in found]


def end(waiting: Waiting, state: State, next_at: int = NOW, error: str | None = None) -> Report:
    return Report(waiting.seq, waiting.touchpoint_id, state, NOW, next_at, error)


async def test_a_settled_mail_waits_with_sequence_retry_count_and_timer(store: Store) -> None:
    await created(store, mail_timer("t1", {**DOCUMENT, "touchpointId": "t1"}))
    for at in (NOW, LATER):
        await served(store, at)
        found = await claimed(store, at)
        assert await store.settle([ended(found, "failed", at)]) == [True]
        await retried(store, "t1", at)
    waiting = await ready(store)
    told = [(w.event.kind, w.touchpoint_id, w.tries, w.event.sequence) for w in waiting]
    assert told == [("email_Error", "t1", 0, 1), ("email_Error", "t1", 0, 2)]
    bodies = [w.event.body for w in waiting]
    assert [b["sequence"] for b in bodies] == [1, 2]
    assert [b["retryCount"] for b in bodies] == [0, 1]
    assert [b["timerId"] for b in bodies] == ["t1", "t1"]


async def test_a_manual_mail_has_no_timer_and_no_retries(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    await store.settle([ended(await claimed(store), "sent")])
    [waiting] = await ready(store)
    assert waiting.event.kind == "email_Sent"
    assert waiting.event.body["retryCount"] == 0
    assert "timerId" not in waiting.event.body


async def test_a_mail_without_a_touchpoint_tells_no_outlet(store: Store) -> None:
    await store.submit([mail()])
    await store.settle([ended(await claimed(store), "sent")])
    assert len(await store.events(0, 10)) == 1
    assert await ready(store) == []
    assert await store.outbox.next_due() is None


async def test_a_settle_whose_lease_was_lost_tells_nothing(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    found = await claimed(store)
    assert await swept(store, NOW + 60_001) == 1
    again = await claimed(store, NOW + 60_001)
    assert await store.settle([ended(again, "failed")]) == [True]
    assert await store.settle([ended(found, "failed")]) == [False]
    assert len(await ready(store)) == 1


async def test_events_come_in_order_together_by_touchpoint(store: Store) -> None:
    await told(store, ("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"), ("a", "a3"))
    found = await ready(store, each=2)
    assert sorted(ids(found)) == ["a1", "a2", "b1", "b2"]
    assert [w.event.id for w in found if w.touchpoint_id == "a"] == ["a1", "a2"]
    touchpoints = [w.touchpoint_id for w in found]
    assert touchpoints in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


async def test_a_touchpoint_is_one_tellers_until_its_lease_is_over(store: Store) -> None:
    await told(store, ("a", "a1"), ("b", "b1"))
    assert len(await ready(store, limit=1)) == 1
    assert len(await ready(store)) == 1
    assert await ready(store) == []
    await told(store, ("a", "a2"))
    assert await ready(store) == []
    assert await store.outbox.next_due() == LATER
    assert await ready(store, LATER - 1) == []
    assert sorted(ids(await ready(store, LATER))) == ["a1", "a2", "b1"]


async def test_who_waited_longest_is_claimed_first(store: Store) -> None:
    await told(store, ("a", "a1"), ("b", "b1"), ("c", "c1"))
    found = {w.touchpoint_id: w for w in await ready(store)}
    due = {"a": 3, "b": 1, "c": 2}
    await store.outbox.settle([end(found[t], "waiting", NOW + at) for t, at in due.items()])
    assert ids(await ready(store, NOW + 2, limit=1)) == ["b1"]
    assert ids(await ready(store, NOW + 2)) == ["c1"]
    assert await ready(store, NOW + 2) == []


async def test_what_was_told_is_gone(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"))
    [first, _] = await ready(store)
    await store.outbox.settle([end(first, "told")])
    assert ids(await ready(store)) == ["a2"]
    await store.outbox.settle([end(w, "told") for w in await ready(store, LATER)])
    assert await ready(store, LATER * 2) == []
    assert await store.outbox.next_due() is None
    assert (await store.outbox.counts()).waiting == 0


async def test_what_waits_holds_up_its_touchpoint_and_no_other(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"), ("b", "b1"))
    found = {w.event.id: w for w in await ready(store)}
    await store.outbox.settle([end(found["a1"], "waiting", NOW + 5, "locked")])
    await store.outbox.settle([end(found["b1"], "told")])
    await told(store, ("b", "b2"))
    assert ids(await ready(store)) == ["b2"]
    [first, second] = await ready(store, NOW + 5)
    assert [(w.event.id, w.tries, w.error) for w in (first, second)] == [
        ("a1", 1, "locked"),
        ("a2", 0, None),
    ]


async def test_later_events_pass_a_parked_one(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"))
    [first, second] = await ready(store)
    await store.outbox.settle([end(first, "parked", error="NOT_FOUND: t")])
    assert ids(await ready(store)) == ["a2"]
    await store.outbox.settle([end(second, "told")])
    await told(store, ("a", "a3"))
    assert ids(await ready(store)) == ["a3"]
    [parked] = await store.outbox.page("parked", None, None, 10)
    assert (parked.event_id, parked.state, parked.tries) == ("a1", "parked", 1)
    assert (parked.error, parked.tried_at) == ("NOT_FOUND: t", NOW)
    counts = await store.outbox.counts()
    assert (counts.waiting, counts.parked) == (1, 1)


async def test_one_settle_for_several_events_of_a_touchpoint(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"), ("a", "a3"))
    [one, two, three] = await ready(store)
    reports = [end(one, "told"), end(two, "parked"), end(three, "waiting", LATER)]
    await store.outbox.settle(reports)
    assert await ready(store, LATER - 1) == []
    assert ids(await ready(store, LATER)) == ["a3"]


async def test_a_settle_that_comes_twice_changes_nothing(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"))
    [first, second] = await ready(store)
    await store.outbox.settle([end(first, "told")])
    await store.outbox.settle([end(first, "parked", error="late")])
    await store.outbox.settle([end(second, "parked")])
    await store.outbox.settle([end(second, "told")])
    found = await store.outbox.page(None, None, None, 10)
    assert [(u.event_id, u.state) for u in found] == [("a2", "parked")]


async def test_a_claim_that_is_given_back_is_claimed_again(store: Store) -> None:
    await told(store, ("a", "a1"))
    await ready(store)
    await store.outbox.free([("a", NOW + 5), ("z", NOW)])
    assert await ready(store, NOW + 4) == []
    assert ids(await ready(store, NOW + 5)) == ["a1"]


@pytest.mark.parametrize("which", ["one", "touchpoint", "all", "other"])
async def test_parked_events_are_sent_again(store: Store, which: str) -> None:
    await told(store, ("a", "a1"), ("a", "a2"), ("b", "b1"))
    found = await ready(store)
    await store.outbox.settle([end(w, "parked", error="no") for w in found])
    assert await store.outbox.next_due() is None
    seqs = {w.event.id: w.seq for w in found}
    asked: dict[str, tuple[int | None, str | None, list[str]]] = {
        "one": (seqs["a2"], None, ["a2"]),
        "touchpoint": (None, "a", ["a1", "a2"]),
        "all": (None, None, ["a1", "a2", "b1"]),
        "other": (seqs["b1"] + 50, None, []),
    }
    seq, touchpoint, expected = asked[which]
    assert await store.outbox.resend(seq, touchpoint, NOW, 10) == len(expected)
    again = await ready(store)
    assert sorted(ids(again)) == expected
    assert {(w.tries, w.error) for w in again} <= {(0, None)}


async def test_a_resend_is_bounded(store: Store) -> None:
    await told(store, ("a", "a1"), ("b", "b1"))
    await store.outbox.settle([end(w, "parked") for w in await ready(store)])
    assert await store.outbox.resend(None, None, NOW, 1) == 1
    assert (await store.outbox.counts()).parked == 1


async def test_a_resend_wakes_no_touchpoint_sooner_than_its_waiting_one_may(store: Store) -> None:
    """It waits behind nobody: its place is by its commit, so it goes first and at once."""
    await told(store, ("a", "a1"), ("a", "a2"))
    [first, second] = await ready(store)
    await store.outbox.settle([end(first, "parked"), end(second, "waiting", LATER)])
    await store.outbox.resend(first.seq, None, NOW, 10)
    assert ids(await ready(store)) == ["a1", "a2"]


async def test_a_resend_brings_no_second_teller_to_a_touchpoint(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"))
    first, second = await ready(store)
    await store.outbox.settle([end(first, "parked"), end(second, "waiting", NOW)])
    held = await ready(store)
    assert await store.outbox.resend(first.seq, None, NOW, 10) == 1
    assert await ready(store) == []
    await store.outbox.settle([end(w, "told") for w in held])
    assert ids(await ready(store)) == ["a1"]


async def test_what_was_told_is_told_again_where_somebody_missed_it(store: Store) -> None:
    await told(store, ("a", "a1"), ("a", "a2"))
    found = await ready(store)
    await store.outbox.settle([end(w, "told") for w in found])
    assert [e.id for e in await store.outbox.events_of("a", 10)] == ["a1", "a2"]
    await store.outbox.report_again([found[1].seq], NOW)
    await store.outbox.report_again([found[1].seq], NOW)
    assert ids(await ready(store)) == ["a2"]


async def test_an_outlets_pause_is_kept_with_its_beginning(store: Store) -> None:
    assert (await store.outbox.paused()).paused_until is None
    await store.outbox.pause(NOW + 5, "invalid_grant", NOW)
    await store.outbox.pause(NOW + 9, "invalid_grant again", NOW + 5)
    found = await store.outbox.paused()
    assert (found.paused_until, found.reason, found.since) == (
        NOW + 9,
        "invalid_grant again",
        NOW,
    )
    counts = await store.outbox.counts()
    assert (counts.paused_until, counts.reason, counts.since) == (NOW + 9, found.reason, NOW)
    await store.outbox.pause(None, None, NOW + 10)
    ended = await store.outbox.paused()
    assert (ended.paused_until, ended.reason, ended.since) == (None, None, None)


async def test_a_page_is_narrowed_and_goes_on(store: Store) -> None:
    await told(store, ("a", "a1"), ("b", "b1"), ("a", "a2"))
    [parked] = [w for w in await ready(store) if w.event.id == "a1"]
    await store.outbox.settle([end(parked, "parked")])

    async def found(*asked: Any) -> list[str]:
        return [u.event_id for u in await store.outbox.page(*asked)]

    assert await found(None, None, None, 10) == ["a2", "b1", "a1"]
    assert await found("waiting", None, None, 10) == ["a2", "b1"]
    assert await found(None, "a", None, 10) == ["a2", "a1"]
    [newest] = await store.outbox.page(None, None, None, 1)
    assert await found(None, None, newest.seq, 10) == ["b1", "a1"]
    assert (newest.mail, newest.kind, newest.body["eventId"]) == ("a", "email_Error", "a2")


async def test_the_oldest_that_waits_is_counted_from(store: Store) -> None:
    assert (await store.outbox.counts()).oldest_at is None
    await told(store, ("a", "a1"))
    assert (await store.outbox.counts()).oldest_at == NOW
