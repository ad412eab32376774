"""What is asked of a delivery: submitted, preset by the contract's cases, sent again."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core import requests, times
from franking.core.delivery import Delivery, Outcome, State
from franking.core.machine import Refused

from .lives import HOUR, INFO, MINUTE, NOW, claimed, ended, waiting

TOMORROW = NOW + 24 * HOUR


@pytest.mark.parametrize(
    ("send_at", "due_at", "waiting_for"),
    [
        (None, NOW, None),
        (TOMORROW, TOMORROW, "sendAt"),
        (NOW - HOUR, NOW - HOUR, None),  # long due: before what came in since
        (NOW, NOW, None),
    ],
)
def test_a_new_mail_is_due_at_its_own_time(
    send_at: int | None, due_at: int, waiting_for: str | None
) -> None:
    delivery = requests.submitted(NOW, send_at, None)
    assert (delivery.state, delivery.start_at, delivery.due_at) == (State.PENDING, NOW, due_at)
    assert delivery.waiting_for == waiting_for


def test_a_new_mail_gives_up_at_its_send_before() -> None:
    assert requests.submitted(NOW, None, TOMORROW).give_up_at == TOMORROW


def test_a_refused_document_is_an_error_at_once() -> None:
    delivery = requests.refused(NOW, "ValidationError: no")
    assert (delivery.state, delivery.outcome) == (State.ERROR, Outcome.NOT_SENT)
    assert (delivery.attempts, delivery.start_at, delivery.end_at) == (0, NOW, NOW)
    assert (delivery.error, delivery.category) == ("ValidationError: no", "message_content")


def test_a_document_without_recipients_is_refused_for_its_address() -> None:
    delivery = requests.refused(NOW, "ValidationError: Email must have at least one recipient")
    assert delivery.category == "invalid_recipient_address"


def preset(given: dict[str, Any], send_at: int | None = None) -> Delivery:
    return requests.preset(given, NOW, send_at, TOMORROW)


@pytest.mark.parametrize("state", [State.SUCCESS, State.ERROR])  # case 103
def test_a_preset_end_stays_as_it_is(state: State) -> None:
    delivery = preset({"state": state, "attempts": 3})
    assert delivery == Delivery(state=state, due_at=NOW, start_at=NOW, attempts=3)


@pytest.mark.parametrize("state", [State.RETRY, State.PENDING])  # cases 104 and 105
def test_a_preset_waiting_mail_goes_now(state: State) -> None:
    delivery = preset({"state": state})
    assert (delivery.state, delivery.due_at, delivery.give_up_at) == (state, NOW, TOMORROW)


@pytest.mark.parametrize("state", [State.RETRY, State.PENDING])
def test_a_preset_waiting_mail_is_not_sent_before_its_time(state: State) -> None:
    delivery = preset({"state": state}, send_at=TOMORROW)
    assert (delivery.due_at, delivery.waiting_for) == (TOMORROW, "sendAt")


@pytest.mark.parametrize("away", [MINUTE, -MINUTE])  # cases 107 and 108
def test_a_preset_processing_keeps_its_lease(away: int) -> None:
    given = {"state": "PROCESSING", "leaseExpireTime": times.text(NOW + away)}
    delivery = preset(given)
    assert (delivery.state, delivery.epoch) == (State.PROCESSING, 0)
    assert (delivery.lease_expires_at, delivery.give_up_at) == (NOW + away, None)


@pytest.mark.parametrize("lease", [None, "soon", 5, True, {}, "2026-11-21T14:05:00"])
def test_a_preset_processing_without_a_lease_is_an_error_at_once(lease: object) -> None:
    delivery = preset({"state": "PROCESSING", "leaseExpireTime": lease})
    assert (delivery.state, delivery.outcome) == (State.ERROR, Outcome.UNKNOWN)
    assert delivery.error == "Message processing lease expired."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ""),
        ({"state": None}, ""),
        ({"state": 5}, ""),
        ({"state": ["PENDING"]}, ""),
        ({"state": "pending"}, "pending"),
        ({"state": "DONE", "attempts": 1}, "DONE"),
    ],
)
def test_an_unknown_preset_state_is_an_error_at_once(given: dict[str, Any], said: str) -> None:
    delivery = preset(given)
    assert (delivery.state, delivery.end_at) == (State.ERROR, NOW)
    assert delivery.error == f'Error: Unknown delivery state "{said}".'


@pytest.mark.parametrize(
    ("attempts", "kept"),
    [(0, 0), (7, 7), (-3, 0), (10**30, 1_000_000), ("7", 0), (True, 0), (None, 0), (2.5, 0)],
)
def test_preset_attempts_count_where_they_are_a_number(attempts: object, kept: int) -> None:
    assert preset({"state": "RETRY", "attempts": attempts}).attempts == kept


AGAIN = [
    ended(Outcome.NOT_SENT, error="Error: 550", category="unknown", tries=3, waits=2),
    ended(Outcome.UNKNOWN, error="Error: lost"),
    ended(Outcome.SENT, info=INFO),
    waiting(State.RETRY, due_at=TOMORROW, tries=4, waits=9, releases=4, waiting_for="send_limit"),
]


@pytest.mark.parametrize("delivery", AGAIN, ids=lambda d: f"{d.state} {d.outcome}")
@pytest.mark.parametrize(
    ("ask", "state"),
    [(requests.retried, State.RETRY), (requests.resubmitted, State.PENDING)],
)
def test_sent_again_goes_now_with_a_new_round_of_tries(
    ask: Any, state: State, delivery: Delivery
) -> None:
    again = ask(delivery, NOW + 1, TOMORROW)
    assert (again.state, again.due_at, again.give_up_at) == (state, NOW + 1, TOMORROW)
    assert (again.tries, again.waits, again.releases) == (0, 0, 0)
    assert (again.end_at, again.waiting_for) == (None, None)
    assert again.attempts == delivery.attempts


def test_a_retried_mail_keeps_its_last_error_and_info() -> None:
    failed, sent = AGAIN[0], AGAIN[2]
    assert requests.retried(failed, NOW, None).error == failed.error
    assert requests.retried(sent, NOW, None).info == sent.info


def test_a_resubmitted_mail_has_no_error() -> None:
    again = requests.resubmitted(AGAIN[0], NOW, None)
    assert (again.error, again.category, again.cause) == (None, None, None)


@pytest.mark.parametrize("ask", [requests.retried, requests.resubmitted])
def test_asking_for_a_pending_mail_changes_nothing(ask: Any) -> None:
    pending = waiting(due_at=TOMORROW, waiting_for="sendAt")
    assert ask(pending, NOW, None) is pending


@pytest.mark.parametrize("ask", [requests.retried, requests.resubmitted])
def test_asking_for_a_mail_that_is_being_sent_is_refused(ask: Any) -> None:
    with pytest.raises(Refused, match="PROCESSING"):
        ask(claimed(), NOW, None)


CANCELLED = "Error: The timer was deleted before this email was sent."


@pytest.mark.parametrize("state", [State.PENDING, State.RETRY])
def test_a_cancelled_mail_is_an_error_that_says_why(state: State) -> None:
    before = waiting(
        state,
        due_at=TOMORROW,
        attempts=3,
        tries=2,
        waiting_for="sendAt",
        error="Error: 450 later",
        category="service_unavailable",
        cause="server_error",
        error_code="450",
    )
    after = requests.cancelled(before, NOW + 1)
    assert (after.state, after.outcome, after.end_at) == (State.ERROR, Outcome.NOT_SENT, NOW + 1)
    assert (after.error, after.sentence) == (CANCELLED, requests.CANCELLED_SENTENCE)
    assert (after.category, after.cause, after.error_code) == (None, None, None)
    assert (after.waiting_for, after.attempts) == (None, 3)


def test_a_cancelled_mail_in_doubt_stays_in_doubt() -> None:
    in_doubt = waiting(State.RETRY, outcome=Outcome.UNKNOWN)
    assert requests.cancelled(in_doubt, NOW).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "delivery", [claimed(), ended(Outcome.SENT), ended(Outcome.NOT_SENT), ended(Outcome.UNKNOWN)]
)
def test_only_what_waits_is_cancelled(delivery: Delivery) -> None:
    with pytest.raises(Refused, match="cancelled"):
        requests.cancelled(delivery, NOW)
