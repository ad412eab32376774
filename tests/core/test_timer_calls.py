"""What a call to a timer's receiver came to: done, tried again and when, or failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core.timer import Callback, Timer, TimerEnd, TimerState, Try
from franking.core.timer.calls import (
    ERROR_CHARACTERS,
    LONGEST_WAIT_MS,
    MOST_TRIES,
    WAITS_MS,
    Called,
    ended,
)

NOW = 1_795_269_900_000
AGAIN = Called("503 Service Unavailable", again=True)
NEARLY_ONE = 0.999_999_999


def served(tries: int = 0) -> Timer:
    """A timer under its lease, after so many tries that ended badly."""
    bad = tuple(Try(n + 1, NOW - 1_000 + n, "503") for n in range(tries))
    callback = Callback("http", "post", "http://a.example/")
    state = TimerState.SERVED
    return Timer("t1", state, callback, NOW, NOW, epoch=9, attempt=tries + 1, tries=bad, seq=4)


@pytest.mark.parametrize("tries", range(MOST_TRIES))
def test_a_call_that_was_taken_is_executed(tries: int) -> None:
    end = ended(served(tries), Called(), NOW, 0.5)
    assert end == TimerEnd(4, 9, TimerState.EXECUTED, NOW)


@pytest.mark.parametrize("tries", range(MOST_TRIES))
def test_what_no_other_try_would_help_fails_at_once(tries: int) -> None:
    end = ended(served(tries), Called("404 Not Found"), NOW, 0.5)
    tried = Try(tries + 1, NOW, "404 Not Found")
    assert end == TimerEnd(4, 9, TimerState.FAILED, NOW, "404 Not Found", None, tried)


@pytest.mark.parametrize(
    ("tries", "jitter", "wait_ms"),
    [
        (0, 0.0, 4_000),
        (0, 0.5, 5_000),
        (0, NEARLY_ONE, 5_999),
        (1, 0.0, 24_000),
        (1, 0.5, 30_000),
        (1, NEARLY_ONE, 35_999),
        (2, 0.0, 96_000),
        (2, 0.5, 120_000),
        (2, NEARLY_ONE, 143_999),
        (3, 0.0, 356_000),
        (3, 0.5, 445_000),
        (3, NEARLY_ONE, 533_999),
    ],
)
def test_the_waits_between_tries(tries: int, jitter: float, wait_ms: int) -> None:
    end = ended(served(tries), AGAIN, NOW, jitter)
    assert (end.state, end.next_at) == (TimerState.SERVED, NOW + wait_ms)
    assert (end.error, end.tried) == (None, Try(tries + 1, NOW, "503 Service Unavailable"))


@pytest.mark.parametrize("tries", [MOST_TRIES - 1, MOST_TRIES, 100])
def test_the_last_try_fails_with_its_error(tries: int) -> None:
    end = ended(served(tries), AGAIN, NOW, 0.5)
    assert (end.state, end.next_at) == (TimerState.FAILED, None)
    assert end.error == "503 Service Unavailable"
    assert end.tried == Try(tries + 1, NOW, "503 Service Unavailable")


def test_five_tries_take_about_ten_minutes() -> None:
    timer, now, calls = served(), NOW, 1
    while (end := ended(timer, AGAIN, now, 0.5)).next_at is not None:
        timer, now, calls = served(calls), end.next_at, calls + 1
    assert calls == MOST_TRIES == 5
    assert now - NOW == sum(WAITS_MS) == 600_000


@pytest.mark.parametrize(
    ("after_ms", "wait_ms"),
    [
        (None, 5_000),
        (0, 5_000),
        (-60_000, 5_000),
        (4_999, 5_000),  # never sooner than we would have come ourselves
        (60_000, 60_000),
        (LONGEST_WAIT_MS, LONGEST_WAIT_MS),
        (LONGEST_WAIT_MS + 1, LONGEST_WAIT_MS),
        (10**15, LONGEST_WAIT_MS),
    ],
)
def test_a_retry_after_is_honoured_up_to_an_hour(after_ms: int | None, wait_ms: int) -> None:
    called = Called("429", again=True, after_ms=after_ms)
    assert ended(served(), called, NOW, 0.5).next_at == NOW + wait_ms


def test_a_retry_after_buys_no_further_try() -> None:
    called = Called("429", again=True, after_ms=60_000)
    assert ended(served(MOST_TRIES - 1), called, NOW, 0.5).state is TimerState.FAILED


@pytest.mark.parametrize("again", [True, False])
def test_a_long_error_is_cut(again: bool) -> None:
    end = ended(served(), Called("x" * 9_999, again=again), NOW, 0.5)
    assert end.tried is not None
    assert len(end.tried.error) == ERROR_CHARACTERS
    assert end.error is None if again else len(end.error or "") == ERROR_CHARACTERS


@given(tries=st.integers(0, 9), jitter=st.floats(0, 1, exclude_max=True), after=st.integers())
def test_a_wait_is_never_shorter_than_its_step_nor_longer_than_an_hour(
    tries: int, jitter: float, after: int
) -> None:
    end = ended(served(tries), Called("x", again=True, after_ms=after), NOW, jitter)
    if end.next_at is None:
        assert tries + 1 >= MOST_TRIES
    else:
        assert WAITS_MS[tries] * 0.8 - 1 <= end.next_at - NOW <= LONGEST_WAIT_MS
