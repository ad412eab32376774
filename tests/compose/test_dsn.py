"""Reading delivery reports: hostile and strange ones first, then those of real servers."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reports
from franking.compose.dsn import MAX_BYTES, NoReport, read_report
from franking.core.bounce import Notice, Report
from reports import ID, RECIPIENT, block, report

MOST_SECONDS = 3.0


def read(raw: bytes) -> Report:
    found = read_report(raw)
    assert isinstance(found, Report), found
    return found


def only(raw: bytes) -> Notice:
    [notice] = read(raw).notices
    return notice


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "no part of the type"),
        (b"\n\n\n", "no part of the type"),
        (b"\x00\xff\xfe" * 1000, "no part of the type"),
        (b"Subject: out of office\n\nI am away.\n", "no part of the type"),
        (b"x" * (MAX_BYTES + 1), "more than"),
        # What says that it is one, and is none: a receipt of reading (RFC 8098), no parts, no end.
        (b"Content-Type: multipart/report; report-type=disposition-notification\n\n", "no part"),
        (b'Content-Type: multipart/report; boundary=""\n\n--\n', "no part of the type"),
        (report(), "names no recipient"),
        (report("Action: failed\nStatus: 5.1.1"), "names no recipient"),
        (report("Final-Recipient: rfc822; a@b\nAction: shrugged"), "names no recipient"),
        (b"Hi. This is the mail of a friend.\n\nSee you!\n", "no part of the type"),
    ],
)
def test_what_is_no_report_is_told_so(raw: bytes, told: str) -> None:
    found = read_report(raw)
    assert isinstance(found, NoReport)
    assert told in found.reason


NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (i, i) for i in range(20_000)
)


@pytest.mark.parametrize(
    "raw",
    [
        NESTED,
        b"Content-Type: message/rfc822\n\n" * 30_000,
        b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n" * 2_000_000,
        b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"\n" * 5_000_000,
        b'Content-Type: multipart/mixed; boundary="' + b";" * 5_000_000,
        b"X: y\n" * 2_000_000,
        b"References: " + b"<" * 5_000_000,
        b"References: " + b"<a@b> " * 1_000_000 + b"\n\n",
        report(*[block(f"{i}@example.net") for i in range(20_000)]),
        report("Final-Recipient: rfc822; a@b\nDiagnostic-Code: smtp; " + "5" * 5_000_000),
        report("Final-Recipient: rfc822; a@b\nDiagnostic-Code: smtp;" + "\n 5" * 1_000_000),
    ],
    ids=range(11),
)
def test_a_hostile_mail_costs_little_and_never_raises(raw: bytes) -> None:
    began = time.perf_counter()
    read_report(raw[:MAX_BYTES])
    assert time.perf_counter() - began < MOST_SECONDS


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(reports.ALL)), st.data())
def test_a_damaged_report_never_raises(name: str, data: st.DataObject) -> None:
    raw = bytearray(reports.ALL[name])
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    read_report(bytes(raw))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", sorted(reports.ALL))
def test_the_servers_reports_are_read(name: str, end: bytes) -> None:
    found = read(reports.ALL[name].replace(b"\n", end))
    [notice] = found.notices
    assert found.message_ids[0] == ID
    assert (notice.action, notice.final) == ("failed", RECIPIENT)
    assert notice.text.startswith("550")


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        (
            "postfix",
            "5.1.1",
            "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown in virtual"
            " mailbox table",
        ),
        (
            "exchange",
            "5.1.10",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup",
        ),
        (
            "gmail",
            "5.1.1",
            "550-5.1.1 The email account that you tried to reach does not exist. Please\n"
            "550-5.1.1 try double-checking the recipient's email address for typos or\n"
            "550 5.1.1 unnecessary spaces.",
        ),
        ("exim", "5.0.0", "550 5.1.1 No such user here"),
        (
            "qmail",
            "5.1.1",
            "550 5.1.1 sorry, no mailbox here by that name",
        ),
    ],
)
def test_the_peers_words_are_kept(name: str, status: str, text: str) -> None:
    notice = only(reports.ALL[name])
    assert (notice.status, notice.text) == (status, text)


def test_where_the_mail_was_sent_to_is_told_beside_where_it_ended_up() -> None:
    notice = only(
        report("Original-Recipient: rfc822; a@x\nFinal-Recipient: rfc822; <b@y>\nAction: failed")
    )
    assert (notice.original, notice.final) == ("a@x", "b@y")


def test_each_recipient_has_a_notice() -> None:
    found = read(report(block("a@x"), block("b@x", "delayed", "4.2.2"), block("c@x", "relayed")))
    assert [(n.final, n.action) for n in found.notices] == [
        ("a@x", "failed"),
        ("b@x", "delayed"),
        ("c@x", "relayed"),
    ]


@pytest.mark.parametrize(
    ("status", "action"), [("5.1.1", "failed"), ("4.4.1", "delayed"), ("2.0.0", "delivered")]
)
def test_without_an_action_the_status_tells(status: str, action: str) -> None:
    assert only(report(block("a@x", "", status))).action == action


def test_a_report_without_the_original_is_known_by_what_it_answers() -> None:
    raw = reports.GMAIL.replace(b"Message-ID: <1@example.com>", b"X: y")
    assert read(raw).message_ids == (ID, "<0@example.com>")


def test_a_report_that_was_forwarded_as_an_attachment_is_read() -> None:
    outer = b'Content-Type: multipart/mixed; boundary="o"\n\n--o\n\nsee below\n--o\n'
    raw = outer + b"Content-Type: message/rfc822\n\n" + reports.POSTFIX + b"\n--o--\n"
    assert read(raw).message_ids == (ID,)


def test_a_report_in_base64_is_read() -> None:
    fields = f"Reporting-MTA: dns; x\n\n{block('a@x')}\n".encode()
    raw = (
        b'Content-Type: multipart/report; boundary="b"\n\n--b\n'
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(fields)
        + b"\n--b--\n"
    )
    assert only(raw).final == "a@x"


def test_a_report_from_an_mbox_is_read() -> None:
    raw = b"From MAILER-DAEMON Sat Nov 21 14:05:02 2026\n" + reports.POSTFIX
    assert only(raw).final == RECIPIENT


def test_what_would_play_with_a_terminal_is_taken_out() -> None:
    assert only(report(block("a@x", said="550 \x1b[2J\x07gone"))).text == "550 �[2J�gone"
