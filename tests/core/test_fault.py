"""The verdict on a failure: its code and its words. The rules are tested in test_translate."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.fault import Failure, doubt, judge, ours


def failure(
    step: Any, code: int | None = None, enhanced: str | None = None, kind: Any = None
) -> Failure:
    return Failure(step, "words", "Error: words", reply_code=code, enhanced=enhanced, kind=kind)


@pytest.mark.parametrize(
    ("code", "enhanced", "told"),
    [(550, "5.1.1", "550 5.1.1"), (450, None, "450"), (None, None, None), (None, "5.1.1", "5.1.1")],
)
def test_the_code_is_the_most_specific_one(
    code: int | None, enhanced: str | None, told: str | None
) -> None:
    assert judge(failure("rcpt", code, enhanced)).code == told


def test_the_peers_words_stay_verbatim_beside_the_verdict() -> None:
    fault = judge(Failure("rcpt", "550 a\n550 b", "Error: c", reply_code=550))
    assert (fault.text, fault.error) == ("550 a\n550 b", "Error: c")


def test_doubt_and_our_own_refusals_are_never_tried_again() -> None:
    for fault in (doubt("Error: lost"), ours("Error: no")):
        assert (fault.temporary, fault.rate_limited, fault.code) == (False, False, None)
