"""Events: read strictly, applied once, in any order to the same end."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from franking.clock import HandClock
from franking.outlets.base import BadEvent
from franking.outlets.package import EmbeddedPackage
from stored import new_store

from .conftest import automated, event
from .side import EmailSide


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("email_Sent", "Sent"),
        ("email_Error", "Error"),
        ("email_Rate_Limited", "Rate Limited"),
        ("email_Rate Limited", "Rate Limited"),
        ("EMAIL RATE_LIMITED", "Rate Limited"),
        ("emailsent", "Sent"),
        ("e m a i l _Error", "Error"),
    ],
)
async def test_a_name_is_read_without_regard_to_case_spaces_or_underscores(
    package: EmbeddedPackage, name: str, status: str
) -> None:
    await automated(package)
    taken = await package.take(event(name))
    assert (taken.status, taken.shown.touchpoint.status) == ("applied", status)


async def test_all_of_an_event_is_written(package: EmbeddedPackage) -> None:
    await automated(package)
    at = "2026-11-21T15:00:00.000Z"
    told = event("email_Rate_Limited", 3, mailId="m", timerId="x", nextAttemptTime=at, state="?")
    shown = (await package.take(told)).shown
    t = shown.touchpoint
    assert (t.last_event_id, t.last_sequence, t.mail_id, t.timer_id) == ("e3", 3, "m", "x")
    assert (t.error_message, t.error_code, t.error_category) == (
        "It is full.",
        "552 5.2.2",
        "full",
    )
    assert t.next_attempt_at is not None
    [child] = shown.children
    assert (child.id, child.error_message) == ("ce-e3", "It is full.\n\n552 no")


async def test_a_repeat_changes_nothing_by_a_byte(package: EmbeddedPackage, rows: Any) -> None:
    await automated(package)
    await package.take(event("email_Error", 1))
    before = rows()
    assert (await package.take(event("email_Error", 1))).status == "already applied"
    await package.take(event("email_Sent", 5))
    sent = rows()
    assert (await package.take(event("email_Error", 1))).status == "already applied"
    assert (await package.take(event("email_Sent", 4))).status == "out of order"
    assert rows() == sent != before


async def test_a_late_one_adds_its_child(package: EmbeddedPackage) -> None:
    await automated(package)
    await package.take(event("email_Sent", 5))
    taken = await package.take(event("email_Rate_Limited", 2))
    assert (taken.status, taken.shown.touchpoint.status) == ("out of order", "Sent")
    assert [c.event_id for c in taken.shown.children] == ["e2"]


@pytest.mark.parametrize(
    ("changed", "code", "named"),
    [
        ({"event": None}, "REQUIRED_FIELD_MISSING", "event"),
        ({"eventId": None}, "REQUIRED_FIELD_MISSING", "eventId"),
        ({"sequence": None}, "REQUIRED_FIELD_MISSING", "sequence"),
        ({"occurredAt": None}, "REQUIRED_FIELD_MISSING", "occurredAt"),
        ({"touchpointId": None}, "REQUIRED_FIELD_MISSING", "touchpointId"),
        ({"event": "email_Bounced"}, "INVALID_FIELD", "event"),
        ({"event": "email_Scheduled"}, "INVALID_FIELD", "event"),
        ({"event": 5}, "INVALID_FIELD", "event"),
        ({"event": " "}, "INVALID_FIELD", "event"),
        ({"eventId": 5}, "INVALID_FIELD", "eventId"),
        ({"eventId": ""}, "INVALID_FIELD", "eventId"),
        ({"eventId": "e" * 256}, "INVALID_FIELD", "eventId"),
        ({"sequence": "1"}, "INVALID_FIELD", "sequence"),
        ({"sequence": True}, "INVALID_FIELD", "sequence"),
        ({"sequence": 1.5}, "INVALID_FIELD", "sequence"),
        ({"sequence": 0}, "INVALID_FIELD", "sequence"),
        ({"sequence": 2**63}, "INVALID_FIELD", "sequence"),
        ({"retryCount": -1}, "INVALID_FIELD", "retryCount"),
        ({"occurredAt": "now"}, "INVALID_FIELD", "occurredAt"),
        ({"occurredAt": 5}, "INVALID_FIELD", "occurredAt"),
        ({"nextAttemptTime": "soon"}, "INVALID_FIELD", "nextAttemptTime"),
        ({"touchpointId": []}, "INVALID_FIELD", "touchpointId"),
        ({"mailId": 5}, "INVALID_FIELD", "mailId"),
        ({"timerId": {}}, "INVALID_FIELD", "timerId"),
        ({"error": "text"}, "INVALID_FIELD", "error"),
        ({"error": {"message": 5}}, "INVALID_FIELD", "error.message"),
        ({"touchpointId": "t9"}, "NOT_FOUND", "t9"),
    ],
)
async def test_a_bad_event_is_refused_as_apex_would(
    package: EmbeddedPackage, rows: Any, changed: Any, code: str, named: str
) -> None:
    await automated(package)
    before = rows()
    with pytest.raises(BadEvent, match=named) as refused:
        await package.take(event(**changed))
    assert refused.value.code == code
    assert rows() == before


async def test_all_that_is_missing_is_named(package: EmbeddedPackage) -> None:
    with pytest.raises(BadEvent, match=r"\[event, eventId, sequence, occurredAt, touchpointId\]"):
        await package.take({})


async def test_an_error_without_words_and_one_with_odd_ones(package: EmbeddedPackage) -> None:
    await automated(package)
    await package.take(event("email_Error", 1, error=None))
    odd = {"message": "a\0b", "code": None, "detail": "x" * 20_000}
    shown = (await package.take(event("email_Error", 2, error=odd))).shown
    assert shown.touchpoint.error_message == "a\ufffdb"
    assert len(shown.children[0].error_message or "") == 5_000


async def test_the_same_event_at_one_moment_is_applied_once(package: EmbeddedPackage) -> None:
    await automated(package)
    found = await asyncio.gather(*(package.take(event()) for _ in range(10)))
    assert sorted(one.status for one in found) == ["already applied"] * 9 + ["applied"]
    assert len(found[0].shown.children) == 1


EVENTS = (
    event("email_Rate_Limited", 1),
    event("email_Error", 2),
    event("email_Error", 3, retryCount=1),
    event("email_Rate_Limited", 4, retryCount=2),
    event("email_Sent", 5, retryCount=2),
)
NAMES = ["Rate Limited", "Error", "Error", "Rate Limited"]


@given(st.lists(st.sampled_from(range(5)), max_size=15))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_in_any_order_and_however_often_the_end_is_the_same(order: list[int]) -> None:
    shown = asyncio.run(_told(order + [i for i in range(5) if i not in order]))
    t = shown.touchpoint
    assert (t.status, t.error_message, t.last_sequence) == ("Sent", None, 5)
    events = {c.event_id: c.status for c in shown.children if ".retry." not in c.event_id}
    assert events == {f"e{i}": name for i, name in enumerate(NAMES, 1)}
    retries = {c.event_id for c in shown.children if c.status == "Manual Retry"}
    assert retries == {"t1.retry.1", "t1.retry.2"}
    assert t.manual_retry_count == 2


async def _told(order: list[int]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        await store.open()
        package = EmbeddedPackage(store.cadence, HandClock(), EmailSide(HandClock()))
        await automated(package)
        for index in order:
            taken = await package.take(EVENTS[index])
        await store.close()
        return taken.shown
