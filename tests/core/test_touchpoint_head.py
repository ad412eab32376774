"""The head of an email for a list, and the words that find it, whatever a document holds."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.touchpoint import Touchpoint
from franking.core.touchpoint.head import HEAD_UNITS, WORDS_CHARACTERS, headed, mended, words

BARE = Touchpoint("t1", "automated", "Scheduled", 1, 1)
ADA = replace(BARE, recipient="ada@example.com", subject="Hi")
FAMILY = "👨\u200d👩\u200d👧"


def head(touchpoint: Touchpoint) -> tuple[str | None, str | None]:
    return touchpoint.recipient, touchpoint.subject


@pytest.mark.parametrize(
    ("to", "recipient"),
    [
        ("ada@example.com", "ada@example.com"),
        (["ada@example.com", "bob@example.com"], "ada@example.com, bob@example.com"),
        ([], None),
        ("", None),
        (" \n ", None),
        (None, None),
        (5, None),
        ({"a": 1}, None),
        ([5, None, "bob@example.com", ["x"]], "bob@example.com"),
        (["a" * 30] * 100_000, (("a" * 30 + ", ") * 7)[:HEAD_UNITS]),
    ],
)
def test_the_recipients_are_one_line(to: Any, recipient: str | None) -> None:
    assert head(headed(ADA, {"to": to})) == (recipient, None)


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Hi", "Hi"),
        (None, None),
        (["Hi"], None),
        ("a\0b\x07c\x1bd", "a b c d"),
        ("one\r\nBcc: x\ttwo\u2028three\x85four", "one Bcc: x two three four"),
        ("half \ud800 of it", "half of it"),
        ("<script>alert('1')</script> &amp;", "<script>alert('1')</script> &amp;"),
        (FAMILY, FAMILY),
        ("\u00a0Grüße\u3000満杯 ", "Grüße 満杯"),
        ("x" * 1_000_000, "x" * HEAD_UNITS),
        (" " * 1_000_000 + "late", "late"),
        ("\0" * 1_000_000, None),
        # A family has 8 units; none is cut in two.
        (FAMILY * 100, FAMILY * (HEAD_UNITS // 8)),
        ("x" * 199 + "🎉", "x" * 199),
    ],
)
def test_a_subject_is_one_line_that_can_be_printed(subject: Any, shown: str | None) -> None:
    found = headed(ADA, {"message": {"subject": subject}})
    assert head(found) == (None, shown)
    assert head(headed(BARE, {"message": {"subject": found.subject}})) == head(found)


@pytest.mark.parametrize("document", [{}, {"message": None}, {"message": "x"}, {"message": []}])
def test_a_document_without_a_head_has_none(document: Any) -> None:
    assert head(headed(ADA, document)) == (None, None)


@pytest.mark.parametrize(
    ("patch", "shown"),
    [
        ({}, ("ada@example.com", "Hi")),
        ({"account": "x", "message": {"text": "y"}}, ("ada@example.com", "Hi")),
        ({"to": "bob@example.com"}, ("bob@example.com", "Hi")),
        ({"message": {"subject": "Ho"}}, ("ada@example.com", "Ho")),
        ({"to": None}, (None, "Hi")),
        ({"message": {"subject": None}}, ("ada@example.com", None)),
        ({"message": None}, ("ada@example.com", None)),
        ({"message": "x"}, ("ada@example.com", None)),
        ({"delivery": {"to": "x"}}, ("ada@example.com", "Hi")),
    ],
)
def test_a_merge_changes_what_it_names(patch: Any, shown: tuple[str | None, str | None]) -> None:
    assert head(mended(ADA, patch)) == shown


def test_the_words_are_of_all_that_a_list_shows() -> None:
    whole = replace(ADA, id="A0X-1", cadence_member_id="A0Y", email_message_id="02S")
    assert words(whole) == "ada@example.com hi a0y 02s a0x-1"
    assert words(BARE) == "t1"


def test_one_that_is_deleted_is_found_by_no_word() -> None:
    assert words(replace(ADA, deleted_at=1)) == ""


def test_the_words_have_an_end() -> None:
    long = "İ" * 255
    whole = replace(
        BARE, id=long, cadence_member_id=long, email_message_id=long, recipient=long, subject=long
    )
    assert len(words(whole)) == WORDS_CHARACTERS
