"""Evidence that comes late: every row of the table, and every state that is past it."""

from __future__ import annotations

import pytest

from franking.core.delivery import Delivery, Outcome, Stage, State
from franking.core.machine import Refused
from franking.core.proof import proved_sent, proved_unsent

from .lives import HOUR, INFO, NOW, claimed, ended, waiting

LATER = NOW + HOUR
IN_DOUBT = ended(Outcome.UNKNOWN, error="Error: lost", category="outcome_unknown", attempts=2)
UNSENT = ended(Outcome.NOT_SENT, error="Error: 550", category="unknown", cause="c", sentence="S")


@pytest.mark.parametrize(
    ("delivery", "attempts"),
    [
        (IN_DOUBT, 2),  # the doubt was counted when it ended
        (waiting(State.RETRY, epoch=1, releases=1), 1),  # released: not counted until now
        (waiting(State.RETRY, epoch=1, attempts=1, tries=1, outcome=Outcome.UNKNOWN), 1),
        (claimed(State.RETRY, epoch=2), 1),
        (claimed(State.RETRY, epoch=2, stage=Stage.COMPOSED), 1),
    ],
)
def test_proved_sent_is_success_and_counts_the_try_once(delivery: Delivery, attempts: int) -> None:
    proved = proved_sent(delivery, INFO, LATER)
    assert (proved.state, proved.outcome, proved.info) == (State.SUCCESS, Outcome.SENT, INFO)
    assert (proved.attempts, proved.end_at, proved.error) == (attempts, LATER, None)
    assert (proved.lease_expires_at, proved.stage) == (None, None)


@pytest.mark.parametrize(
    "delivery",
    [
        UNSENT,  # it ended otherwise, and nobody doubts it
        ended(None),  # preset
        ended(Outcome.SENT),
        waiting(State.PENDING),
        claimed(State.RETRY, stage=Stage.TRANSMITTING),  # the next attempt's own answer decides
        claimed(State.RETRY, stage=Stage.ANSWERED),
    ],
)
def test_proved_sent_comes_too_late_for_the_rest(delivery: Delivery) -> None:
    with pytest.raises(Refused):
        proved_sent(delivery, INFO, LATER)


def test_proved_unsent_is_an_error_with_its_fault() -> None:
    proved = proved_unsent(IN_DOUBT, "failed", UNSENT, last_doubt=True, now=LATER)
    assert (proved.state, proved.outcome, proved.end_at) == (
        State.ERROR,
        Outcome.NOT_SENT,
        LATER,
    )
    assert (proved.error, proved.category, proved.sentence) == ("Error: 550", "unknown", "S")
    assert (proved.attempts, proved.due_at) == (IN_DOUBT.attempts, IN_DOUBT.due_at)


def test_proved_unsent_leaves_the_doubt_of_another_attempt() -> None:
    with pytest.raises(Refused, match="another attempt"):
        proved_unsent(IN_DOUBT, "failed", UNSENT, last_doubt=False, now=LATER)


@pytest.mark.parametrize(
    "delivery",
    [
        UNSENT,
        ended(Outcome.SENT),
        waiting(State.PENDING),
        waiting(State.RETRY, outcome=Outcome.UNKNOWN),
        claimed(outcome=Outcome.UNKNOWN),
    ],
)
def test_proved_unsent_comes_too_late_for_the_rest(delivery: Delivery) -> None:
    with pytest.raises(Refused):
        proved_unsent(delivery, "failed", UNSENT, last_doubt=True, now=LATER)


def test_an_attempt_that_was_withheld_proves_unsent_in_words() -> None:
    withheld = waiting(State.RETRY, epoch=1, error="Error: 451 of an earlier try")
    proved = proved_unsent(IN_DOUBT, "returned", withheld, last_doubt=True, now=LATER)
    assert (proved.outcome, proved.category) == (Outcome.NOT_SENT, "unknown")
    assert proved.error == "Error: The worker lost its lease before it sent this message."
