"""Endings that nobody reported: doubt, leases that ran out, waits that took too long."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from franking.core import endings
from franking.core.delivery import (
    CONNECTION_LOST,
    LEASE_EXPIRED,
    Bounds,
    Delivery,
    Outcome,
    Stage,
    State,
)
from franking.core.machine import Refused

from .lives import BOUNDS, HOUR, INFO, NOW, claimed, ended, waiting


def test_doubt_is_an_error_that_says_so() -> None:
    delivery = endings.doubted(claimed(), False, NOW, 0.5, BOUNDS)
    assert (delivery.state, delivery.outcome) == (State.ERROR, Outcome.UNKNOWN)
    assert (delivery.error, delivery.category) == (CONNECTION_LOST, "outcome_unknown")
    assert (delivery.attempts, delivery.end_at, delivery.info) == (1, NOW, None)


def test_doubt_resends_where_the_document_says_so() -> None:
    delivery = endings.doubted(claimed(tries=1), True, NOW, 0.5, BOUNDS)
    assert (delivery.state, delivery.outcome) == (State.RETRY, Outcome.UNKNOWN)
    assert (delivery.tries, delivery.due_at, delivery.end_at) == (2, NOW + 120_000, None)


def test_doubt_resends_within_the_bounded_tries_only() -> None:
    last = claimed(tries=BOUNDS.transient_attempts - 1)
    delivery = endings.doubted(last, True, NOW, 0.5, BOUNDS)
    assert (delivery.state, delivery.outcome) == (State.ERROR, Outcome.UNKNOWN)


@pytest.mark.parametrize("stage", [Stage.TRANSMITTING, Stage.ANSWERED])
def test_a_lease_that_ran_out_after_the_dot_may_go_is_expired(stage: Stage) -> None:
    event, delivery = endings.lapsed(claimed(stage=stage), False, NOW, 0.5, BOUNDS)
    assert (event, delivery.state, delivery.outcome) == ("expired", State.ERROR, Outcome.UNKNOWN)
    assert (delivery.error, delivery.end_at, delivery.attempts) == (LEASE_EXPIRED, NOW, 1)


def test_an_expired_mail_resends_where_the_document_says_so() -> None:
    transmitting = claimed(stage=Stage.TRANSMITTING)
    event, delivery = endings.lapsed(transmitting, True, NOW, 0.5, BOUNDS)
    assert (event, delivery.state) == ("expired", State.RETRY)
    assert (delivery.tries, delivery.error) == (1, LEASE_EXPIRED)


@pytest.mark.parametrize("stage", [Stage.CLAIMED, Stage.COMPOSED])
def test_a_lease_that_ran_out_before_the_dot_is_released(stage: Stage) -> None:
    before = claimed(stage=stage, attempts=2, tries=1, waits=1)
    event, delivery = endings.lapsed(before, False, NOW, 0.5, BOUNDS)
    assert (event, delivery.state) == ("released", State.RETRY)
    assert (delivery.attempts, delivery.tries, delivery.releases) == (2, 1, 1)
    assert (delivery.due_at, delivery.lease_expires_at, delivery.stage) == (NOW, None, None)


def test_the_fifth_release_in_a_row_is_an_error() -> None:
    delivery = claimed()
    events = []
    while delivery.state is State.PROCESSING:
        event, after = endings.lapsed(delivery, False, NOW, 0.5, BOUNDS)
        events.append((event, after.state))
        again = replace(claimed(State.RETRY), releases=after.releases)
        delivery = again if after.state is State.RETRY else after
    assert events == [("released", State.RETRY)] * 4 + [("released", State.ERROR)]
    assert (delivery.attempts, delivery.end_at) == (1, NOW)
    assert delivery.error is not None
    assert "5 times" in delivery.error


def test_any_answer_ends_the_row_of_releases() -> None:
    assert endings.sent(claimed(releases=4), INFO, NOW).releases == 0
    assert endings.doubted(claimed(releases=4), True, NOW, 0.5, BOUNDS).releases == 0


def test_a_processing_that_came_from_outside_expires_as_the_extension_says() -> None:
    preset = waiting(State.PROCESSING, attempts=7, lease_expires_at=NOW - 1)
    event, delivery = endings.lapsed(preset, True, NOW, 0.5, BOUNDS)
    assert (event, delivery.state) == ("expired", State.ERROR)
    assert delivery.error == "Message processing lease expired."
    assert (delivery.attempts, delivery.end_at, delivery.lease_expires_at) == (7, None, None)


@pytest.mark.parametrize(
    ("fields", "error", "category"),
    [
        ({}, "Error: Not sent within the time it may wait.", "service_unavailable"),
        (
            {"waiting_for": "sendAt"},
            "Error: Not sent within the time it may wait. It waited for: sendAt.",
            "service_unavailable",
        ),
        (
            {
                "state": State.RETRY,
                "waiting_for": "send_limit",
                "error": "Error: 5.4.5",
                "category": "send_limit",
                "cause": "account_rate_limited",
            },
            "Error: Not sent within the time it may wait. It waited for: send_limit."
            " Last answer: Error: 5.4.5",
            "send_limit",
        ),
    ],
)
def test_waiting_too_long_is_an_error_that_names_what_it_waited_for(
    fields: dict[str, Any], error: str, category: str
) -> None:
    delivery = endings.waited_out(waiting(**fields), NOW)
    assert (delivery.state, delivery.error, delivery.category) == (State.ERROR, error, category)
    assert (delivery.outcome, delivery.end_at) == (Outcome.NOT_SENT, NOW)
    assert (delivery.waiting_for, delivery.attempts) == (None, 0)


def test_a_mail_in_doubt_stays_in_doubt_when_it_waited_too_long() -> None:
    in_doubt = endings.doubted(claimed(), True, NOW, 0.5, BOUNDS)
    delivery = endings.waited_out(in_doubt, NOW + HOUR)
    assert (delivery.state, delivery.outcome) == (State.ERROR, Outcome.UNKNOWN)
    assert delivery.category == "outcome_unknown"


def test_a_mail_in_doubt_stays_in_doubt_when_it_is_released_too_often() -> None:
    in_doubt = claimed(State.RETRY, releases=4, outcome=Outcome.UNKNOWN)
    _, delivery = endings.lapsed(in_doubt, True, NOW, 0.5, BOUNDS)
    assert (delivery.state, delivery.outcome) == (State.ERROR, Outcome.UNKNOWN)


@pytest.mark.parametrize("delivery", [claimed(), ended(Outcome.SENT), ended(Outcome.NOT_SENT)])
def test_only_what_waits_can_wait_too_long(delivery: Delivery) -> None:
    with pytest.raises(Refused):
        endings.waited_out(delivery, NOW)


@pytest.mark.parametrize("state", [State.PENDING, State.RETRY, State.SUCCESS, State.ERROR])
def test_only_a_lease_can_lapse(state: State) -> None:
    for epoch in (0, 1):
        with pytest.raises(Refused):
            endings.lapsed(waiting(state, epoch=epoch), False, NOW, 0.5, Bounds())
