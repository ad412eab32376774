"""What goes to SendGrid of a document: the contract's mapping, and that SendGrid takes it."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.envelope import Envelope, Unsendable
from franking.compose.links import Link, Source
from franking.transports.sendgrid_payload import Payload, payload
from transports.sendgrid.checks import refusals
from transports.sendgrid.sending import HELLO, A, B, C, composed, mail


def made(**fields: Any) -> dict[str, Any]:
    """What is sent of a document, after SendGrid was asked whether it would take it."""
    found: dict[str, Any] = msgspec.json.decode(paid(mail(**fields)).body)
    assert refusals(found, {"d-1"}, {"transactional"}) == []
    return found


def paid(envelope: Envelope) -> Payload:
    assert envelope.letter is not None
    return payload(envelope, envelope.letter)


def test_a_document_is_mapped_field_by_field() -> None:
    found = made(
        to=["Ada <A@Example.com>", B],
        cc=f"Carl <{C}>",
        bcc="d@example.com",
        replyTo="Desk <desk@example.com>, other@example.com",
        categories=["news", "spring"],
        headers={"X-Custom-Header": "CustomValue", "List-Unsubscribe": "<mailto:u@example.com>"},
        message={**HELLO, "amp": "<html amp4email>", "messageId": "<own@example.com>"},
        sendGrid={"customArgs": {"order": "7"}, "ipPoolName": "transactional"},
        **{"from": "F <f@example.com>, second@example.com"},
    )
    assert found == {
        "personalizations": [
            {
                "to": [{"email": "A@example.com", "name": "Ada"}, {"email": B}],
                "cc": [{"email": C, "name": "Carl"}],
                "bcc": [{"email": "d@example.com"}],
            }
        ],
        "from": {"email": "f@example.com", "name": "F"},
        "reply_to": {"email": "desk@example.com", "name": "Desk"},
        "subject": "Hello",
        "content": [
            {"type": "text/plain", "value": "plain"},
            {"type": "text/x-amp-html", "value": "<html amp4email>"},
            {"type": "text/html", "value": "<b>html</b>"},
        ],
        "headers": {
            "X-Custom-Header": "CustomValue",
            "List-Unsubscribe": "<mailto:u@example.com>",
            "message-id": "<own@example.com>",
        },
        "categories": ["news", "spring"],
        "custom_args": {"order": "7"},
        "ip_pool_name": "transactional",
    }


def test_what_a_document_does_not_say_is_left_out_or_a_default() -> None:
    found = made(message={"subject": "s", "text": "t"})
    assert found == {
        "personalizations": [{"to": [{"email": A}]}],
        "from": {"email": "default@example.com", "name": "Default"},
        "reply_to": {"email": "reply@example.com"},
        "subject": "s",
        "content": [{"type": "text/plain", "value": "t"}],
        "headers": {"message-id": "<1@example.com>"},
    }


def test_a_dynamic_template_needs_no_message() -> None:
    data = {"name": "Ada", "items": [{"n": 1}, {"n": 2.5}], "vip": True, "none": None}
    found = made(message=None, sendGrid={"templateId": "d-1", "dynamicTemplateData": data})
    assert found["template_id"] == "d-1"
    assert found["personalizations"] == [{"to": [{"email": A}], "dynamic_template_data": data}]
    assert not {"content", "subject"} & set(found)


@pytest.mark.parametrize(
    "given",
    [
        {"sandboxMode": {"enable": True}, "footer": {"enable": True, "text": "bye"}},
        {"sandbox_mode": {"enable": True}, "footer": {"enable": True, "text": "bye"}},
    ],
)
def test_settings_are_taken_in_either_spelling(given: dict[str, Any]) -> None:
    found = made(sendGrid={"mailSettings": given})
    wanted = {"sandbox_mode": {"enable": True}, "footer": {"enable": True, "text": "bye"}}
    assert found["mail_settings"] == wanted
    assert paid(mail(sendGrid={"mailSettings": given})).sandbox


@pytest.mark.parametrize("mode", [{"enable": False}, {}, True, None, {"enable": "true"}])
def test_only_a_sandbox_that_is_on_is_one(mode: Any) -> None:
    assert not paid(mail(sendGrid={"mailSettings": {"sandboxMode": mode}})).sandbox


# What an attachment says, and the part of SendGrid's that must come of it.
FILES: list[tuple[dict[str, Any], bytes, dict[str, str]]] = [
    # Plain content is encoded, where the extension sends it as it is.
    (
        {"filename": "hello.txt", "content": "Hello world!"},
        b"Hello world!",
        {"filename": "hello.txt", "type": "text/plain", "disposition": "attachment"},
    ),
    (
        {"filename": "a.pdf", "content": "JVBERi0=", "encoding": "base64"},
        b"%PDF-",
        {"filename": "a.pdf", "type": "application/pdf", "disposition": "attachment"},
    ),
    (
        {"filename": "l.png", "content": "iVBORw==", "encoding": "base64", "cid": "<logo@x>"},
        b"\x89PNG",
        {
            "filename": "l.png",
            "type": "image/png",
            "disposition": "inline",
            "content_id": "logo@x",
        },
    ),
    (
        {"path": "data:text/csv;charset=utf-8,a%2Cb"},
        b"a,b",
        {"filename": "attachment-1.csv", "type": "text/csv", "disposition": "attachment"},
    ),
    (
        {"content": "x", "contentType": 'text/html; charset=utf-8; name="a;b"'},
        b"x",
        {"filename": "attachment-1.html", "type": "text/html", "disposition": "attachment"},
    ),
    (
        {"filename": "evil\r\nX: y.txt", "content": "x"},
        b"x",
        {"filename": "evil X: y.txt", "type": "text/plain", "disposition": "attachment"},
    ),
    (
        {"content": "Subject: x\r\n\r\nx", "contentType": "message/rfc822"},
        b"Subject: x\r\n\r\nx",
        {"filename": "attachment-1.eml", "type": "message/rfc822", "disposition": "attachment"},
    ),
]


@pytest.mark.parametrize(("entry", "octets", "wanted"), FILES, ids=[str(f[0])[:40] for f in FILES])
def test_an_attachment_is_base64_with_its_name_and_type(
    entry: dict[str, Any], octets: bytes, wanted: dict[str, str]
) -> None:
    [found] = made(message={**HELLO, "attachments": [entry]})["attachments"]
    assert base64.b64decode(found.pop("content"), validate=True) == octets
    assert found == wanted


def test_what_was_fetched_goes_with_the_name_and_type_that_it_has_there() -> None:
    url = "https://files.example.com/price%20list.pdf?v=2"
    there = {Link(url): Source(b"%PDF-", "application/pdf")}
    envelope = composed(there, message={**HELLO, "attachments": [{"href": url, "cid": "p"}]})
    assert isinstance(envelope, Envelope)
    [found] = msgspec.json.decode(paid(envelope).body)["attachments"]
    assert found == {
        "content": base64.b64encode(b"%PDF-").decode(),
        "filename": "price list.pdf",
        "type": "application/pdf",
        "disposition": "inline",
        "content_id": "p",
    }


def test_an_event_goes_as_a_file() -> None:
    [found] = made(message={**HELLO, "icalEvent": {"content": "BEGIN:VCALENDAR"}})["attachments"]
    assert (found["filename"], found["type"]) == ("invite.ics", "application/ics")
    assert base64.b64decode(found["content"]) == b"BEGIN:VCALENDAR"


REFUSED = [
    ({"message": {**HELLO, "attachments": [{"raw": "X: y\r\n\r\nz"}]}}, "A raw attachment can't"),
    ({"message": {**HELLO, "attachments": [{"path": "/etc/hostname"}]}}, "not allowed: file://"),
    ({"message": {**HELLO, "attachments": [{"href": "http://x.org/"}]}}, "not allowed: http://"),
    ({"message": {**HELLO, "attachments": [{"cid": "a b\n"}, {"cid": "é"}]}}, "attachment cid"),
    ({"message": {**HELLO, "icalEvent": {"path": "/etc/hostname"}}}, "not allowed: file://"),
    ({"message": {**HELLO, "messageId": "<a b>"}}, "Invalid Message-ID"),
    ({"headers": {"X-Twice": ["a", "b"]}}, "The header X-Twice can't be sent twice here."),
    ({"headers": {"X-Twice": "a", "x-twice": "b"}}, "The header x-twice can't be sent twice here."),
    ({"headers": {"X Bad": "a"}}, "Invalid header name"),
    ({"to": "a@"}, "Invalid address in field 'to'"),
    ({"to": "nobody"}, "No recipients defined"),
    ({"bcc": "a@example.com\r\nRCPT TO:<b@x.org>"}, "line break"),
    ({"replyTo": "a@b..c"}, "Invalid address in field 'replyTo'"),
]


@pytest.mark.parametrize(("fields", "error"), REFUSED, ids=[r[1] for r in REFUSED])
def test_what_no_bytes_could_be_made_of_or_no_json_is_refused(
    fields: dict[str, Any], error: str
) -> None:
    found = composed(**fields)
    assert isinstance(found, Unsendable), found
    assert found.error.startswith("Error: ")
    assert error in found.error


def test_headers_of_ours_are_not_doubled_and_a_line_break_is_a_space() -> None:
    given = {
        "Subject": "not this",
        "From": "x@x.org",
        "To": "x@x.org",
        "Content-Type": "text/evil",
        "Message-ID": "<mine@x.org>",
        "Reply-To": "r@x.org",
        "X-Break": "a\r\nBcc: b@x.org",
        "X-Empty": "",
        "Date": "Mon, 25 Aug 2025 07:00:00 +0000",
        "Sender": "S <s@example.com>",
    }
    found = made(headers=given)
    assert found["headers"] == {
        "X-Break": "a Bcc: b@x.org",
        "Date": "Mon, 25 Aug 2025 07:00:00 +0000",
        "Sender": "S <s@example.com>",
        "message-id": "<mine@x.org>",
    }
    assert found["reply_to"] == {"email": "r@x.org"}
    assert found["subject"] == "Hello"


def test_a_date_that_nobody_can_read_is_left_to_sendgrid() -> None:
    assert made(headers={"Date": "yesterday"})["headers"] == {"message-id": "<1@example.com>"}


def test_an_address_is_sent_to_once_in_whatever_case_and_stands_first() -> None:
    envelope = mail(to=["A@Example.com", "a@example.com"], cc=f"B <{B}>, {A}", bcc=[B.upper(), C])
    sent = paid(envelope)
    assert sent.accepted == (A, B, C)
    [group] = msgspec.json.decode(sent.body)["personalizations"]
    assert group == {
        "to": [{"email": "A@example.com"}],
        "cc": [{"email": B, "name": "B"}],
        "bcc": [{"email": C}],
    }


def test_who_was_left_out_is_left_out() -> None:
    envelope = msgspec.structs.replace(mail(to=[A, B], cc=C), recipients=(B, C))
    sent = paid(envelope)
    assert sent.accepted == (B, C)
    [group] = msgspec.json.decode(sent.body)["personalizations"]
    assert group == {"to": [{"email": B}], "cc": [{"email": C}]}


def test_without_a_to_the_copies_are_sent_all_the_same() -> None:
    envelope = msgspec.structs.replace(mail(cc=B, bcc=C), recipients=(B, C))
    [group] = msgspec.json.decode(paid(envelope).body)["personalizations"]
    assert group == {"to": [{"email": B}], "bcc": [{"email": C}]}


def test_blind_copies_alone_see_nothing_of_each_other() -> None:
    found = made(to=[], bcc=[B, C], sendGrid={"templateId": "d-1", "dynamicTemplateData": {"a": 1}})
    data = {"dynamic_template_data": {"a": 1}}
    assert found["personalizations"] == [
        {"to": [{"email": B}], **data},
        {"to": [{"email": C}], **data},
    ]


def test_a_name_with_a_comma_is_quoted() -> None:
    [group] = made(to='"Doe, \\"J\\" John" <a@example.com>')["personalizations"]
    assert group["to"] == [{"email": A, "name": '"Doe, \\"J\\" John"'}]


def test_members_of_a_group_are_recipients() -> None:
    [group] = made(to=f"Team: {A}, {B};")["personalizations"]
    assert group == {"to": [{"email": A}, {"email": B}]}


addresses = st.builds(
    lambda local, name: f"{name} <{local}@example.com>",
    st.sampled_from(["a", "A", "b", "c", "d.e+f"]),
    st.sampled_from(["", "Ada", '"X, Y"', '"semi;colon"', "Ünï", "日本"]),
)
parts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    to=st.lists(addresses, max_size=4),
    cc=st.lists(addresses, max_size=4),
    bcc=st.lists(addresses, min_size=1, max_size=4),
    subject=parts,
    text=parts,
    name=parts,
    header=parts,
)
def test_whatever_can_be_composed_is_taken_and_everybody_gets_it_once(
    to: list[str], cc: list[str], bcc: list[str], subject: str, text: str, name: str, header: str
) -> None:
    files = [{"filename": name, "content": "x" + text}]
    message = {"subject": "s" + subject, "text": "t" + text, "attachments": files}
    envelope = mail(to=to, cc=cc, bcc=bcc, message=message, headers={"X-A": header})
    sent = paid(envelope)
    found = msgspec.json.decode(sent.body)
    assert refusals(found, set(), set()) == []
    listed = [one["email"] for group in found["personalizations"] for ones in group.values()
              for one in ones]  # fmt: skip
    assert sorted(map(str.lower, listed)) == sorted(sent.accepted)
    assert set(sent.accepted) == {address.lower() for address in envelope.recipients}
