"""Which of the seven events a fact is: the whole table."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.delivery import ARROWS, Delivery, Outcome, State
from franking.core.lifecycle import (
    FROM_SCRATCH,
    Told,
    begun,
    changed,
    fact,
    moment,
    removed,
    settled,
)

P, W, R, S, E = State.PENDING, State.PROCESSING, State.RETRY, State.SUCCESS, State.ERROR
NOW = 1_000


def delivery(state: State, **fields: Any) -> Delivery:
    return Delivery(state=state, due_at=NOW, start_at=NOW - 1, **fields)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (delivery(P), "onStart onPending"),
        (delivery(R), "onStart onRetry"),
        (delivery(W), "onStart onProcessing"),
        # It came with its end; and it was refused, which is an end of ours.
        (delivery(S), "onStart onComplete"),
        (delivery(E), "onStart onComplete"),
        (delivery(E, end_at=NOW), "onStart onComplete onError"),
    ],
)
def test_what_begins(given: Delivery, told: str) -> None:
    assert " ".join(begun(given)) == told


ENDS = [
    ("sent", S, "onComplete onSuccess"),
    ("failed", E, "onComplete onError"),
    ("deferred", R, "onComplete onRetry"),
    ("doubted", E, "onComplete onError"),
    ("doubted", R, "onComplete onRetry"),
    ("expired", E, "onComplete onError"),
    ("expired", R, "onComplete onRetry"),
    # No try was counted.
    ("returned", P, "onPending"),
    ("returned", R, "onRetry"),
    ("released", R, "onRetry"),
    ("released", E, "onComplete onError"),
]


@pytest.mark.parametrize(("event", "state", "told"), ENDS)
def test_how_an_attempt_ends(event: str, state: State, told: str) -> None:
    assert " ".join(settled(event, delivery(state))) == told


def test_every_end_of_an_attempt_is_in_that_table() -> None:
    """Every arrow out of PROCESSING but late proof and a restore, which `changed` tells of."""
    arrows = {(one.event, one.target) for one in ARROWS if one.source == W}
    assert {*arrows} - {("proved_sent", S), ("restored", E)} == {
        (event, state) for event, state, _ in ENDS
    }


@pytest.mark.parametrize(
    ("before", "after", "asked", "told"),
    [
        # A person's new round.
        (delivery(E), delivery(R), R, "onRetry"),
        (delivery(R), delivery(R), R, "onRetry"),
        (delivery(S), delivery(P), P, "onPending"),
        (delivery(E), delivery(P), FROM_SCRATCH, "onStart onPending"),
        (delivery(P), delivery(P), FROM_SCRATCH, "onStart onPending"),
        (delivery(S), delivery(E, end_at=NOW), FROM_SCRATCH, "onStart onComplete onError"),
        # It waited too long, or was cancelled.
        (delivery(P), delivery(E), None, "onComplete onError"),
        (delivery(R), delivery(E), None, "onComplete onError"),
        # Late proof.
        (delivery(R), delivery(S), None, "onComplete onSuccess"),
        (delivery(W), delivery(S), None, "onComplete onSuccess"),
        (delivery(E, outcome=Outcome.UNKNOWN), delivery(S), None, "onSuccess"),
        (
            delivery(E, outcome=Outcome.UNKNOWN),
            delivery(E, outcome=Outcome.NOT_SENT),
            None,
            "onError",
        ),
        # An edit moves times, or writes the same once more.
        (delivery(P), replace(delivery(P), due_at=NOW + 1), None, ""),
        (delivery(E), delivery(E), None, ""),
        (delivery(S), delivery(S), None, ""),
    ],
)
def test_what_else_happens(before: Delivery, after: Delivery, asked: str | None, told: str) -> None:
    assert " ".join(changed(before, after, asked)) == told


@pytest.mark.parametrize(
    ("state", "told"), [(P, "onComplete"), (R, "onComplete"), (S, ""), (E, "")]
)
def test_what_a_deletion_ends(state: State, told: str) -> None:
    assert " ".join(removed(delivery(state))) == told


@pytest.mark.parametrize(
    ("after", "asked", "at"),
    [
        (delivery(R), R, NOW),
        (delivery(P), FROM_SCRATCH, NOW - 1),
        (delivery(E, end_at=NOW + 5), FROM_SCRATCH, NOW - 1),
        (delivery(E, end_at=NOW + 5), None, NOW + 5),
        (delivery(E), None, NOW),
    ],
)
def test_when_it_happened(after: Delivery, asked: str | None, at: int) -> None:
    assert moment(after, asked) == at


def test_a_fact_of_nothing_is_none() -> None:
    assert fact((), NOW) is None
    assert fact((Told.START, Told.PENDING), NOW) == (NOW, "onStart", "onPending")
