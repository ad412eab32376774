"""What an account may send: its limits, its pauses, and the probe after a pause."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from franking.core import account as policy
from franking.core.account import (
    DAY_MS,
    LONGEST_PAUSE_MS,
    MINUTE_MS,
    RESUMED_PER_MINUTE,
    SLOT_MS,
    Account,
    AccountState,
    Limits,
    Usage,
    allowance,
)

NOW = 1_795_269_900_000
HOUR = 60 * MINUTE_MS
FREE = Account("a")


@pytest.mark.parametrize(
    ("account", "again_at"),
    [
        (replace(FREE, state=AccountState.DISCONNECTED), NOW + DAY_MS),
        (replace(FREE, paused_until=NOW + 5), NOW + 5),
        (replace(FREE, pauses=1, probe_until=NOW + 7), NOW + 7),
    ],
)
def test_what_is_held_may_send_nothing(account: Account, again_at: int) -> None:
    allowed = allowance(account, [], NOW)
    assert (allowed.mails, allowed.again_at) == (0, again_at)


def test_without_limits_everything_may_go() -> None:
    assert allowance(FREE, [], NOW).mails == policy.MANY


def test_after_a_pause_one_mail_is_tried() -> None:
    allowed = allowance(replace(FREE, pauses=2, paused_until=NOW), [], NOW)
    assert (allowed.mails, allowed.probe) == (1, True)


def test_several_mails_that_meet_a_limit_at_once_make_one_pause() -> None:
    first = policy.limited(FREE, NOW + MINUTE_MS, "550 5.4.5", NOW)
    second = policy.limited(first, NOW + 2 * MINUTE_MS, "550 5.4.5", NOW + 1)
    assert (first.pauses, second.pauses) == (1, 1)
    assert second.paused_until == NOW + 2 * MINUTE_MS


def test_a_limit_met_by_the_probe_is_another_pause() -> None:
    first = policy.limited(FREE, NOW + MINUTE_MS, "why", NOW)
    again = policy.limited(first, NOW + HOUR, "why", NOW + MINUTE_MS)
    assert (again.pauses, again.since, again.probe_until) == (2, NOW, None)


@pytest.mark.parametrize(("told", "until"), [(NOW - HOUR, NOW + 1000), (NOW + 9 * DAY_MS, None)])
def test_a_providers_time_is_bounded(told: int, until: int | None) -> None:
    paused = policy.limited(FREE, told, "why", NOW)
    assert paused.paused_until == (until or NOW + LONGEST_PAUSE_MS)


def test_a_probe_that_went_ends_the_pausing() -> None:
    paused = replace(FREE, pauses=3, paused_until=NOW, probe_until=NOW, reason="why", since=NOW)
    assert policy.proved(paused) == FREE


def test_a_probe_that_met_a_connection_fault_proves_nothing() -> None:
    paused = replace(FREE, pauses=3, paused_until=NOW, probe_until=NOW + HOUR)
    assert policy.probe_failed(paused) == replace(paused, probe_until=None)


def test_what_waited_is_spread_out_after_resuming() -> None:
    account = policy.resumed(policy.disconnected(FREE, "535", NOW), NOW)
    assert account.state is AccountState.OK
    assert _sent_within(account, NOW, MINUTE_MS) <= RESUMED_PER_MINUTE
    later = NOW + policy.RESUMED_MS
    assert allowance(account, [], later).mails == policy.MANY


def test_a_day_is_counted_until_its_oldest_quarter_of_an_hour_is_a_day_old() -> None:
    account = replace(FREE, limits=Limits(per_day=10))
    used = [Usage(NOW - DAY_MS, 7, 7), Usage(NOW - HOUR, 3, 3)]
    assert allowance(account, used, NOW).again_at == NOW + SLOT_MS
    assert allowance(account, used, NOW + SLOT_MS - 1).mails == 0
    assert allowance(account, used, NOW + SLOT_MS).mails == 7


def test_recipients_of_a_day_are_counted_beside_its_mails() -> None:
    account = replace(FREE, limits=Limits(recipients_per_day=10))
    allowed = allowance(account, [Usage(NOW, 1, 6)], NOW)
    assert (allowed.mails, allowed.recipients) == (policy.MANY, 4)


@given(
    limit=st.integers(1, 2_000),
    waits=st.lists(st.integers(0, 90_000), min_size=1, max_size=60),
    wish=st.integers(1, 3_000),
)
@settings(deadline=None, max_examples=200)
def test_no_minute_ever_sees_more_than_its_limit(limit: int, waits: list[int], wish: int) -> None:
    account = replace(FREE, limits=Limits(per_minute=limit))
    sent: list[tuple[int, int]] = []
    now = NOW
    for wait in waits:
        now += wait
        allowed = allowance(account, [], now)
        taken = min(allowed.mails, wish)
        assert allowed.tokens is not None
        account = replace(account, tokens=allowed.tokens - taken, tokens_at=now)
        sent.append((now, taken))
        within = sum(count for at, count in sent if at > now - MINUTE_MS)
        assert within <= limit + 1


@given(limit=st.integers(1, 2_000))
@settings(deadline=None)
def test_an_empty_bucket_says_when_the_next_mail_may_go(limit: int) -> None:
    account = replace(FREE, limits=Limits(per_minute=limit), tokens=0.0, tokens_at=NOW)
    again_at = allowance(account, [], NOW).again_at
    assert again_at is not None
    assert allowance(account, [], again_at).mails >= 1
    assert allowance(account, [], again_at - 2).mails == 0


def _sent_within(account: Account, start: int, span_ms: int) -> int:
    sent = 0
    for now in range(start, start + span_ms, 250):
        allowed = allowance(account, [], now)
        assert allowed.tokens is not None
        account = replace(account, tokens=allowed.tokens - allowed.mails, tokens_at=now)
        sent += allowed.mails
    return sent
