"""Whole mails: the tree, the header, and what no document can break."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.envelope import Envelope, Unsendable
from franking.compose.parts import Part, boundary

from .wire import PROPERTY, assert_fit, body, composed, envelope_of, mail_of, parsed

PLAIN = {"subject": "Hello", "text": "plain", "html": "<b>html</b>"}


def tree(part: EmailMessage) -> Any:
    """The types of a mail's parts, nested as they are."""
    if not part.is_multipart():
        return part.get_content_type()
    children = [child for child in part.iter_parts() if isinstance(child, EmailMessage)]
    return (part.get_content_type().removeprefix("multipart/"), *map(tree, children))


def error_of(document: dict[str, Any]) -> str:
    found = composed({"to": "a@x.example", "message": PLAIN} | document)
    assert isinstance(found, Unsendable), found
    assert found.error.isprintable()
    return found.error


def test_the_contracts_first_case() -> None:
    found = envelope_of(PLAIN, to="a@example.com")
    mail = parsed(found.content)
    assert (found.sender, found.recipients) == ("default@example.com", ("a@example.com",))
    assert mail["From"] == "Default <default@example.com>"
    assert mail["To"] == "a@example.com"
    assert mail["Reply-To"] == "reply@example.com"
    assert mail["Subject"] == "Hello"
    assert mail["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert mail["Message-ID"] == found.message_id == "<made@franking.example>"
    assert mail["MIME-Version"] == "1.0"
    assert [body(part) for part in mail.iter_parts() if isinstance(part, EmailMessage)] == [
        "plain",
        "<b>html</b>",
    ]


def test_bcc_is_in_the_envelope_only() -> None:
    found = envelope_of(
        PLAIN, to=["a@x.example", "b@x.example"], cc=["c@x.example"], bcc="d@x.example",
        headers={"Bcc": "e@x.example", "bcc": ["f@x.example"], "Resent-Bcc": "g@x.example"},
    )  # fmt: skip
    assert found.recipients == ("a@x.example", "b@x.example", "c@x.example", "d@x.example")
    assert b"bcc" not in found.content.lower()
    assert b"d@x.example" not in found.content


CID: dict[str, Any] = {"cid": "i@x", "path": "data:image/png;base64,AAAA"}
FILE: dict[str, Any] = {"filename": "a.txt", "content": "x"}
RELATED = ("related", "text/html", "image/png")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"text": "t"}, "text/plain"),
        ({"html": "h"}, "text/html"),
        ({"text": "", "html": "h"}, "text/html"),
        ({"text": None, "html": "h"}, "text/html"),
        ({}, "text/plain"),
        (PLAIN, ("alternative", "text/plain", "text/html")),
        (PLAIN | {"amp": "a"}, ("alternative", "text/plain", "text/x-amp-html", "text/html")),
        (PLAIN | {"attachments": [CID]}, ("alternative", "text/plain", RELATED)),
        ({"html": "h", "attachments": [CID]}, RELATED),
        # without html there is nothing to be related to
        ({"text": "t", "attachments": [CID]}, ("mixed", "text/plain", "image/png")),
        ({"text": "t", "attachments": [FILE]}, ("mixed", "text/plain", "text/plain")),
        ({"attachments": [FILE, FILE]}, ("mixed", "text/plain", "text/plain", "text/plain")),
        (
            PLAIN | {"attachments": [FILE, CID]},
            ("mixed", ("alternative", "text/plain", RELATED), "text/plain"),
        ),
        (
            PLAIN | {"icalEvent": {"method": "request", "content": "BEGIN:VCALENDAR"}},
            (
                "mixed",
                ("alternative", "text/plain", "text/html", "text/calendar"),
                "application/ics",
            ),
        ),
    ],
)
def test_the_parts_nest_as_readers_expect(message: dict[str, Any], expected: object) -> None:
    assert tree(mail_of(message)) == expected


def test_a_calendar_event_names_its_method() -> None:
    mail = mail_of(PLAIN | {"icalEvent": {"method": "request", "content": "BEGIN:VCALENDAR\n"}})
    calendar = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    assert body(calendar) == "BEGIN:VCALENDAR\n"


@pytest.mark.parametrize("event", ["BEGIN", {"content": "BEGIN", "method": "A;b\r\nX: y"}])
def test_a_calendar_event_without_a_method_is_published(event: object) -> None:
    mail = mail_of(PLAIN | {"icalEvent": event})
    calendar = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    assert calendar["Content-Type"].params["method"] == "PUBLISH"


def test_a_calendar_event_reads_no_file() -> None:
    error = error_of({"message": PLAIN | {"icalEvent": {"path": "/etc/passwd"}}})
    assert error == "Error: Attachment source is not allowed: file://"


@pytest.mark.parametrize(
    ("headers", "name", "values"),
    [
        ({"X-Custom-Header": "CustomValue"}, "X-Custom-Header", ["CustomValue"]),
        ({"List-Unsubscribe": "<mailto:u@x>"}, "List-Unsubscribe", ["<mailto:u@x>"]),
        ({"X-N": 5}, "X-N", ["5"]),
        ({"X-N": 5.0}, "X-N", ["5"]),
        ({"X-B": True}, "X-B", ["true"]),
        ({"X-Null": None}, "X-Null", []),
        ({"X-Empty": " "}, "X-Empty", []),
        ({"X-L": ["a", 2, None]}, "X-L", ["a", "2"]),
        ({"X-P": {"prepared": True, "value": "p"}}, "X-P", ["p"]),
        ({"X-D": [[["a"]]]}, "X-D", ["[['a']]"]),
        ({"X-U": "grüße"}, "X-U", ["grüße"]),
        ({"X-I": "a\r\nBcc: e@evil.example\n\nbody"}, "X-I", ["a Bcc: e@evil.example  body"]),
        # the document's own come first, and there is one of each
        ({"subject": "other"}, "Subject", ["Hello"]),
        ({"From": "e@evil.example"}, "From", ["Default <default@example.com>"]),
        ({"To": "e@evil.example"}, "To", ["a@x.example"]),
        ({"Cc": "e@evil.example"}, "Cc", []),
        ({"Content-Type": "text/evil"}, "MIME-Version", ["1.0"]),
        ({"MIME-Version": "2.0"}, "MIME-Version", ["1.0"]),
        ({"Content-Transfer-Encoding": "base64"}, "Content-Transfer-Encoding", []),
        # what only the headers tell is used
        ({"Reply-To": "R <r@x.example>"}, "Reply-To", ["R <r@x.example>"]),
        ({"Sender": "s@x.example"}, "Sender", ["s@x.example"]),
        ({"Message-ID": "<own@x.example>"}, "Message-ID", ["<own@x.example>"]),
        ({"Message-ID": ["<own@x.example>", "<b@x>"]}, "message-id", ["<own@x.example>"]),
        ({"Date": "1 Jan 2020 00:00:00 +0100"}, "Date", ["Wed, 01 Jan 2020 00:00:00 +0100"]),
        ({"Date": "yesterday"}, "Date", ["Tue, 14 Nov 2023 22:13:20 +0000"]),
        ({"References": ["<a@x>", "<b@x>"], "references": "<c@x>"}, "References", ["<a@x>"]),
    ],
)  # fmt: skip
def test_own_headers_are_written_once(
    headers: dict[str, Any], name: str, values: list[str]
) -> None:
    mail = mail_of(PLAIN, headers=headers)
    assert [str(value) for value in mail.get_all(name, [])] == values
    assert tree(mail) == ("alternative", "text/plain", "text/html")


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nBcc", "Xü", "X\0", "\ud800", "X" * 77])
def test_a_bad_header_name_is_refused(name: str) -> None:
    assert error_of({"headers": {name: "v"}}).startswith("Error: Invalid header name in field")


@pytest.mark.parametrize(
    ("given", "expected"),
    [("<a@x>", "<a@x>"), ("a@x", "<a@x>"), (" a@x ", "<a@x>"), ("", "<made@franking.example>")],
)
def test_a_given_message_id_wins(given: str, expected: str) -> None:
    found = envelope_of(PLAIN | {"messageId": given}, headers={"Message-Id": ""})
    assert found.message_id == expected == parsed(found.content)["Message-ID"]


@pytest.mark.parametrize("given", ["a b@x", "<a@x>\r\nBcc: e@e", "<ü@x>", "<a><b>", "x" * 999])
def test_a_bad_message_id_is_refused(given: str) -> None:
    assert "Message-ID" in error_of({"message": PLAIN | {"messageId": given}})


@pytest.mark.parametrize("key", ["Reply-To", "Sender"])
def test_an_address_in_the_headers_is_checked(key: str) -> None:
    assert f"'headers.{key}'" in error_of({"headers": {key: "a@"}})


def test_several_authors_have_a_sender() -> None:
    mail = mail_of(PLAIN, **{"from": "a@x.example, B <b@x.example>"})
    assert mail["From"] == "a@x.example, B <b@x.example>"
    assert mail["Sender"] == "a@x.example"


@pytest.mark.parametrize(
    "subject",
    ["שלום עולם", "😀" * 50, "a\u202eb", "Ünïcödé " * 40, "x" * 5000, "e\u0301" * 99, "a  b   c"],
)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    assert mail_of(PLAIN | {"subject": subject})["Subject"] == subject.strip()


def test_a_line_break_in_a_subject_is_a_space() -> None:
    mail = mail_of(PLAIN | {"subject": "Hello\r\nBcc: e@evil.example\r\n\r\nbody\rx\ny"})
    assert mail["Subject"] == "Hello Bcc: e@evil.example  body x y"


def test_an_empty_subject_is_left_out() -> None:
    assert mail_of(PLAIN | {"subject": ""})["Subject"] is None


def test_an_address_beyond_ascii_is_written_in_utf8() -> None:
    found = envelope_of(PLAIN, to="Jörg <jörg@exämple.example>")
    assert found.smtputf8
    assert found.recipients == ("jörg@xn--exmple-cua.example",)
    assert "<jörg@xn--exmple-cua.example>".encode() in found.content


def test_many_recipients_are_folded() -> None:
    to = [f"Person Number {number} <p{number}@x.example>" for number in range(2000)]
    found = envelope_of(PLAIN, to=to)
    assert len(found.recipients) == 2000
    header = found.content.partition(b"\r\nReply-To")[0]
    assert max(map(len, header.split(b"\r\n"))) <= 78
    assert len(parsed(found.content)["To"].addresses) == 2000


def test_the_same_mail_has_the_same_bytes() -> None:
    document = {"to": "a@x.example", "message": PLAIN | {"attachments": [FILE, CID]}}
    assert composed(document) == composed(document)
    assert composed(document) != composed(document, boundary_seed="mail-1/8")


def test_a_boundary_never_occurs_in_the_content() -> None:
    first = boundary("seed", [])
    second = boundary("seed", [Part(b"", first.encode())])
    third = boundary("seed", [Part(b"", first.encode()), Part(second.encode(), b"")])
    assert len({first, second, third}) == 3
    text = f"before\n--{boundary('mail-1/7', [])}2\n--{boundary('mail-1/7', [])}2--\nafter"
    mail = mail_of({"text": text, "html": "h"})
    assert tree(mail) == ("alternative", "text/plain", "text/html")
    part = mail.get_body(("plain",))
    assert isinstance(part, EmailMessage)
    assert body(part) == text


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "from", "replyTo"])
@pytest.mark.parametrize("sign", ["\r\n", "\r", "\n", "\0", "\x0b"])
def test_a_line_break_in_an_address_field_is_refused(field: str, sign: str) -> None:
    error = error_of({field: f"a@x.example{sign}Bcc: e@evil.example"})
    assert error.startswith(f"Error: Invalid address in field '{field}': ")


TEXT = st.text(max_size=200) | st.text(st.sampled_from("a\r\n\0=. ü😀\ud800-"), max_size=200)
ADDRESS = st.sampled_from(["a@x.example", "N <b@y.example>", "g: c@x.example;"]) | st.text(
    max_size=20
)


@PROPERTY
@given(TEXT, TEXT.filter(bool), TEXT.filter(bool))
def test_text_and_html_are_read_as_they_were_written(subject: str, text: str, html: str) -> None:
    mail = mail_of({"subject": subject, "text": text, "html": html})
    for kind, written in (("plain", text), ("html", html)):
        part = mail.get_body((kind,))
        assert isinstance(part, EmailMessage)
        mended = written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert body(part) == mended.replace("\r\n", "\n").replace("\r", "\n")


@PROPERTY
@given(
    st.fixed_dictionaries(
        {"to": ADDRESS | st.lists(ADDRESS, max_size=3)},
        optional={
            "cc": ADDRESS,
            "bcc": ADDRESS,
            "from": ADDRESS,
            "replyTo": ADDRESS,
            "headers": st.dictionaries(
                st.sampled_from(["X-A", "Subject", "Date", "Sender", "List-Id"])
                | st.text(max_size=8),
                TEXT | st.integers() | st.none() | st.lists(TEXT, max_size=2),
                max_size=3,
            ),
        },
    ),
    st.dictionaries(
        st.sampled_from(["subject", "text", "html", "amp", "messageId", "icalEvent"]), TEXT
    ),
)
def test_any_document_is_either_sendable_or_refused(
    document: dict[str, Any], message: dict[str, Any]
) -> None:
    found = composed(document | {"message": message})
    if isinstance(found, Unsendable):
        assert found.error.isprintable()
        return
    assert isinstance(found, Envelope)
    assert_fit(found.content)
    mail = parsed_leniently(found.content)
    for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID", "Sender", "Reply-To"):
        assert len(mail.get_all(name, [])) <= 1
    assert mail["Bcc"] is None


def parsed_leniently(content: bytes) -> EmailMessage:
    """Read without looking at defects, which odd but legal addresses give in this parser."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail
