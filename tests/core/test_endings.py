"""How an attempt ends: sent, refused, returned; each by what it leaves on the delivery."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core import endings
from franking.core.delivery import Bounds, Outcome, State
from franking.core.machine import Refused

from .lives import BOUNDS, HOUR, INFO, NOW, claimed, fault, waiting

LATER = NOW + 5_000


def test_sent_is_success_with_the_servers_words() -> None:
    delivery = endings.sent(claimed(attempts=2, tries=2), INFO, LATER)
    assert (delivery.state, delivery.outcome, delivery.info) == (
        State.SUCCESS,
        Outcome.SENT,
        INFO,
    )
    assert (delivery.attempts, delivery.end_at, delivery.give_up_at) == (3, LATER, None)


def test_sent_forgets_the_fault_before_it() -> None:
    _, failed = endings.refused(claimed(), fault(temporary=True), NOW, 0.5, BOUNDS)
    again = replace(claimed(State.RETRY), error=failed.error, category=failed.category)
    delivery = endings.sent(again, INFO, LATER)
    told = (delivery.error, delivery.category, delivery.cause, delivery.error_code)
    assert told == (None, None, None, None)
    assert delivery.sentence is None


def test_sent_frees_the_lease() -> None:
    delivery = endings.sent(claimed(), INFO, LATER)
    assert (delivery.lease_expires_at, delivery.stage, delivery.returns_to) == (None, None, None)


@pytest.mark.parametrize(
    ("tries", "attempts_allowed", "event", "state"),
    [
        (0, 5, "deferred", State.RETRY),
        (3, 5, "deferred", State.RETRY),
        (4, 5, "failed", State.ERROR),  # the fifth try was the last
        (0, 1, "failed", State.ERROR),  # the extension's way: never by itself
        (9, 5, "failed", State.ERROR),  # the setting was lowered meanwhile
    ],
)
def test_a_temporary_fault_is_tried_again_within_its_bound(
    tries: int, attempts_allowed: int, event: str, state: State
) -> None:
    bounds = Bounds(transient_attempts=attempts_allowed)
    found, delivery = endings.refused(claimed(tries=tries), fault(temporary=True), NOW, 0.5, bounds)
    assert (found, delivery.state) == (event, state)
    assert (delivery.end_at is None) is (state is State.RETRY)


def test_a_deferred_mail_is_due_after_its_wait_and_says_so() -> None:
    _, delivery = endings.refused(claimed(tries=1), fault(temporary=True), NOW, 0.5, BOUNDS)
    assert (delivery.due_at, delivery.tries, delivery.attempts) == (NOW + 120_000, 2, 1)
    assert (delivery.waiting_for, delivery.error) == ("retry", "Error: no")


def test_a_final_fault_fails_at_the_first_try() -> None:
    event, delivery = endings.refused(claimed(info=INFO), fault(), NOW, 0.5, BOUNDS)
    assert (event, delivery.state) == ("failed", State.ERROR)
    assert (delivery.end_at, delivery.outcome) == (NOW, Outcome.NOT_SENT)
    assert delivery.info is None


def test_the_verdict_is_told_whole() -> None:
    verdict = fault()
    _, delivery = endings.refused(claimed(), verdict, NOW, 0.5, BOUNDS)
    assert delivery.error == verdict.error
    assert (delivery.category, delivery.cause) == (verdict.category, verdict.cause)
    assert (delivery.error_code, delivery.sentence) == (verdict.code, verdict.sentence)


def test_a_rate_limit_uses_up_no_try() -> None:
    event, delivery = endings.refused(claimed(tries=4), fault(limited=True), NOW, 0.0, BOUNDS)
    assert (event, delivery.state) == ("deferred", State.RETRY)
    assert (delivery.tries, delivery.waits, delivery.attempts) == (4, 1, 1)
    assert (delivery.due_at, delivery.waiting_for) == (claimed().due_at, "send_limit")


def test_a_rate_limit_waits_three_days_in_all() -> None:
    _, first = endings.refused(claimed(), fault(limited=True), NOW, 0.0, BOUNDS)
    assert first.give_up_at == NOW + 72 * HOUR
    second = replace(claimed(State.RETRY), waits=first.waits, give_up_at=first.give_up_at)
    _, delivery = endings.refused(second, fault(limited=True), NOW + HOUR, 0.0, BOUNDS)
    assert (delivery.give_up_at, delivery.waits) == (NOW + 72 * HOUR, 2)


def test_a_rate_limit_waits_no_longer_than_the_document_says() -> None:
    limited = claimed(give_up_at=NOW + HOUR)
    _, delivery = endings.refused(limited, fault(limited=True), NOW, 0.0, BOUNDS)
    assert delivery.give_up_at == NOW + HOUR


def test_a_temporary_fault_ends_the_row_of_rate_limits() -> None:
    _, delivery = endings.refused(claimed(waits=3), fault(temporary=True), NOW, 0.5, BOUNDS)
    assert delivery.waits == 0


@pytest.mark.parametrize("before", [State.PENDING, State.RETRY])
def test_returned_is_as_before_and_counts_no_try(before: State) -> None:
    delivery = endings.returned(claimed(before, attempts=2, tries=1, releases=2, error="E"))
    assert delivery == waiting(before, epoch=1, attempts=2, tries=1, releases=2, error="E")


@pytest.mark.parametrize("state", [State.PENDING, State.RETRY, State.SUCCESS, State.ERROR])
def test_only_an_attempt_under_way_can_end(state: State) -> None:
    delivery = waiting(state)
    with pytest.raises(Refused):
        endings.sent(delivery, INFO, NOW)
    with pytest.raises(Refused):
        endings.refused(delivery, fault(), NOW, 0.5, BOUNDS)
    with pytest.raises(Refused):
        endings.doubted(delivery, False, NOW, 0.5, BOUNDS)
    with pytest.raises(Refused):
        endings.returned(delivery)
