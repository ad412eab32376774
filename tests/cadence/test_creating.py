"""Touchpoints are created whole or not at all, whatever the email side says or a crash cuts off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from franking.outlets.base import Refused
from franking.outlets.package import EmbeddedPackage
from franking.stores.base import Store

from .conftest import DUE, MAIL, automated, event, manual
from .side import BROKEN, CRASH, CRASH_AFTER, GONE, HANGS, Died, EmailSide, answer

Rows = Callable[[], list[Any]]
EMPTY: list[Any] = [[], []]


async def test_an_automated_one_is_scheduled_with_its_timer(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    shown = await automated(package, None, emailMessageId="02s")
    t = shown.touchpoint
    assert (t.kind, t.status, t.timer_id, t.mail_id) == ("automated", "Scheduled", t.id, t.id)
    assert (t.cadence_member_id, t.email_message_id, len(t.id)) == ("m1", "02s", 26)
    [(_, _, body, headers)] = side.calls
    assert headers == {"x-timer-id": t.id}
    assert body["dueAt"] == DUE
    assert body["callback"]["transport"] == "mail"
    links = {"touchpointId": t.id, "cadenceMemberId": "m1", "emailMessageId": "02s"}
    assert body["data"] == MAIL | links
    assert await store.cadence.unfinished(10) == []


async def test_the_touchpoints_own_links_are_in_the_mail_whatever_it_says(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    foreign = {"touchpointId": "x", "cadenceMemberId": "x", "emailMessageId": "x"}
    await automated(package, mail=MAIL | foreign)
    assert side.timers["t1"]["data"] == MAIL | {"touchpointId": "t1", "cadenceMemberId": "m1"}


async def test_a_manual_one_waits_for_a_person(package: EmbeddedPackage, side: EmailSide) -> None:
    t = (await manual(package)).touchpoint
    assert (t.kind, t.status, t.due_at) == ("manual", "Pending Manual Send", None)
    assert (t.timer_id, t.mail_id, side.calls) == (None, None, [])


async def test_a_timer_that_is_there_already_is_its_own(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    side.troubles["POST /timer"].append(answer(409, {"error_message": "exists"}))
    assert (await automated(package)).touchpoint.status == "Scheduled"
    assert await store.cadence.unfinished(10) == []


@pytest.mark.parametrize("trouble", [GONE, BROKEN, HANGS])
async def test_out_of_reach_keeps_nothing(
    package: EmbeddedPackage, side: EmailSide, rows: Rows, trouble: str
) -> None:
    side.troubles["POST /timer"].append(trouble)
    with pytest.raises(Refused, match="out of reach") as refused:
        await automated(package)
    assert (refused.value.status, refused.value.reason) == (503, "out_of_reach")
    assert rows() == EMPTY
    assert side.timers == {}
    assert [headers for *_, headers in side.asked("DELETE /timer/{}")] == [
        {"x-touchpoint-id": "t1"}
    ]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, {"error_message": "dueAt is odd", "reason": "odd"}, (400, "dueAt is odd")),
        (413, {"error_message": "request entity too large"}, (400, "request entity too large")),
        (401, {"error_message": "A key is needed."}, (502, "401: A key is needed.")),
        (429, {}, (502, "429")),
    ],
)
async def test_what_the_timer_refuses_is_told_in_its_words_and_keeps_nothing(
    package: EmbeddedPackage, side: EmailSide, rows: Rows, status: int, body: Any, told: Any
) -> None:
    side.troubles["POST /timer"].append(answer(status, body))
    with pytest.raises(Refused, match=told[1]) as refused:
        await automated(package)
    assert refused.value.status == told[0]
    assert rows() == EMPTY


@pytest.mark.parametrize("trouble", [CRASH, CRASH_AFTER])
async def test_a_crash_on_the_way_is_gone_on_with(
    package: EmbeddedPackage, side: EmailSide, store: Store, trouble: str
) -> None:
    side.troubles["POST /timer"].append(trouble)
    with pytest.raises(Died):
        await automated(package)
    assert len(await store.cadence.unfinished(10)) == 1
    side.troubles["GET /timer/{}"].append(GONE)
    assert await package.finish_unfinished() == 0
    assert await package.finish_unfinished() == 1
    assert await package.finish_unfinished() == 0
    assert await store.cadence.unfinished(10) == []
    assert (await package.read("t1")).touchpoint.status == "Scheduled"
    bodies = [body for _, _, body, _ in side.asked("POST /timer")]
    assert bodies == [bodies[0]] * (2 if trouble == CRASH else 1)


async def test_the_loop_leaves_a_creation_alone_that_is_under_way(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    side.hold()
    made = asyncio.create_task(automated(package))
    await side.reached.wait()
    assert await package.finish_unfinished() == 0
    assert len(side.calls) == 1
    side.let_go()
    assert (await made).touchpoint.status == "Scheduled"


async def test_a_deletion_that_was_wished_meanwhile_outlives_the_creation(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    side.hold()
    made = asyncio.create_task(automated(package))
    await side.reached.wait()
    side.troubles["DELETE /timer/{}"].append(GONE)
    with pytest.raises(Refused, match="out of reach"):
        await package.delete("t1")
    side.let_go()
    await made
    assert set(side.timers) == {"t1"}
    assert await package.finish_unfinished() == 1
    assert (side.timers, await package.page({}, 10)) == ({}, [])


async def test_after_a_crash_what_the_timer_refuses_is_forgotten(
    package: EmbeddedPackage, side: EmailSide, rows: Rows
) -> None:
    side.troubles["POST /timer"].extend([CRASH, answer(400, {"error_message": "no"})])
    with pytest.raises(Died):
        await automated(package)
    assert await package.finish_unfinished() == 1
    assert rows() == EMPTY


async def test_an_event_before_the_end_leaves_what_is_unfinished(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    side.troubles["POST /timer"].append(CRASH_AFTER)
    with pytest.raises(Died):
        await automated(package)
    await package.take(event("email_Sent"))
    assert len(await store.cadence.unfinished(10)) == 1
    assert await package.finish_unfinished() == 1
    assert (await package.read("t1")).touchpoint.status == "Sent"


async def test_an_id_is_used_once(package: EmbeddedPackage, side: EmailSide, rows: Rows) -> None:
    await automated(package)
    before = rows()
    for again in (automated, manual):
        with pytest.raises(Refused, match="already") as refused:
            await again(package)
        assert refused.value.status == 409
    assert rows() == before
    assert len(side.calls) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"type": None}, "type"),
        ({"type": "sms"}, "type"),
        ({"type": ["automated"]}, "type"),
        ({"cadenceMemberId": None}, "cadenceMemberId"),
        ({"cadenceMemberId": 7}, "cadenceMemberId"),
        ({"cadenceMemberId": "x" * 256}, "cadenceMemberId"),
        ({"cadenceMemberId": "a\nb"}, "cadenceMemberId"),
        ({"emailMessageId": ""}, "emailMessageId"),
        ({"dueAt": None}, "dueAt"),
        ({"dueAt": "tomorrow"}, "dueAt"),
        ({"dueAt": 5}, "dueAt"),
        ({"mail": None}, "mail"),
        ({"mail": "text"}, "mail"),
        ({"timeout": 5}, "timeout"),
        ({"type": "manual"}, "dueAt"),
        ({"type": "manual", "dueAt": None}, "mail"),
    ],
)
async def test_a_wrong_field_is_named_and_keeps_nothing(
    package: EmbeddedPackage, side: EmailSide, rows: Rows, given: Any, named: str
) -> None:
    with pytest.raises(Refused, match=f"'{named}'") as refused:
        await automated(package, **given)
    assert (refused.value.status, refused.value.reason) == (400, "bad_field")
    assert (rows(), side.calls) == (EMPTY, [])


@pytest.mark.parametrize("id", ["", "a/b", "..", "retry", "batch", "__x__", "\u200b", "x" * 256])
async def test_an_id_that_no_mail_could_have_is_refused(
    package: EmbeddedPackage, id: str, rows: Rows
) -> None:
    with pytest.raises(Refused, match="'id'"):
        await automated(package, id)
    assert rows() == EMPTY
