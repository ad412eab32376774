"""What a schema is of after a migration, and who can work on it."""

from __future__ import annotations

import pytest

from franking.stores.base import StoreRefused
from franking.stores.versions import Version, after, check, usable

TAKES = "ALTER TABLE a DROP COLUMN b;\n"


@pytest.mark.parametrize(
    ("before", "number", "text", "least"),
    [
        (None, 1, "CREATE TABLE a (b);\n", 1),
        (Version(7, 7), 8, "-- least: 7\nCREATE TABLE c (d);\n", 7),
        (Version(7, 7), 8, TAKES, 8),
        # What one took away stays away, whatever the next one says.
        (Version(8, 8), 9, "-- least: 7\nCREATE TABLE c (d);\n", 8),
        (Version(8, 7), 9, "-- least: 7\nCREATE TABLE c (d);\n", 7),
        # Only the first line says it, and nobody needs to know more than there is.
        (Version(7, 7), 8, f"{TAKES}-- least: 7\n", 8),
        (Version(7, 7), 8, "-- least: 99\n", 8),
    ],
)
def test_the_least_that_must_be_known(
    before: Version | None, number: int, text: str, least: int
) -> None:
    assert after(before, number, text) == Version(number, least)


def test_who_knows_less_is_refused() -> None:
    assert [usable(Version(9, 8), known) for known in (7, 8, 9)] == [False, True, True]
    check(Version(9, 8), 8)
    check(None, 1)
    with pytest.raises(StoreRefused, match="is of version 9, this franking knows up to 7"):
        check(Version(9, 8), 7)
