"""Retry: its answers, and not a byte of the touchpoint changed where it was refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from franking.outlets.base import Refused
from franking.outlets.package import EmbeddedPackage

from .conftest import automated, event, manual
from .side import BROKEN, GONE, HANGS, LOST, EmailSide, answer

UNREACHED = "Retry is out of reach right now. Try again in a minute."
RETRY = "POST /timer/{}/retry"


async def failed(package: EmbeddedPackage, id: str = "t1", **given: Any) -> None:
    await automated(package, id, **given)
    await package.take(event(touchpointId=id, eventId=f"{id}.e1"))


async def test_success_is_written_as_a_manual_retry(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await failed(package)
    shown = await package.retry("t1", None, False)
    t = shown.touchpoint
    assert (t.status, t.manual_retry_count, t.error_message) == ("Manual Retry", 1, None)
    assert [c.status for c in shown.children] == ["Manual Retry", "Error"]
    assert shown.children[0].error_message == "It is full.\n\n552 no"
    [(_, path, body, headers)] = side.asked(RETRY)
    assert (path, body, headers) == ("/timer/t1/retry", {"force": False}, {})


async def test_what_mends_it_goes_along_without_links_of_others(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await failed(package)
    foreign = {"touchpointId": "x", "cadenceMemberId": None}
    await package.retry("t1", {"to": "bob@example.com", **foreign}, True, "key-1")
    [(_, _, body, headers)] = side.asked(RETRY)
    assert body == {"force": True, "mail": {"to": "bob@example.com"}}
    assert headers == {"Idempotency-Key": "key-1"}


@pytest.mark.parametrize(
    ("trouble", "status", "text", "reason"),
    [
        (answer(400, {"error_message": "Sent.", "reason": "sent"}), 400, "Sent.", "sent"),
        (answer(400), 400, UNREACHED, "out_of_reach"),
        (
            answer(404, {"error_message": "There is no timer."}),
            502,
            "There is no timer.",
            "refused",
        ),
        (answer(409, {"error_message": "Another body."}), 502, "Another body.", "refused"),
        (answer(503, {"error_message": "Data API?"}), 502, "Data API?", "refused"),
        (answer(401, {"detail": "A key is needed."}), 502, "A key is needed.", "refused"),
        (answer(500), 502, UNREACHED, "out_of_reach"),
        (answer(302), 502, UNREACHED, "out_of_reach"),
        (answer(503, {"error_message": 5}), 502, UNREACHED, "out_of_reach"),
        (answer(503, ["error_message"]), 502, UNREACHED, "out_of_reach"),
        (answer(200, {"id": "t1"}), 502, UNREACHED, "out_of_reach"),
        (answer(200, {"retryCount": True}), 502, UNREACHED, "out_of_reach"),
        (GONE, 502, UNREACHED, "out_of_reach"),
        (HANGS, 502, UNREACHED, "out_of_reach"),
        (LOST, 502, UNREACHED, "out_of_reach"),
        (BROKEN, 502, "The store can't be used now.", "refused"),
    ],
)
@pytest.mark.parametrize("state", ["Error", "Scheduled", "Sent"])
async def test_a_refusal_changes_nothing_by_a_byte(
    package: EmbeddedPackage,
    side: EmailSide,
    rows: Any,
    trouble: Any,
    status: int,
    text: str,
    reason: str,
    state: str,
) -> None:
    await automated(package)
    if state != "Scheduled":
        await package.take(event(f"email_{state}"))
    before = rows()
    side.troubles[RETRY].append(trouble)
    with pytest.raises(Refused) as refused:
        await package.retry("t1", None, False)
    found = refused.value
    assert (found.status, str(found), found.reason) == (status, text, reason)
    assert rows() == before
    assert len(side.asked(RETRY)) == 1


async def test_a_manual_one_is_never_retried(
    package: EmbeddedPackage, side: EmailSide, rows: Any
) -> None:
    await manual(package)
    before = rows()
    with pytest.raises(Refused) as refused:
        await package.retry("t1", None, True)
    words = "Manual emails can't be retried. Complete the touchpoint again."
    assert (refused.value.status, str(refused.value)) == (400, words)
    assert (rows(), side.calls) == (before, [])


async def test_an_unknown_touchpoint_is_told(package: EmbeddedPackage) -> None:
    with pytest.raises(Refused) as refused:
        await package.retry("t9", None, False)
    assert refused.value.status == 404


async def test_an_answer_that_was_lost_heals_with_the_next_event(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await failed(package)
    side.troubles[RETRY].append(LOST)
    with pytest.raises(Refused):
        await package.retry("t1", None, False)
    shown = (await package.take(event("email_Sent", 2, retryCount=1))).shown
    assert (shown.touchpoint.status, shown.touchpoint.manual_retry_count) == ("Sent", 1)
    assert [c.status for c in shown.children] == ["Manual Retry", "Error"]


async def test_an_event_that_was_sooner_leaves_nothing_to_write(
    package: EmbeddedPackage, side: EmailSide, rows: Any
) -> None:
    await failed(package)
    side.hold()
    retry = asyncio.create_task(package.retry("t1", None, False))
    await side.reached.wait()
    await package.take(event("email_Sent", 2, retryCount=1))
    before = rows()
    side.let_go()
    assert (await retry).touchpoint.status == "Sent"
    assert rows() == before


async def test_many_are_retried_and_counted(package: EmbeddedPackage, side: EmailSide) -> None:
    for id in ("t1", "t2", "t3", "t4"):
        await failed(package, id)
    side.mails["t2"] = {"delivery": {"state": "ERROR", "outcome": "unknown"}, "touchpointId": "t2"}
    side.troubles[RETRY].append(answer(400, {"error_message": "Sent.", "reason": "sent"}))
    tally = await package.retry_many({"status": "Error"}, 500)
    assert (tally.accepted, tally.left_out, tally.refused, tally.next) == (2, 1, 1, None)
    assert {(reason, count) for reason, _, count in tally.why} == {
        ("sent", 1),
        ("outcome_unknown", 1),
    }
    assert "/timer/t2/retry" not in [path for _, path, *_ in side.calls]


async def test_one_in_doubt_by_its_own_category_is_not_even_looked_at(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await automated(package)
    await package.take(event(error={"message": "?", "category": "outcome_unknown"}))
    tally = await package.retry_many({"ids": ["t1"]}, 500)
    assert (tally.accepted, tally.left_out, len(side.calls)) == (0, 1, 1)


async def test_many_go_page_by_page(package: EmbeddedPackage, side: EmailSide) -> None:
    for id in ("t1", "t2", "t3"):
        await failed(package, id)
    first = await package.retry_many({"status": "Error"}, 2)
    assert first.accepted == 2
    assert first.next is not None
    rest = await package.retry_many({"status": "Error", "after": str(first.next)}, 2)
    assert (rest.accepted, rest.next) == (1, None)
    assert len(side.asked(RETRY)) == 3


async def test_ids_are_narrowed_by_the_rest_of_the_filter(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await failed(package, "t1")
    await failed(package, "t2", cadenceMemberId="m2")
    await manual(package, "t3")
    ids = {"ids": ["t1", "t2", "t3", "t9", "t1"]}
    tally = await package.retry_many({**ids, "member": "m1"}, 500)
    assert (tally.accepted, tally.left_out, tally.refused) == (1, 0, 2)
    assert {reason for reason, *_ in tally.why} == {"manual", "unknown_touchpoint"}


@pytest.mark.parametrize("call", ["GET /v1/mail/{}", RETRY])
async def test_once_it_is_out_of_reach_the_rest_is_not_asked_for(
    package: EmbeddedPackage, side: EmailSide, call: str
) -> None:
    ids = [f"t{i}" for i in range(1, 31)]
    for id in ids:
        await failed(package, id)
    side.troubles[call].extend([GONE] * 30)
    tally = await package.retry_many({"member": "m1"}, 500)
    assert (tally.accepted, tally.refused) == (0, 30)
    assert tally.why == (("out_of_reach", UNREACHED, 30),)
    assert len(side.asked(call)) <= 10


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        ({}, "A filter is required"),
        ({"after": "5"}, "A filter is required"),
        ({"status": None}, "A filter is required"),
        ({"status": 5}, "'status'"),
        ({"state": "ERROR"}, "'state'"),
        ({"ids": []}, "'ids'"),
        ({"ids": "t1"}, "'ids'"),
        ({"ids": [1]}, "'ids'"),
        ({"ids": ["t"] * 501}, "'ids'"),
        ({"member": "m1", "after": 5}, "'after'"),
        ({"member": "m1", "after": "x"}, "'after'"),
    ],
)
async def test_a_filter_is_required_and_read_by_name(
    package: EmbeddedPackage, side: EmailSide, filter: Any, text: str
) -> None:
    await failed(package)
    with pytest.raises(Refused, match=text) as refused:
        await package.retry_many(filter, 500)
    assert refused.value.status == 400
    assert side.asked(RETRY) == []
