"""When documents expire: the calendar's arithmetic, as the extension's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core.expiry import NEVER, Expiry, Unit
from franking.core.times import LATEST, parse, text

START = parse("2026-11-21T14:05:00.123Z")


@pytest.mark.parametrize(
    ("unit", "value", "milliseconds"),
    [
        ("hour", 2, 7_200_000),  # contract, case 115
        ("day", 2, 172_800_000),
        ("day", 5, 432_000_000),
        ("week", 2, 1_209_600_000),
        ("month", 2, 5_270_400_000),  # contract, section 7: 61 days from 21 November
        ("year", 2, 63_158_400_000),  # through 29 February 2028
    ],
)
def test_it_lives_as_long_as_the_contract_says(unit: str, value: int, milliseconds: int) -> None:
    assert Expiry(Unit(unit), value).at(START) == START + milliseconds


def test_never_is_no_time() -> None:
    assert NEVER.at(START) is None


@pytest.mark.parametrize(
    ("start", "unit", "value", "end"),
    [
        ("2026-01-31T00:00:00.000Z", "month", 1, "2026-03-03T00:00:00.000Z"),
        ("2028-01-31T00:00:00.000Z", "month", 1, "2028-03-02T00:00:00.000Z"),
        ("2028-02-29T12:00:00.000Z", "year", 1, "2029-03-01T12:00:00.000Z"),
        ("2026-12-31T23:59:59.999Z", "month", 2, "2027-03-03T23:59:59.999Z"),
        ("2026-10-31T00:00:00.000Z", "month", 4, "2027-03-03T00:00:00.000Z"),
    ],
)
def test_a_day_that_a_month_lacks_is_one_of_the_next(
    start: str, unit: str, value: int, end: str
) -> None:
    """As JavaScript's Date has it."""
    found = Expiry(Unit(unit), value).at(parse(start))
    assert found is not None
    assert text(found) == end


@given(
    unit=st.sampled_from([unit for unit in Unit if unit is not Unit.NEVER]),
    value=st.integers(1, 100_000),
    start=st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)),
)
def test_it_is_always_later_and_a_time_that_can_be_written(
    unit: Unit, value: int, start: datetime
) -> None:
    began = int(start.replace(tzinfo=UTC).timestamp() * 1000)
    found = Expiry(unit, value).at(began)
    assert found is not None
    assert began < found <= LATEST
    text(found)
