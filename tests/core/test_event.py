"""What others are told: which ending makes which event, and the shape of its body."""

from __future__ import annotations

import pytest

from franking.core.delivery import Delivery, Outcome, State
from franking.core.event import Event, Links, report

from .lives import MINUTE, NOW, claimed, ended, waiting

LIMITED = waiting(State.RETRY, waiting_for="send_limit", due_at=NOW + MINUTE, attempts=2)
FAILED = ended(
    Outcome.NOT_SENT,
    error="Error: 550 no",
    sentence="It does not exist.",
    category="recipient_not_found",
    cause="recipient_unknown",
    error_code="550 5.1.1",
)


def told(
    event: str, delivery: Delivery, links: Links | None = None, text: str = ""
) -> Event | None:
    return report(
        event, delivery, event_id="e1", mail="m1", links=links or Links(), now=NOW, text=text
    )


@pytest.mark.parametrize(
    ("event", "delivery", "kind"),
    [
        ("sent", ended(Outcome.SENT), "email_Sent"),
        ("proved_sent", ended(Outcome.SENT), "email_Sent"),
        *(
            (event, FAILED, "email_Error")
            for event in (
                "failed",
                "refused",
                "waited_out",
                "restored",
                "released",
                "proved_unsent",
            )
        ),
        *((event, ended(Outcome.UNKNOWN), "email_Error") for event in ("doubted", "expired")),
        ("deferred", LIMITED, "email_Rate_Limited"),
        # Nobody need hear of what goes on by itself.
        ("deferred", waiting(State.RETRY, waiting_for="retry"), None),
        ("released", waiting(State.RETRY), None),
        ("expired", waiting(State.RETRY), None),
        ("doubted", waiting(State.RETRY), None),
        ("returned", waiting(State.PENDING), None),
        ("retried", waiting(State.RETRY), None),
        ("claimed", claimed(), None),
        ("submitted", waiting(), None),
    ],
)
def test_an_ending_makes_its_event(event: str, delivery: Delivery, kind: str | None) -> None:
    made = told(event, delivery)
    assert (made and made.kind) == kind


def test_the_body_of_a_sent_mail() -> None:
    made = told("sent", ended(Outcome.SENT))
    assert made is not None
    assert made.body == {
        "event": "email_Sent",
        "eventId": "e1",
        "occurredAt": "2026-11-21T14:05:00.000Z",
        "mailId": "m1",
        "attempt": 1,
        "state": "SUCCESS",
    }


def test_the_body_of_a_failed_mail_has_the_sentence_and_the_peers_words() -> None:
    made = told("failed", FAILED, text="550 5.1.1 nobody here")
    assert made is not None
    assert made.body["error"] == {
        "message": "It does not exist.",
        "code": "550 5.1.1",
        "category": "recipient_not_found",
        "cause": "recipient_unknown",
        "detail": "550 5.1.1 nobody here",
    }


def test_where_the_peer_said_nothing_the_detail_is_our_error() -> None:
    made = told("failed", FAILED)
    assert made is not None
    assert made.body["error"]["detail"] == "Error: 550 no"


def test_a_rate_limited_mail_tells_its_next_time() -> None:
    made = told("deferred", LIMITED)
    assert made is not None
    assert made.body["nextAttemptTime"] == "2026-11-21T14:06:00.000Z"


def test_an_event_names_the_records_of_the_crm_that_there_are() -> None:
    made = told("sent", ended(Outcome.SENT), Links("t1", None, "em1"))
    assert made is not None
    assert made.touchpoint_id == "t1"
    links = {name: made.body[name] for name in made.body if name.endswith("Id")}
    assert links == {"eventId": "e1", "mailId": "m1", "touchpointId": "t1", "emailMessageId": "em1"}
