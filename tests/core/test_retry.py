"""When to try again: growing, bounded and spread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core.retry import LIMIT_WAITS_MS, LONGEST_WAIT_MS, SPREAD, backoff_ms, limit_wait_ms

JITTERS = st.floats(0, 1, exclude_max=True)
BASE_MS = 30_000


@pytest.mark.parametrize(
    ("tries", "wait_ms"),
    [(1, 30_000), (2, 120_000), (3, 480_000), (4, 1_920_000), (5, 3_600_000), (900, 3_600_000)],
)
def test_each_temporary_fault_waits_four_times_as_long_up_to_an_hour(
    tries: int, wait_ms: int
) -> None:
    assert backoff_ms(tries, BASE_MS, 0.5) == wait_ms


@given(st.integers(-5, 10**6), st.integers(1, 10**6), JITTERS)
def test_a_wait_is_spread_by_a_fifth_at_most(tries: int, base_ms: int, jitter: float) -> None:
    middle = backoff_ms(tries, base_ms, 0.5)
    wait = backoff_ms(tries, base_ms, jitter)
    assert middle * (1 - SPREAD) - 2 <= wait <= middle * (1 + SPREAD) + 2
    assert wait <= LONGEST_WAIT_MS * (1 + SPREAD)


@pytest.mark.parametrize(
    ("refusals", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 60), (99, 60), (0, 1)]
)
def test_a_sending_limit_waits_in_steps(refusals: int, minutes: int) -> None:
    assert limit_wait_ms(refusals, 0.0) == minutes * 60_000


@given(st.integers(1, 100), JITTERS)
def test_a_sending_limit_never_waits_less_than_its_step(refusals: int, jitter: float) -> None:
    step = limit_wait_ms(refusals, 0.0)
    assert step in LIMIT_WAITS_MS
    assert step <= limit_wait_ms(refusals, jitter) <= step * (1 + SPREAD)
