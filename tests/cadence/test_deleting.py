"""Deleting cancels what is to come, goes on after a crash, and waits for what is being sent."""

from __future__ import annotations

from typing import Any

import pytest

from franking.clock import HandClock
from franking.outlets.base import BadEvent, Refused
from franking.outlets.package import EmbeddedPackage
from franking.stores.base import Store

from .conftest import MAIL, automated, event, manual
from .side import BROKEN, CRASH, CRASH_AFTER, GONE, LOST, Died, EmailSide, answer

TIMER, POSTED = "DELETE /timer/{}", "DELETE /v1/mail/{}"
OWN = {"x-touchpoint-id": "t1"}


async def gone(package: EmbeddedPackage) -> bool:
    with pytest.raises(Refused, match="no touchpoint"):
        await package.read("t1")
    return await package.page({}, 10) == []


async def test_an_automated_ones_timer_is_deleted_in_its_name(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    await automated(package)
    await package.delete("t1")
    assert [headers for *_, headers in side.asked(TIMER)] == [OWN]
    assert (side.timers, await gone(package)) == ({}, True)
    assert await store.cadence.unfinished(10) == []
    with pytest.raises(Refused, match="no touchpoint"):
        await package.delete("t1")


async def test_a_timer_that_has_ended_holds_nothing_up(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await automated(package)
    side.timers.clear()
    await package.delete("t1")
    assert await gone(package)


@pytest.mark.parametrize("state", ["PENDING", "RETRY"])
async def test_a_manual_ones_waiting_mail_is_deleted(
    package: EmbeddedPackage, side: EmailSide, state: str
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = {"state": state}
    await package.delete("t1")
    assert [headers for *_, headers in side.asked(POSTED)] == [OWN]
    assert (side.mails, await gone(package)) == ({}, True)


@pytest.mark.parametrize("state", ["SUCCESS", "ERROR", None])
async def test_a_manual_ones_ended_mail_is_kept(
    package: EmbeddedPackage, side: EmailSide, state: str | None
) -> None:
    await manual(package)
    if state is not None:
        await package.complete("t1", MAIL, False)
        side.mails["mail1"]["delivery"] = {"state": state}
    await package.delete("t1")
    assert side.asked(POSTED) == []
    assert (len(side.mails), await gone(package)) == (int(state is not None), True)


@pytest.mark.parametrize("how", ["timer", "mail", "mail's deletion"])
async def test_while_it_is_being_sent_it_stays(
    package: EmbeddedPackage, side: EmailSide, rows: Any, how: str
) -> None:
    if how == "timer":
        await automated(package)
        side.troubles[TIMER].append(answer(409, {"error_message": "x"}))
    else:
        await manual(package)
        await package.complete("t1", MAIL, False)
        state = "PROCESSING" if how == "mail" else "PENDING"
        side.mails["mail1"]["delivery"] = {"state": state}
        side.troubles[POSTED].append(answer(409, {"detail": "x"}))
    with pytest.raises(Refused) as refused:
        await package.delete("t1")
    found = refused.value
    assert (found.status, str(found)) == (409, "This email is being sent now.")
    assert (await package.read("t1")).touchpoint.deleted_at is None
    assert await package.finish_unfinished() == 0


async def test_a_completion_under_way_is_not_cut_off(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(CRASH_AFTER)
    with pytest.raises(Died):
        await package.complete("t1", MAIL, False)
    with pytest.raises(Refused) as refused:
        await package.delete("t1")
    assert refused.value.status == 409
    clock.advance(30_000)
    await package.delete("t1")
    assert (side.mails, await gone(package)) == ({}, True)


@pytest.mark.parametrize("trouble", [CRASH, CRASH_AFTER, GONE, BROKEN, LOST, answer(401, {})])
@pytest.mark.parametrize("kind", ["automated", "manual"])
async def test_what_was_begun_is_gone_on_with(
    package: EmbeddedPackage, side: EmailSide, store: Store, trouble: Any, kind: str
) -> None:
    if kind == "automated":
        await automated(package)
    else:
        await manual(package)
        await package.complete("t1", MAIL, False)
    call = TIMER if kind == "automated" else POSTED
    side.troubles[call].extend([trouble, GONE])
    with pytest.raises((Refused, Died)):
        await package.delete("t1")
    while await package.finish_unfinished() == 0:
        assert await store.cadence.unfinished(10) != []
    assert (side.timers, side.mails, await gone(package)) == ({}, {}, True)
    assert await store.cadence.unfinished(10) == []


async def test_nothing_is_completed_while_it_is_being_deleted(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.troubles[POSTED].append(GONE)
    with pytest.raises(Refused, match="out of reach"):
        await package.delete("t1")
    side.mails["mail1"]["delivery"] = {"state": "ERROR", "outcome": "not_sent"}
    with pytest.raises(Refused, match="being deleted"):
        await package.complete("t1", MAIL, False)


async def test_its_events_are_refused_with_the_reason(package: EmbeddedPackage) -> None:
    await automated(package)
    await package.delete("t1")
    with pytest.raises(BadEvent, match="t1 was deleted") as refused:
        await package.take(event())
    assert refused.value.code == "NOT_FOUND"


async def test_a_row_that_can_not_be_read_stops_no_other(
    package: EmbeddedPackage, side: EmailSide, store: Store, clock: HandClock
) -> None:
    side.troubles["POST /timer"].extend([CRASH, CRASH])
    for id in ("t1", "t2"):
        with pytest.raises(Died):
            await automated(package, id)
    side.troubles["POST /timer"].append(CRASH)
    assert await package.finish_unfinished() == 1
    assert [t.id for t, _ in await store.cadence.unfinished(10)] == ["t1"]


async def test_run_goes_round_until_it_is_cancelled(
    store: Store, clock: HandClock, side: EmailSide
) -> None:
    rounds: list[float] = []

    class Over(Exception): ...

    async def wait(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 3:
            raise Over

    package = EmbeddedPackage(store.cadence, clock, side, wait=wait)
    side.troubles["POST /timer"].extend([CRASH, GONE])
    with pytest.raises(Died):
        await automated(package)
    with pytest.raises(Over):
        await package.run()
    assert (len(rounds), set(side.timers)) == (3, {"t1"})


async def test_run_outlives_a_store_that_is_closed(
    store: Store, clock: HandClock, side: EmailSide
) -> None:
    class Over(Exception): ...

    async def wait(seconds: float) -> None:
        raise Over

    await store.close()
    with pytest.raises(Over):
        await EmbeddedPackage(store.cadence, clock, side, wait=wait).run()
