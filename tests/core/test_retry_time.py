"""When a peer says that it may be tried again, and how far that is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core.fault import Failure, judge, translate
from franking.core.retry_time import retry_at

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SOON = NOON + timedelta(minutes=1)
LATEST = NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("words", "header", "told"),
    [
        ("user-rate limit exceeded. retry after 2026-11-21t12:30:00.000z", None, "12:30:00"),
        ("limit exceeded, try again after sat, 21 nov 2026 13:00:31 utc", None, "13:00:31"),
        ("try again in up to 10 minutes", None, "12:10:00"),
        ("greylisted, please retry in 300 seconds", None, "12:05:00"),
        ("wait at least 2 hours", None, "14:00:00"),
        ("", "120", "12:02:00"),
        ("", " 30 ", "12:00:30"),
        ("", "Sat, 21 Nov 2026 12:45:00 GMT", "12:45:00"),
        ("retry after 2026-11-21t12:30:00.000z", "60", "12:01:00"),
        ("retry after 2026-11-21t12:30:00.000z", "nonsense", "12:30:00"),
    ],
)
def test_a_time_is_read(words: str, header: str | None, told: str) -> None:
    assert retry_at(words, header, NOON) == datetime.fromisoformat(f"2026-11-21T{told}Z")


@pytest.mark.parametrize(
    ("words", "header", "at"),
    [
        ("retry after 2020-01-01t00:00:00.000z", None, SOON),
        ("retry after 2026-11-21t12:00:00z", None, SOON),
        ("retry after 2096-01-01t00:00:00.000z", None, LATEST),
        ("", "0", SOON),
        ("", "999999999999999999999", LATEST),
        ("try again after 99999 hours", None, LATEST),
    ],
)
def test_a_time_is_bounded(words: str, header: str | None, at: datetime) -> None:
    assert retry_at(words, header, NOON) == at


@pytest.mark.parametrize(
    ("words", "header"),
    [
        ("", None),
        ("retry later", None),
        ("retry after 2026-99-99t99:99:99z", None),
        ("delivered 2026-11-21t12:30:00z", None),
        ("", "-5"),
        ("", "١٢"),
    ],
)
def test_no_time_is_guessed(words: str, header: str | None) -> None:
    assert retry_at(words, header, NOON) is None


def test_a_time_counts_only_where_waiting_helps() -> None:
    final = translate("550 5.1.1 No such user, try again in 5 minutes", now=NOON)
    passing = translate("450 4.7.1 Greylisted, try again in 5 minutes", now=NOON)
    assert (final.retry_at, passing.retry_at) == (None, NOON + timedelta(minutes=5))


def test_the_sentence_names_the_time_and_its_zone() -> None:
    limit = "Daily user sending limit exceeded"
    near = translate(limit, retry_after="7200", now=NOON)
    far = translate(limit, retry_after="80000", now=NOON)
    none = translate(limit)
    assert near.sentence.endswith("sent automatically around 14:00 UTC.")
    assert far.sentence.endswith("sent automatically around 22 November, 10:13 UTC.")
    assert none.sentence.endswith("sent automatically.")


def test_judge_counts_in_milliseconds() -> None:
    failure = Failure("mail", "550 5.4.5 Daily user sending limit exceeded", "", retry_after="60")
    assert judge(failure, now=1_000).retry_ms == 61_000
    assert judge(failure).retry_ms is None


@given(st.text(), st.none() | st.text(), st.datetimes(timezones=st.just(UTC) | st.none()))
def test_any_words_give_a_time_within_a_day_or_none(
    words: str, header: str | None, now: datetime
) -> None:
    told = retry_at(f"retry after {words}", header, now)
    asked = now if now.tzinfo else now.replace(tzinfo=UTC)
    assert told is None or timedelta(0) < told - asked <= timedelta(days=1)


def test_a_zone_is_kept_in_mind() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert retry_at("", "60", tokyo) == SOON
