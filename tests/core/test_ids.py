"""Ids of mails and accounts: Firestore's rule, in words."""

from __future__ import annotations

import pytest

from franking.core.ids import MOST_CHARACTERS, unfit


@pytest.mark.parametrize(
    "id",
    ["a", "A b", "é", "日本", ".a", "...", "_", "__a", "a__", "0", "a" * MOST_CHARACTERS, "a%2F"],
)
def test_a_fit_id(id: str) -> None:
    assert unfit(id, "A mail") is None


@pytest.mark.parametrize(
    ("id", "why"),
    [
        ("", "A mail's id has 1 to 255 characters; this has 0."),
        ("a" * 256, "A mail's id has 1 to 255 characters; this has 256."),
        ("a/b", "no '/' and no control characters"),
        ("a\x00", "no '/' and no control characters"),
        ("a\nb", "no '/' and no control characters"),
        ("a\x1f", "no '/' and no control characters"),
        ("\x7f", "no '/' and no control characters"),
        ("a\x9f", "no '/' and no control characters"),
        (".", "is not '.', '..' or of the form '__…__'"),
        ("..", "is not '.', '..' or of the form '__…__'"),
        ("__", "is not '.', '..' or of the form '__…__'"),
        ("__a__", "is not '.', '..' or of the form '__…__'"),
        ("batch", "can't be 'batch': another call lives at this path"),
        ("retry", "can't be 'retry': another call lives at this path"),
    ],
)
def test_an_unfit_id_is_told_why(id: str, why: str) -> None:
    assert why in (unfit(id, "A mail") or "")


def test_it_says_whose_id_it_is_and_what_is_reserved_there() -> None:
    assert (unfit("", "An account") or "").startswith("An account's id")
    assert unfit("batch", "An account", ()) is None
    assert "another call" in (unfit("x", "An account", ("x",)) or "")
