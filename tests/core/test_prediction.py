"""When a waiting mail goes, and because of what: by hand-reckoned cases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core.account import DAY_MS, MINUTE_MS, SLOT_MS, Account, AccountState, Limits, Usage
from franking.core.prediction import FOREVER, Expectation, Standing, expected, held

NOW = 1_795_269_900_000
SLOT = NOW - NOW % SLOT_MS
FREE = Account("a")
DISCONNECTED = "account_disconnected"


@pytest.mark.parametrize(
    ("standing", "due_in", "at_in", "because"),
    [
        (Standing("ok"), 0, 0, None),
        (Standing("ok", paused_until=NOW + 5_000), 0, 5_000, "account_paused"),
        (Standing("ok", paused_until=NOW + 5_000, pauses=1), 0, 5_000, "send_limit"),
        (Standing("ok", paused_until=NOW + 5_000), 9_000, 9_000, None),
        (Standing("ok", paused_until=NOW - 5_000), 0, 0, None),
        (Standing("ok", paused_until=FOREVER), 0, None, "account_paused"),
        (Standing("disconnected"), 0, None, DISCONNECTED),
        (Standing("disconnected"), 9_000, 9_000, None),
        (Standing("disconnected", paused_until=NOW + 5_000), 0, None, DISCONNECTED),
    ],
)
def test_what_an_accounts_state_alone_says(
    standing: Standing, due_in: int, at_in: int | None, because: str | None
) -> None:
    at = None if at_in is None else NOW + at_in
    assert held(standing, NOW + due_in, NOW) == Expectation(at, because)


def test_without_limits_it_goes_when_it_is_due() -> None:
    assert expected(FREE, (), 500, NOW - 5, NOW) == Expectation(NOW - 5)
    assert expected(FREE, (), 500, NOW + 5, NOW) == Expectation(NOW + 5)


def test_a_full_bucket_goes_at_once_and_the_rest_a_token_each() -> None:
    account = replace(FREE, limits=Limits(per_minute=60))  # a bucket of 6, 54 more a minute
    assert expected(account, (), 5, NOW, NOW) == Expectation(NOW)
    found = expected(account, (), 6 + 53, NOW, NOW)
    assert found.because == "send_limit"
    assert found.at == pytest.approx(NOW + MINUTE_MS, abs=1_500)


def test_an_hours_pause_comes_before_the_minutes() -> None:
    until = NOW + 60 * MINUTE_MS
    account = replace(FREE, limits=Limits(per_minute=60), paused_until=until, pauses=1)
    assert expected(account, (), 0, NOW, NOW) == Expectation(until, "send_limit")
    found = expected(account, (), 6 + 53, NOW, NOW)
    assert found.at == pytest.approx(until + MINUTE_MS, abs=1_500)


def test_a_day_that_is_full_waits_for_its_oldest_slot() -> None:
    account = replace(FREE, limits=Limits(per_day=10))
    old, young = Usage(SLOT - 40 * SLOT_MS, 4, 4), Usage(SLOT, 6, 6)
    frees = [used.slot + SLOT_MS + DAY_MS for used in (old, young)]
    assert expected(account, (young, old), 3, NOW, NOW) == Expectation(frees[0], "send_limit")
    assert expected(account, (young, old), 4, NOW, NOW) == Expectation(frees[1], "send_limit")


def test_more_than_a_day_allows_goes_on_the_days_after() -> None:
    account = replace(FREE, limits=Limits(per_day=10))
    assert expected(account, (), 9, NOW, NOW) == Expectation(NOW)
    assert expected(account, (), 10, NOW, NOW) == Expectation(NOW + DAY_MS, "send_limit")
    assert expected(account, (), 20, NOW, NOW) == Expectation(NOW + 2 * DAY_MS, "send_limit")


def test_recipients_of_a_day_count_too() -> None:
    account = replace(FREE, limits=Limits(recipients_per_day=10))
    used = Usage(SLOT, 1, 10)
    free_at = used.slot + SLOT_MS + DAY_MS
    assert expected(account, (used,), 0, NOW, NOW) == Expectation(free_at, "send_limit")


def test_a_disconnected_account_has_no_time() -> None:
    account = replace(FREE, state=AccountState.DISCONNECTED, limits=Limits(per_day=1))
    assert expected(account, (), 0, NOW, NOW) == Expectation(None, DISCONNECTED)
