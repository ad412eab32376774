"""What follows from telling a webhook: tries, waits, pauses, and secrets that are replaced."""

from __future__ import annotations

import pytest

from franking.core.webhook import (
    FEWEST_TRIES,
    FIRST_WAIT_MS,
    LONGEST_ASKED_MS,
    LONGEST_MS,
    LONGEST_PAUSE_MS,
    LONGEST_WAIT_MS,
    MOST_TRIES,
    OLD_SECRET_MS,
    PAUSE_MS,
    Posted,
    Secrets,
    asked_ms,
    pause,
    report,
    written,
)

NOW = 1_795_269_900_000
NO = Posted("500 No")
ONE, OTHER, THIRD = (written(bytes([n]) * 32) for n in range(3))


def waits(tries: int, posted: Posted = NO, jitter: float = 1.0) -> int:
    found = report(7, "m1", tries, NOW, posted, NOW, jitter)
    assert (found.state, found.error) == ("waiting", posted.error)
    return found.next_at - NOW


def test_what_was_taken_is_told() -> None:
    found = report(7, "m1", 3, NOW, Posted(), NOW + 5, 0.5)
    assert (found.state, found.error, found.seq, found.mail) == ("told", None, 7, "m1")


def test_waits_double_up_to_the_longest_and_are_spread() -> None:
    assert [waits(tries) for tries in range(4)] == [5_000, 10_000, 20_000, 40_000]
    assert waits(0, jitter=0.0) == FIRST_WAIT_MS // 2
    assert waits(MOST_TRIES - 2) == LONGEST_WAIT_MS


def test_the_tries_last_for_two_days() -> None:
    total = sum(waits(tries) for tries in range(MOST_TRIES - 1))
    assert 40 < total / 3_600_000 < 72


@pytest.mark.parametrize(
    ("asked", "wait"), [(1, 5_000), (60_000, 60_000), (LONGEST_ASKED_MS * 9, LONGEST_ASKED_MS)]
)
def test_a_time_that_is_asked_for_is_kept_to_within_bounds(asked: int, wait: int) -> None:
    assert waits(0, Posted("429 Slow Down", asked)) == wait
    assert asked_ms(Posted("429 Slow Down", asked)) == min(asked, LONGEST_ASKED_MS)


@pytest.mark.parametrize(
    ("tries", "age", "state"),
    [
        (MOST_TRIES - 2, 0, "waiting"),
        (MOST_TRIES - 1, 0, "parked"),
        (FEWEST_TRIES - 1, LONGEST_MS - 1, "waiting"),
        (FEWEST_TRIES - 1, LONGEST_MS, "parked"),
        # It was never tried while the webhook was paused or disabled.
        (0, LONGEST_MS * 9, "waiting"),
        (FEWEST_TRIES - 2, LONGEST_MS * 9, "waiting"),
    ],
)
def test_there_is_an_end_to_tries(tries: int, age: int, state: str) -> None:
    assert report(7, "m1", tries, NOW - age, NO, NOW, 0.5).state == state


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause(n, 1.0) for n in range(3)] == [PAUSE_MS, PAUSE_MS * 2, PAUSE_MS * 4]
    assert pause(50, 1.0) == LONGEST_PAUSE_MS
    assert pause(0, 0.0) == PAUSE_MS // 2


def test_a_secret_that_is_replaced_signs_for_a_day() -> None:
    both = Secrets(ONE).followed_by(OTHER, NOW)
    assert both.signing(NOW) == (OTHER, ONE)
    assert both.signing(NOW + OLD_SECRET_MS - 1) == (OTHER, ONE)
    assert both.signing(NOW + OLD_SECRET_MS) == (OTHER,)
    assert both.followed_by(THIRD, NOW).signing(NOW) == (THIRD, OTHER)
    assert both.followed_by(OTHER, NOW + 1) == both
    assert ONE not in repr(both)
