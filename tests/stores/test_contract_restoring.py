"""After a restore: what had not ended ends in doubt, and numbers go on beyond those given since."""

from __future__ import annotations

from typing import Any

import pytest

from franking.clock import HandClock
from franking.core.delivery import RESTORED, Outcome, Stage, State
from franking.core.timer import TimerState
from franking.office.restoring import Restored, Restoring
from franking.stores import restoring as restores
from franking.stores.base import Change, Store, StoreUnavailable, TimerFilter
from franking.stores.restoring import EPOCH_GAP, EVENT_GAP, SEQUENCE_GAP

from .contract import Yard
from .mails import HOUR, NOW, claimed, delivery, ended, event, mail, remainder, transmitting
from .mails import changed as written
from .timers import DOCUMENT, created, mail_timer, timer


def restoring(store: Store) -> Restoring:
    return Restoring(store, HandClock(NOW + 5))


async def test_a_store_out_of_reach_is_told(yard: Yard) -> None:
    store = yard.store()
    await store.open()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await restoring(store).run(False)


async def test_an_empty_store_has_nothing_to_end(store: Store) -> None:
    assert await restoring(store).run(False) == Restored(0, 0)


@pytest.mark.parametrize("how", ["waiting", "later", "claimed", "transmitting", "deferred"])
async def test_what_had_not_ended_is_in_doubt(store: Store, how: str) -> None:
    due_at = NOW + HOUR if how == "later" else NOW
    await store.submit([mail(touchpoint="t1", due_at=due_at)])
    if how == "transmitting":
        await transmitting(store)
    elif how not in ("waiting", "later"):
        found = await claimed(store)
        if how == "deferred":
            await store.settle([ended(found, "deferred")])
    assert await restoring(store).run(False) == Restored(1, 0)
    now = await delivery(store)
    assert (now.state, now.outcome, now.category) == (
        State.ERROR,
        Outcome.UNKNOWN,
        "outcome_unknown",
    )
    assert (now.error, now.end_at, now.lease_expires_at) == (RESTORED, NOW + 5, None)
    last = (await store.timeline("m1"))[-1]
    assert (last.event, last.outcome, last.stage) == (
        "restored",
        Outcome.UNKNOWN,
        Stage.TRANSMITTING,
    )
    told = [found.kind for found in await store.events(0, 10)]
    assert told[-1:] == ["email_Error"]
    assert (await store.counts(NOW + 2 * HOUR, 0)).stuck == []
    assert await store.claim(NOW + 2 * HOUR, 10, 1) == []
    assert await restoring(store).run(False) == Restored(0, 0)


async def test_what_had_ended_stays(store: Store) -> None:
    await store.submit([mail("a"), mail("b")])
    await store.settle([ended(await claimed(store), "sent")])
    await store.settle([ended(await claimed(store), "failed")])
    before = [await delivery(store, name) for name in "ab"]
    assert await restoring(store).run(False) == Restored(0, 0)
    assert [await delivery(store, name) for name in "ab"] == before


async def test_later_ones_may_stay_if_they_were_never_tried(store: Store) -> None:
    await store.submit([mail("later", due_at=NOW + HOUR), mail("now"), mail("tried")])
    found = [await claimed(store), await claimed(store)]
    [tried] = [one for one in found if one.mail.id == "tried"]
    [other] = [one for one in found if one.mail.id != "tried"]
    await store.settle([ended(tried, "deferred")])
    await store.settle([ended(other, "returned")])
    assert await restoring(store).run(True) == Restored(2, 0)
    assert (await delivery(store, "later")).state is State.PENDING
    assert (await delivery(store, "tried")).state is State.ERROR


async def test_recipients_that_were_to_be_tried_again_are_in_doubt_too(store: Store) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    rest = remainder(first.mail, "b@example.com")
    await store.settle([ended(first, "sent", remainder=rest, pending=["b@example.com"])])
    assert await restoring(store).run(False) == Restored(1, 0)
    assert (await delivery(store)).state is State.SUCCESS
    assert (await delivery(store, rest.id)).outcome is Outcome.UNKNOWN
    assert (await store.counts(NOW + HOUR, 0)).stuck == []


async def test_the_email_of_a_timer_that_was_due_is_in_doubt_and_its_touchpoint_told(
    store: Store,
) -> None:
    document = {**DOCUMENT, "touchpointId": "t1"}
    await created(store, mail_timer("m1", document), mail_timer("m2", document, due_at=NOW + HOUR))
    await created(store, timer("w1"))
    assert await restoring(store).run(False) == Restored(0, 1)
    timers = {one.id: one for one in await store.timers.page(TimerFilter(), 10)}
    states = {name: one.state for name, one in timers.items()}
    S = TimerState
    assert states == {"m1": S.FAILED, "m2": S.SCHEDULED, "w1": S.SCHEDULED}
    assert timers["m1"].error == RESTORED
    assert (await delivery(store)).outcome is Outcome.UNKNOWN
    [told] = await store.outbox.claim(NOW, 10, 10, NOW + HOUR)
    assert (told.event.kind, told.touchpoint_id) == ("email_Error", "t1")
    assert await store.claim(NOW + 10, 10, 1) == []


async def test_no_lease_is_given_twice_and_no_news_is_taken_for_old(store: Store) -> None:
    await store.submit([mail("m1", touchpoint="t1"), mail("m2", due_at=NOW + 1)])
    lost = await claimed(store)
    await written(store, Change(event=event("e1", "t1")), "m1")
    last = await store.last_event()
    await restoring(store).run(False)
    events: list[Any] = await store.events(last, 10)
    assert all(found.seq > last + EVENT_GAP for found in events)
    assert max(found.sequence or 0 for found in events) > SEQUENCE_GAP
    await store.submit([mail("m3")])
    fresh = await claimed(store)
    assert fresh.lease.epoch > lost.lease.epoch + EPOCH_GAP
    assert await store.transmitting([lost.lease], NOW) == [False]


async def test_every_touchpoint_is_counted_on_once_however_many_there_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restores, "SEQUENCES_AT_ONCE", 2)
    for name in ("a", "b", "ä", "Z", "z"):
        await store.submit([mail(name, touchpoint=name)])
        await written(store, Change(event=event(f"1{name}", name)), name)
    await store.restoring.skip()
    for name in ("a", "b", "ä", "Z", "z"):
        await written(store, Change(event=event(f"2{name}", name)), name)
        assert (await store.outbox.events_of(name, 9))[-1].sequence == SEQUENCE_GAP + 2
