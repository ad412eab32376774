"""The touchpoint's table: every event on every status, the wiping, the children, the cuts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from franking.core.machine import NOTHING
from franking.core.touchpoint import (
    ARROWS,
    AUTOMATED,
    MANUAL,
    ConquerError,
    Reason,
    Status,
    Told,
    Touchpoint,
)
from franking.core.touchpoint.applying import apply, retried
from franking.core.touchpoint.cuts import cut

NOW = 1_795_269_900_000
OPEN = [s for s in Status if s is not Status.SENT]
ERROR = Reason("Their mailbox is full.", "552 5.2.2", "recipient_mailbox_full", "x", "552 Full")
FAILED = Touchpoint(
    id="t",
    kind="automated",
    status="Error",
    status_updated_at=1,
    created_at=1,
    error_message="old",
    error_message_truncated="old",
    error_code="550",
    error_category="unknown",
    last_event_id="e1",
    last_sequence=1,
    cadence_member_id="member",
    email_message_id="email",
)


def told(status: Status, sequence: int = 2, **given: Any) -> Told:
    return Told(status, f"e{sequence}", sequence, NOW - 5, **given)


@pytest.mark.parametrize("sequence", [1, 2])
def test_an_event_that_was_applied_changes_nothing(sequence: int) -> None:
    applied = apply(FAILED, told(Status.ERROR, sequence, error=ERROR), True, None, NOW)
    assert (applied.answer, applied.touchpoint, applied.children) == ("already applied", FAILED, ())


@pytest.mark.parametrize(("status", "children"), [(Status.ERROR, 1), (Status.SENT, 0)])
def test_the_newest_event_told_again_adds_no_more_than_its_missing_child(
    status: Status, children: int
) -> None:
    applied = apply(FAILED, told(status, 1, error=ERROR), False, None, NOW)
    assert (applied.answer, applied.touchpoint) == ("already applied", FAILED)
    assert len(applied.children) == children


@pytest.mark.parametrize("status", [Status.SENT, Status.ERROR, Status.RATE_LIMITED])
def test_an_older_event_adds_its_child_and_leaves_the_fields(status: Status) -> None:
    newer = replace(FAILED, last_sequence=9, last_event_id="e9")
    applied = apply(newer, told(status, 3, error=ERROR, retry_count=5), False, None, NOW)
    assert (applied.answer, applied.touchpoint) == ("out of order", newer)
    assert [c.status for c in applied.children] == [] if status is Status.SENT else [status]


@pytest.mark.parametrize("status", [Status.SENT, Status.ERROR, Status.RATE_LIMITED])
def test_sent_is_final(status: Status) -> None:
    sent = replace(FAILED, status="Sent")
    applied = apply(sent, told(status, error=ERROR), False, None, NOW)
    assert (applied.answer, applied.touchpoint) == ("out of order", sent)
    assert len(applied.children) == (status is not Status.SENT)
    assert retried(sent, 3, None, NOW).children == ()


@pytest.mark.parametrize("before", [*OPEN, "Bounced back to Bob"])
@pytest.mark.parametrize("status", [Status.SENT, Status.ERROR, Status.RATE_LIMITED])
def test_an_event_is_applied_to_any_status_but_sent(before: str, status: Status) -> None:
    applied = apply(replace(FAILED, status=before), told(status, error=ERROR), False, None, NOW)
    after = applied.touchpoint
    assert (applied.answer, after.status, after.status_updated_at) == ("applied", status, NOW)
    assert (after.last_event_id, after.last_sequence) == ("e2", 2)
    fields = (after.error_message, after.error_code, after.error_category)
    if status is Status.SENT:
        assert fields == (None, None, None)
        assert applied.children == ()
    else:
        assert fields == (ERROR.message, ERROR.code, ERROR.category)
        [child] = applied.children
        assert child.error_message == "Their mailbox is full.\n\n552 Full"
        assert (child.status, child.error_code) == (status, ERROR.code)
        assert (child.event_id, child.occurred_at) == ("e2", NOW - 5)
        assert (child.cadence_member_id, child.email_message_id) == ("member", "email")


def test_only_rate_limited_has_a_time_of_the_next_attempt() -> None:
    limited = told(Status.RATE_LIMITED, error=ERROR, next_attempt_at=NOW + 9)
    waiting = apply(FAILED, limited, False, None, NOW).touchpoint
    assert waiting.next_attempt_at == NOW + 9
    sent = apply(waiting, told(Status.SENT, 3), False, None, NOW).touchpoint
    assert sent.next_attempt_at is None


def test_a_retry_writes_its_child_with_the_error_that_is_retried() -> None:
    last = ConquerError("e1", "t", "Error", 1, "old\n\n550 No", "old", "550")
    applied = retried(FAILED, 1, last, NOW)
    after = applied.touchpoint
    assert (after.status, after.manual_retry_count) == ("Manual Retry", 1)
    assert (after.error_message, after.error_code, after.error_category) == (None, None, None)
    [child] = applied.children
    assert (child.status, child.error_message) == ("Manual Retry", "old\n\n550 No")
    again = retried(after, 1, last, NOW)
    assert (again.answer, again.touchpoint, again.children) == ("already applied", after, ())


@pytest.mark.parametrize("status", [Status.SENT, Status.ERROR, Status.RATE_LIMITED])
def test_what_happened_before_a_retry_is_not_shown_over_it_unless_it_was_sent(
    status: Status,
) -> None:
    after = retried(FAILED, 1, None, NOW).touchpoint
    applied = apply(after, told(status, error=ERROR), False, None, NOW)
    if status is Status.SENT:
        assert (applied.answer, applied.touchpoint.status) == ("applied", "Sent")
    else:
        assert (applied.answer, applied.touchpoint) == ("out of order", after)
        assert len(applied.children) == 1


def test_an_event_of_the_mail_before_does_not_become_a_manual_ones_last_mail() -> None:
    manual = replace(FAILED, kind="manual", mail_id="second")
    applied = apply(manual, told(Status.ERROR, error=ERROR, mail_id="first"), False, None, NOW)
    assert (applied.answer, applied.touchpoint.mail_id) == ("applied", "second")


def test_an_event_that_comes_before_the_retrys_answer_tells_the_retry_first() -> None:
    applied = apply(FAILED, told(Status.ERROR, error=ERROR, retry_count=2), False, None, NOW)
    assert [c.status for c in applied.children] == ["Manual Retry", "Manual Retry", "Error"]
    assert len({c.event_id for c in applied.children}) == 3
    after = applied.touchpoint
    assert (after.status, after.manual_retry_count) == ("Error", 2)
    assert retried(after, 2, None, NOW).children == ()


def test_a_manual_one_has_no_retries() -> None:
    manual = replace(FAILED, kind="manual")
    assert retried(manual, 1, None, NOW).touchpoint == manual
    applied = apply(manual, told(Status.SENT, retry_count=4), False, None, NOW)
    assert applied.touchpoint.manual_retry_count == 0


def test_the_table_has_every_status_and_sent_has_no_way_out() -> None:
    assert {a.target for a in ARROWS} == set(Status)
    assert [a for a in ARROWS if a.source == Status.SENT] == []
    starts = {(a.given, a.target) for a in ARROWS if a.source == NOTHING}
    assert starts == {(AUTOMATED, "Scheduled"), (MANUAL, "Pending Manual Send")}


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
CUTS: tuple[tuple[str, int, str], ...] = (
    ("abc", 3, "abc"),
    ("abcd", 3, "abc"),
    ("ab\U0001f600", 3, "ab"),  # two UTF-16 units
    ("ab\U0001f600", 4, "ab\U0001f600"),
    ("abe\u0301", 3, "ab"),  # an accent stays with its letter
    ("a" + FAMILY, 8, "a"),
    ("a" + FAMILY, 9, "a" + FAMILY),
    ("a\r\nb", 2, "a"),
    ("", 5, ""),
)


@pytest.mark.parametrize(("text", "units", "kept"), CUTS)
def test_a_cut_falls_between_characters(text: str, units: int, kept: str) -> None:
    assert cut(text, units) == kept


@given(st.text(max_size=40), st.integers(0, 50))
def test_a_cut_is_the_longest_beginning_that_fits(text: str, units: int) -> None:
    kept = cut(text, units)
    assert text.startswith(kept)
    assert len(kept.encode("utf-16-le")) <= units * 2
    if len(text.encode("utf-16-le")) <= units * 2:
        assert kept == text
