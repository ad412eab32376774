"""What a touchpoint should show, each way that it may not, and why it does not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.delivery import Delivery, State
from franking.core.touchpoint import ConquerError, Reason, Status, Told, Touchpoint
from franking.core.touchpoint.agreeing import (
    ANSWER_LOST,
    NO_EVENT_MADE_IT,
    NOT_MENDED,
    Record,
    Recorded,
    compare,
    told,
)
from franking.core.touchpoint.applying import apply, retried

NOW = 1_795_269_900_000
WHY = Reason("Their mailbox is full.", "552 5.2.2", "recipient_mailbox_full", "x", "552 Full")
KINDS = {
    Status.ERROR: "email_Error",
    Status.SENT: "email_Sent",
    Status.RATE_LIMITED: "email_Rate_Limited",
}
Shown = tuple[Touchpoint, tuple[ConquerError, ...]]


def event(status: Status, sequence: int, retries: int = 0, **outbox: Any) -> Recorded:
    error = None if status is Status.SENT else WHY
    heard = Told(status, f"e{sequence}", sequence, NOW, retry_count=retries, error=error)
    return Recorded(sequence * 10, KINDS[status], heard, **outbox)


FAILED, SENT = event(Status.ERROR, 1), event(Status.SENT, 2, 1)
RECORD = Record((FAILED, SENT), 1, Delivery(State.SUCCESS, NOW))


def new(kind: Any = "automated") -> Touchpoint:
    status = "Scheduled" if kind == "automated" else "Pending Manual Send"
    return Touchpoint(id="t", kind=kind, status=status, status_updated_at=1, created_at=1)


def heard(*events: Recorded, kind: str = "automated", retries: int = 0) -> Shown:
    """A touchpoint that heard of these events, in this order, and then of retries."""
    now, children = new(kind), list[ConquerError]()
    for one in events:
        known = any(child.event_id == one.told.event_id for child in children)
        applied = apply(now, one.told, known, None, NOW)
        now, children = applied.touchpoint, [*children, *applied.children]
    after = retried(now, retries, None, NOW)
    return after.touchpoint, (*children, *after.children)


def differences(shown: Shown, record: Record) -> dict[str, tuple[Any, Any, str]]:
    """By field; of several of one field, the last."""
    found = compare(*shown, record).differences
    return {one.field: (one.shown, one.expected, one.reason) for one in found}


def missing(shown: Shown, record: Record) -> list[int]:
    return [one.seq for one in compare(*shown, record).missing]


LOST = "{} was told, and is not applied."


def test_a_missing_child_of_an_older_event_is_named() -> None:
    touchpoint, children = heard(FAILED, SENT)
    shown = (touchpoint, tuple(c for c in children if c.event_id != "e1"))
    why = LOST.format("email_Error e1")
    assert differences(shown, RECORD) == {
        "event": (None, "email_Error e1", why),
        "errors": (None, "e1", why),
    }
    assert missing(shown, RECORD) == [10]


def test_a_child_of_the_newest_event_comes_back_with_it() -> None:
    record = Record((FAILED,), 0, Delivery(State.ERROR, NOW))
    touchpoint, _ = heard(FAILED)
    why = LOST.format("email_Error e1")
    assert differences((touchpoint, ()), record) == {
        "event": (None, "email_Error e1", why),
        "errors": (None, "e1", why),
    }
    assert missing((touchpoint, ()), record) == [10]


@pytest.mark.parametrize(
    ("outbox", "why"),
    [
        ({}, "email_Sent e2 was told, and is not applied."),
        ({"state": "waiting"}, "email_Sent e2 waits."),
        ({"state": "waiting", "error": "a lock"}, "email_Sent e2 waits: a lock"),
        ({"state": "parked", "error": "it said no"}, "email_Sent e2 is parked: it said no"),
    ],
)
def test_an_event_that_was_not_heard_explains_each_field(outbox: Any, why: str) -> None:
    record = replace(RECORD, events=(FAILED, event(Status.SENT, 2, 1, **outbox)))
    assert differences(heard(FAILED), record) == {
        "event": (None, "email_Sent e2", why),
        "actionStatus": ("Error", "Sent", why),
        "errorMessage": (WHY.message, None, why),
        "errorMessageTruncated": (WHY.message, None, why),
        "errorCode": (WHY.code, None, why),
        "errorCategory": (WHY.category, None, why),
        "manualRetryCount": ("0", "1", why),
        "errors": (None, "t.retry.1", why),
    }
    assert missing(heard(FAILED), record) == [20]


def test_an_event_whose_child_is_there_would_change_nothing() -> None:
    """The package knows an event by its child: fields that were set back stay so."""
    shown = (new(), heard(FAILED)[1])
    found = differences(shown, Record((FAILED,), 0, Delivery(State.ERROR, NOW)))
    assert found["actionStatus"] == ("Scheduled", "Error", NOT_MENDED)
    assert (missing(shown, Record((FAILED,))), "event" in found) == ([], False)


def test_every_event_that_is_missing_is_named() -> None:
    assert missing(heard(), RECORD) == [10, 20]
    assert missing(heard(SENT), RECORD) == [10]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "Error"}, "actionStatus"),
        ({"error_message": "x"}, "errorMessage"),
        ({"error_message_truncated": "x"}, "errorMessageTruncated"),
        ({"error_code": "x"}, "errorCode"),
        ({"error_category": "x"}, "errorCategory"),
        ({"manual_retry_count": 5}, "manualRetryCount"),
        ({"manual_retry_count": 0}, "manualRetryCount"),
    ],
)
def test_what_somebody_else_wrote_is_told_as_not_to_be_mended(
    changes: dict[str, Any], field: str
) -> None:
    touchpoint, children = heard(FAILED, SENT)
    shown = (replace(touchpoint, **changes), children)
    [one] = compare(*shown, RECORD).differences
    assert (one.field, one.reason) == (field, NOT_MENDED)
    assert missing(shown, RECORD) == []


def test_a_child_that_no_event_made_is_named() -> None:
    touchpoint, children = heard(FAILED, SENT)
    odd = replace(children[0], event_id="other")
    found = differences((touchpoint, (*children, odd)), RECORD)
    assert found == {"errors": ("other", None, NO_EVENT_MADE_IT)}


MAILS: tuple[tuple[Delivery, str | None], ...] = (
    (Delivery(State.SUCCESS, NOW), "Sent"),
    (Delivery(State.ERROR, NOW), None),
    (Delivery(State.PENDING, NOW), None),
    (Delivery(State.PROCESSING, NOW), None),
    (Delivery(State.RETRY, NOW, waiting_for="retry", waits=1), None),
    (Delivery(State.RETRY, NOW, waiting_for="send_limit", waits=1), "Rate Limited"),
    # Another mail met the limit: this one has told nothing.
    (Delivery(State.RETRY, NOW, waiting_for="send_limit"), None),
)


@pytest.mark.parametrize(("mail", "wanted"), MAILS)
def test_a_mail_that_no_event_tells_of_is_a_difference(mail: Delivery, wanted: str | None) -> None:
    record = Record((FAILED,), 0, mail)
    found = differences(heard(FAILED), record)
    why = f"The mail is {mail.state}, and no event tells of it."
    assert found == ({} if wanted is None else {"mail": ("Error", wanted, why)})


def test_a_mail_that_failed_says_error() -> None:
    found = differences(heard(), Record((), 0, Delivery(State.ERROR, NOW)))
    assert found["mail"][:2] == ("Scheduled", "Error")


# Shown, record: all these agree.
ORDERS: tuple[tuple[Shown, Record], ...] = (
    (heard(), Record()),
    (heard(kind="manual"), Record()),
    (heard(FAILED, SENT), RECORD),
    (heard(SENT, FAILED), RECORD),
    (heard(FAILED, FAILED, SENT), RECORD),
    # Retry was pressed: its answer came, and no event yet.
    (heard(FAILED, retries=1), Record((FAILED,), 1, Delivery(State.PROCESSING, NOW))),
    # The timer is another process's: the package knows best.
    (heard(FAILED, retries=3), Record((FAILED,), None, None)),
    # A manual one has no retries, whatever an event says.
    (heard(FAILED, SENT, kind="manual"), replace(RECORD, retry_count=None)),
    # What was sent stays Sent, whatever becomes of its mail.
    (heard(SENT), Record((SENT,), 1, Delivery(State.ERROR, NOW))),
)


@pytest.mark.parametrize("case", range(len(ORDERS)))
def test_what_agrees_is_no_difference(case: int) -> None:
    shown, record = ORDERS[case]
    assert compare(*shown, record).differences == ()
    assert compare(*shown, record).missing == ()


def test_a_status_that_somebody_added_is_kept() -> None:
    touchpoint, children = heard(FAILED, SENT)
    assert differences((replace(touchpoint, status="Called instead"), children), RECORD) == {}


def test_a_retry_stays_in_sight_when_the_error_before_it_comes_late() -> None:
    record = Record((FAILED,), 1, Delivery(State.PROCESSING, NOW))
    touchpoint, children = heard(retries=1)
    applied = apply(touchpoint, FAILED.told, False, None, NOW)
    assert applied.touchpoint.status == "Manual Retry"
    assert differences((applied.touchpoint, (*children, *applied.children)), record) == {}


def test_a_lost_answer_of_retry_timer_is_told_until_the_next_event() -> None:
    record = Record((FAILED,), 1, Delivery(State.PROCESSING, NOW))
    assert differences(heard(FAILED), record) == {"manualRetryCount": ("0", "1", ANSWER_LOST)}


def test_an_event_is_read_from_its_body() -> None:
    error = {"message": "a\0b", "code": None, "detail": "x", "more": 1}
    body = {"retryCount": 2, "error": error, "nextAttemptTime": "2026-11-21T14:05:00.000Z"}
    found = told("email_Rate_Limited", {**body, "mailId": "m", "timerId": "x"}, "e", 3, 9)
    reason = Reason("a\ufffdb", None, None, None, "x")
    assert found == Told(Status.RATE_LIMITED, "e", 3, 9, 2, reason, 1_795_269_900_000, "m", "x")
    assert told("email_Bounced", {}, "e", 1, 9) is None
    assert told("email_Sent", {}, "e", None, 9) is None
