"""What follows from a report, where the tests over HTTP can't look: verdicts, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from franking.core.bounce import Candidate, Notice, Report
from franking.core.delivery import Delivery, Outcome, State
from franking.core.event import Links
from franking.core.filing import filed, verdict

NOW = 1_795_269_900_000


def row(id: str, *recipients: str, parent: str | None = None, **fields: Any) -> Candidate:
    delivery = Delivery(state=State.SUCCESS, due_at=NOW, outcome=Outcome.SENT, **fields)
    seq = sum(map(ord, id))
    return Candidate(seq, id, parent, delivery, Links(), False, recipients=recipients)


def failed(final: str, original: str | None = None) -> Notice:
    return Notice("failed", final, original, "5.1.1", "550 5.1.1 no such user")


def whose(report: Report, *rows: Candidate) -> list[tuple[str, str]]:
    filing = filed(report, "<1@x>", rows, _nothing, NOW, lambda: "e")
    return [(bounce.mail, bounce.recipient) for bounce in filing.fresh]


def _nothing(fingerprints: Sequence[str]) -> set[str]:
    return set()


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_receipt_has_no_verdict(action: str) -> None:
    assert verdict(Notice(action, "a@x", status="2.1.5")) is None


@pytest.mark.parametrize(
    ("status", "text", "category", "code"),
    [
        ("5.1.1", "550 5.1.1 no", "recipient_not_found", "550 5.1.1"),
        # A status that says nothing gives way to what the server said (Exim).
        ("5.0.0", "550 5.1.1 no", "recipient_not_found", "550 5.1.1"),
        (None, "550 5.1.1 no", "recipient_not_found", "550 5.1.1"),
        # The report's own status goes before the words', where it says something.
        ("5.2.2", "550 5.1.1 no", "recipient_mailbox_full", "550 5.2.2"),
        ("5.1.1", "", "recipient_not_found", "5.1.1"),
        (
            "4.4.1",
            "connect to mx.example.net: Connection refused",
            "recipient_unavailable",
            "4.4.1",
        ),
        (None, "gone fishing", "unknown", None),
        (None, "", "unknown", None),
    ],
)
def test_a_failure_is_judged_by_its_status_and_words(
    status: str | None, text: str, category: str, code: str | None
) -> None:
    fault = verdict(Notice("failed", "a@x", status=status, text=text))
    assert fault is not None
    assert (fault.category, fault.code) == (category, code)


@pytest.mark.parametrize(
    ("notice", "recipient"),
    [
        (failed("a@x"), "a@x"),
        (failed("A@X"), "a@x"),
        # Forwarded: whom the mail named goes before where it ended up.
        (failed("elsewhere@y", "a@x"), "a@x"),
        (failed("a@x", "elsewhere@y"), "a@x"),
        (failed("b@x", "a@x"), "a@x"),
        (failed("elsewhere@y"), "elsewhere@y"),
    ],
)
def test_a_recipient_is_told_as_the_mail_named_it(notice: Notice, recipient: str) -> None:
    report = Report(("<1@x>",), (notice,))
    assert whose(report, row("m1", "a@x", "b@x")) == [("m1", recipient)]


def test_the_newest_mail_that_names_the_recipient_is_meant() -> None:
    report = Report(("<1@x>",), (failed("a@x"),))
    assert whose(report, row("m3", "c@x"), row("m2", "a@x"), row("m1", "a@x")) == [("m2", "a@x")]


def test_where_no_mail_names_the_recipient_the_newest_is_meant() -> None:
    report = Report(("<1@x>",), (failed("elsewhere@y"),))
    assert whose(report, row("m2", "b@x"), row("m1", "a@x")) == [("m2", "elsewhere@y")]


def test_a_remainders_bounce_is_its_mails() -> None:
    report = Report(("<1@x>",), (failed("a@x"),))
    rest = row("m1~2", "a@x", parent="m1")
    assert whose(report, rest, row("m1", "a@x", "b@x")) == [("m1", "a@x")]


def test_the_same_words_twice_in_one_report_are_one_bounce() -> None:
    report = Report(("<1@x>",), (failed("a@x"), failed("a@x"), failed("b@x")))
    assert whose(report, row("m1", "a@x", "b@x")) == [("m1", "a@x"), ("m1", "b@x")]
