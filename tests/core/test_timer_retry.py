"""Retry Timer's table (contract skyring, section 4), each row, for mails and other transports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from franking.core.delivery import Delivery, Outcome, State
from franking.core.prediction import Standing
from franking.core.timer import MAIL, TRANSPORTS, Callback, Timer, TimerState, Try
from franking.core.timer.retry import (
    LATEST_AGAIN_MS,
    SOONEST_AGAIN_MS,
    Mailed,
    Refusal,
    doubt_asked_at,
    refusal,
    told,
)

from .lives import HOUR, NOW, claimed, ended, waiting

C, V, X, F, D = TimerState
LATER = NOW + HOUR
WAIT = 5_000
IN_DOUBT = "This email may already have been delivered. Press Retry again to send it anyway."
LIMITED = "Your mailbox has reached its sending limit. This email will be sent automatically."

FAILED = ended(Outcome.NOT_SENT, error="Error: 550 no")
DOUBTFUL = ended(Outcome.UNKNOWN)
SENT = ended(Outcome.SENT)
PRESET = ended(None)
PAUSED = Standing("ok", LATER, 1)
BY_HAND = Standing("ok", LATER, 0)


def timer(state: TimerState, transport: str = MAIL, **fields: Any) -> Timer:
    made = Timer("t1", state, Callback(transport, "post", ""), NOW, NOW)
    return replace(made, **fields)


def refused(timer: Timer, mail: Delivery | None, hold: Standing | None = None) -> Refusal | None:
    mailed = None if mail is None else Mailed(mail, hold)
    return refusal(timer, mailed, NOW, force=False)


@pytest.mark.parametrize(
    ("state", "mail"),
    [
        (F, FAILED),
        (F, None),  # its mail was deleted since, or there never was one
        (F, PRESET),
        (D, None),  # deleted before it was served
        (D, FAILED),  # deleted while its mail waited: cancelled
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_what_failed_or_was_deleted_is_retried(
    state: TimerState, mail: Delivery | None, force: bool
) -> None:
    mailed = None if mail is None else Mailed(mail)
    assert refusal(timer(state), mailed, NOW, force) is None


# The row of the contract, the timer, its mail and what its account holds it for: words, reason,
# and when it goes by itself. `force` changes none of them.
ROWS = [
    # a timer that has not been served
    (timer(C, due_at=LATER), None, None, "already scheduled to be sent.", "scheduled", LATER),
    (timer(C, due_at=LATER), FAILED, None, "already scheduled to be sent.", "scheduled", LATER),
    # one whose mail has been written and waits to be sent for the first time
    (timer(V), waiting(due_at=LATER), None, "already scheduled", "scheduled", LATER),
    (timer(V), waiting(), BY_HAND, "already scheduled", "scheduled", NOW),
    # one whose email is being sent
    (timer(V), claimed(), None, "is being sent now.", "being_sent", None),
    (timer(V), claimed(State.RETRY), PAUSED, "is being sent now.", "being_sent", None),
    (timer(F), claimed(), None, "is being sent now.", "being_sent", None),
    (timer(D), claimed(), None, "is being sent now.", "being_sent", None),
    (timer(X), claimed(), None, "is being sent now.", "being_sent", None),
    # one whose email waits for a rate limit, with the time where it is known
    (
        timer(V),
        waiting(State.RETRY, waiting_for="send_limit", due_at=LATER),
        None,
        LIMITED,
        "send_limit",
        LATER,
    ),
    (timer(V), waiting(), PAUSED, LIMITED, "send_limit", LATER),
    (timer(V), waiting(State.RETRY), PAUSED, LIMITED, "send_limit", LATER),
    (
        timer(V),
        waiting(State.RETRY, waiting_for="send_limit"),
        Standing("disconnected"),
        LIMITED,
        "send_limit",
        None,
    ),
    # one whose email is being tried again after a temporary fault
    (
        timer(V),
        waiting(State.RETRY, due_at=LATER),
        None,
        "is being tried again automatically.",
        "tried_again",
        LATER,
    ),
    # one whose email was sent
    (timer(X), SENT, None, "was already sent.", "already_sent", None),
    (timer(X), None, None, "was already sent.", "already_sent", None),
    (timer(F), SENT, None, "was already sent.", "already_sent", None),
    (timer(D), SENT, None, "was already sent.", "already_sent", None),
    # a mail is made in the transaction that serves: there is none only for a moment of ours
    (timer(V), None, None, "is being sent now.", "being_sent", None),
]


@pytest.mark.parametrize(("timer", "mail", "hold", "words", "reason", "at"), ROWS)
@pytest.mark.parametrize("force", [False, True])
def test_what_is_under_way_or_done_is_refused_in_words(
    timer: Timer,
    mail: Delivery | None,
    hold: Standing | None,
    words: str,
    reason: str,
    at: int | None,
    force: bool,
) -> None:
    found = refusal(timer, None if mail is None else Mailed(mail, hold), NOW, force)
    assert found is not None
    assert (found.reason, found.at) == (reason, at)
    assert words in found.text
    assert "This email" in found.text


TRIED = (Try(1, NOW - WAIT, "503"), Try(2, NOW - 1, "503"))


@pytest.mark.parametrize(
    ("transport", "state", "fields", "words", "reason", "at"),
    [
        ("http", C, {"due_at": LATER}, "is already scheduled to be sent.", "scheduled", LATER),
        ("http", V, {"attempt": 1, "next_at": LATER}, "is being sent now.", "being_sent", None),
        (
            "http",
            V,
            {"attempt": 2, "tries": TRIED, "next_at": LATER},
            "is being tried again automatically.",
            "tried_again",
            LATER,
        ),
        # The third call is under way: counted before it was made, and not among the tries.
        (
            "http",
            V,
            {"attempt": 3, "tries": TRIED, "next_at": LATER},
            "is being sent now.",
            "being_sent",
            None,
        ),
        ("http", X, {}, "was already sent.", "already_sent", None),
        ("tcp", C, {"due_at": LATER}, "is already scheduled to be sent.", "scheduled", LATER),
        ("tcp", X, {}, "was already sent.", "already_sent", None),
    ],
)
def test_a_timer_that_calls_out_is_called_a_timer(
    transport: str,
    state: TimerState,
    fields: dict[str, Any],
    words: str,
    reason: str,
    at: int | None,
) -> None:
    found = refused(timer(state, transport, **fields), None)
    assert found == Refusal(f"This timer {words}", reason, at)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("state", [F, D])
def test_a_timer_of_any_transport_that_ended_badly_is_retried(
    transport: str, state: TimerState
) -> None:
    assert refused(timer(state, transport, tries=TRIED, attempt=2), None) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[4])
def test_the_old_smtp_transport_says_timer_too(row: Any) -> None:
    found = refused(replace(row[0], callback=Callback("smtp", "", "")), row[1], row[2])
    assert found is not None
    assert "This email" not in found.text
    assert "This timer" in found.text


@pytest.mark.parametrize("state", [F, D])
def test_an_unknown_outcome_is_asked_about_first(state: TimerState) -> None:
    assert refused(timer(state), DOUBTFUL) == Refusal(IN_DOUBT, "outcome_unknown")
    assert refusal(timer(state), Mailed(DOUBTFUL), NOW, force=True) is None


@pytest.mark.parametrize(
    ("waited_ms", "goes"),
    [
        (0, False),
        (1, False),
        (SOONEST_AGAIN_MS - 1, False),  # a double click
        (SOONEST_AGAIN_MS, True),
        (60_000, True),
        (LATEST_AGAIN_MS, True),
        (LATEST_AGAIN_MS + 1, False),  # another occasion
        (24 * HOUR, False),
        (-1, False),  # the clock was set back
    ],
)
def test_a_second_press_goes_ahead_in_its_time(waited_ms: int, goes: bool) -> None:
    asked = timer(F, asked_at=NOW - waited_ms)
    assert (refused(asked, DOUBTFUL) is None) is goes


@pytest.mark.parametrize(
    ("asked_at", "put_at"),
    [
        (None, NOW),
        (NOW, NOW),
        (NOW - 1, NOW - 1),  # a double click does not put it off
        (NOW - LATEST_AGAIN_MS, NOW - LATEST_AGAIN_MS),
        (NOW - LATEST_AGAIN_MS - 1, NOW),
        (NOW + 1, NOW),  # the clock was set back
    ],
)
def test_when_the_question_was_put(asked_at: int | None, put_at: int) -> None:
    assert doubt_asked_at(timer(F, asked_at=asked_at), NOW) == put_at


@given(presses=st.lists(st.integers(0, 2 * LATEST_AGAIN_MS), max_size=20))
def test_however_often_it_is_pressed_each_try_was_asked_for_twice(presses: list[int]) -> None:
    now, last_put, found = NOW, None, timer(F)
    for wait in presses:
        now += wait
        if refusal(found, Mailed(DOUBTFUL), now, force=False) is None:
            assert last_put is not None
            assert SOONEST_AGAIN_MS <= now - last_put <= LATEST_AGAIN_MS
            found, last_put = timer(F), None  # it was sent anyway, and is in doubt again
        else:
            found = replace(found, asked_at=doubt_asked_at(found, now))
            last_put = found.asked_at


@pytest.mark.parametrize(
    ("refused", "body"),
    [
        (Refusal("No.", "already_sent"), {"error_message": "No.", "reason": "already_sent"}),
        (
            Refusal("No.", "scheduled", NOW),
            {
                "error_message": "No.",
                "reason": "scheduled",
                "nextAttemptTime": "2026-11-21T14:05:00.000Z",
            },
        ),
    ],
)
def test_a_refusal_as_an_answer(refused: Refusal, body: dict[str, Any]) -> None:
    assert told(refused) == body
