"""RFC 3339 times: what is read, what is refused, and that writing and reading agree."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core import times

NOON = 1_795_269_900_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-21T14:05:00.000Z", NOON),
        ("2026-11-21t14:05:00z", NOON),
        ("2026-11-21 14:05:00Z", NOON),
        ("2026-11-21T15:05:00+01:00", NOON),
        ("2026-11-21T09:35:00-04:30", NOON),
        ("2026-11-21T14:05:00-00:00", NOON),
        ("2026-11-21T14:05:00.5Z", NOON + 500),
        ("2026-11-21T14:05:00.1239999Z", NOON + 123),  # cut, never rounded up
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),  # a leap second
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("0001-01-01T00:00:00Z", times.EARLIEST),
        ("9999-12-31T23:59:59.999Z", times.LATEST),
    ],
)
def test_reads(text: str, milliseconds: int) -> None:
    assert times.parse(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-11-21",
        "2026-11-21T14:05:00",  # no zone
        "2026-11-21T14:05Z",
        "2026-11-21T14:05:00+0100",
        "2026-11-21T14:05:00.Z",
        "2026-11-21T14:05:00Z ",
        "2026-11-21T14:05:00Z\n",
        "2026-13-21T14:05:00Z",
        "2026-02-29T14:05:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T14:60:00Z",
        "2026-11-21T14:05:61Z",
        "2026-11-21T14:05:00+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",  # before all that can be written again
        "9999-12-31T23:59:60Z",
        "٢٠٢٦-11-21T14:05:00Z",  # digits, but not ASCII's
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        times.parse(text)


@given(st.integers(times.EARLIEST, times.LATEST))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    text = times.text(milliseconds)
    assert len(text) == len("2026-11-21T14:05:00.000Z")
    assert times.parse(text) == milliseconds


@given(st.datetimes(timezones=st.just(UTC)))
def test_agrees_with_the_standard_library(moment: datetime) -> None:
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert times.text(times.parse(text)) == text
    assert times.parse(text) == times.parse(moment.isoformat(timespec="microseconds"))


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?Z?"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert times.EARLIEST <= times.parse(text) <= times.LATEST
