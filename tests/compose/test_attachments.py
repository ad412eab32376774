"""Attachments: octets, types, names, and the sources that are never asked."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.envelope import Unsendable

from .wire import PROPERTY, composed, envelope_of, mail_of

PLAIN = {"subject": "s", "text": "t", "html": "h"}


def sent(**attachment: Any) -> EmailMessage:
    """The attachment as the standard library reads it."""
    mail = mail_of(PLAIN | {"attachments": [attachment]})
    assert mail.get_content_type() == "multipart/mixed"
    part = mail.get_payload(1)
    assert isinstance(part, EmailMessage)
    return part


def refused(**attachment: Any) -> str:
    found = composed({"to": "a@x.example", "message": PLAIN | {"attachments": [attachment]}})
    assert isinstance(found, Unsendable), found
    assert found.error.isprintable()
    return found.error


def test_a_file_is_sent_as_the_contract_says() -> None:
    part = sent(filename="hello.txt", content="Hello world!")
    assert part.get_content_type() == "text/plain"
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_payload() == "SGVsbG8gd29ybGQh"
    assert part.get_filename() == "hello.txt"
    assert part.get_content_disposition() == "attachment"


@pytest.mark.parametrize(
    ("attachment", "octets"),
    [
        ({"content": "Hellö"}, "Hellö".encode()),
        ({"content": None}, b""),
        ({}, b""),
        ({"unknown": 1}, b""),
        ({"content": b"\0\xff"}, b"\0\xff"),
        ({"content": "\ud800"}, "\ufffd".encode()),
        ({"content": "SGVsbG8=", "encoding": "base64"}, b"Hello"),
        ({"content": "SGVs\r\nbG8", "encoding": "BASE64"}, b"Hello"),
        ({"content": "-_-_", "encoding": "base64"}, b"\xfb\xff\xbf"),
        ({"content": "SGVsb", "encoding": "base64"}, b"Hel"),
        ({"content": "no base64 ☃!", "encoding": "base64url"}, b"\x9e\x86\xda\xb1\xee\xb8"),
        ({"content": "48656c6C6f", "encoding": "hex"}, b"Hello"),
        ({"content": "48656zz", "encoding": "hex"}, b"He"),
        ({"content": "é", "encoding": "latin1"}, b"\xe9"),
        ({"content": "é", "encoding": "utf16le"}, b"\xe9\0"),
        ({"path": "data:text/plain;base64,SGVsbG8="}, b"Hello"),
        ({"href": "DATA:,a%20b"}, b"a b"),
        ({"href": "data:,b", "path": "data:,a", "content": "c"}, b"a"),
        ({"href": "data:,b", "path": "", "content": "c"}, b"b"),
        ({"path": "data:text/plain;charset=utf-8,caf%C3%A9"}, "café".encode()),
    ],
)
def test_the_octets_come_from_content_or_a_data_uri(
    attachment: dict[str, Any], octets: bytes
) -> None:
    assert sent(**attachment).get_payload(decode=True) == octets


@pytest.mark.parametrize(
    ("attachment", "media_type", "name"),
    [
        ({"path": "data:text/plain,x"}, "text/plain", "attachment-1.txt"),
        ({"path": "data:image/png;base64,AAAA"}, "image/png", "attachment-1.png"),
        ({"path": "data:,x"}, "text/plain", "attachment-1.txt"),
        ({"content": "x"}, "application/octet-stream", "attachment-1.bin"),
        ({"content": "x", "contentType": "text/csv"}, "text/csv", "attachment-1.csv"),
        ({"filename": "a.pdf"}, "application/pdf", "a.pdf"),
        ({"filename": "a.tar.gz"}, "application/gzip", "a.tar.gz"),
        ({"filename": "a.WEBP"}, "image/webp", "a.WEBP"),
        ({"filename": "data:text/html,x"}, "application/octet-stream", "data:text/html,x"),
        ({"filename": "a.unheard-of"}, "application/octet-stream", "a.unheard-of"),
        ({"filename": "a.txt", "contentType": "text/x; charset=ascii"}, "text/x", "a.txt"),
        ({"filename": "a.txt", "contentType": "a/" + "b" * 999}, "text/plain", "a.txt"),
        ({"filename": "a.pdf", "contentType": "pdf"}, "application/pdf", "a.pdf"),
        ({"filename": "a.pdf", "contentType": "a/b\r\nX: y"}, "application/pdf", "a.pdf"),
        ({"filename": "a.txt", "contentType": "multipart/mixed"}, "text/plain", "a.txt"),
        ({"filename": "ü\r\nBcc: e@evil.example.txt"}, "text/plain", "ü Bcc: e@evil.example.txt"),
        ({"filename": 'a"b\\c.txt'}, "text/plain", 'a"b\\c.txt'),
        ({"filename": "x" * 3000 + ".pdf"}, "application/pdf", "x" * 3000 + ".pdf"),
    ],
)
def test_a_type_and_a_name_are_always_there(
    attachment: dict[str, Any], media_type: str, name: str
) -> None:
    part = sent(**attachment)
    assert (part.get_content_type(), part.get_filename()) == (media_type, name)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("/etc/passwd", "file://"),
        ("../secret", "file://"),
        ("file:///etc/passwd", "file://"),
        ("http://127.0.0.1:1/x?token=1", "http://127.0.0.1:1"),
        ("https://user:secret@files.example/x", "https://files.example"),
        ("HTTPS://files.example", "https://files.example"),
        ("http://[::1", "http://"),
        ("data:no-comma", "data://"),
        ("ftp://h\u202e.example/", "ftp://h\\u202e.example"),
    ],
)
@pytest.mark.parametrize("key", ["path", "href"])
def test_no_other_source_is_asked(key: str, source: str, told: str) -> None:
    error = refused(**{key: source, "content": "x", "filename": "y"})
    assert error == f"Error: Attachment source is not allowed: {told}"


@pytest.mark.parametrize(
    ("attachment", "text"),
    [
        ({"content": {"type": "Buffer"}}, "content"),
        ({"content": "x", "encoding": "rot13"}, "Unknown attachment encoding: rot13"),
        ({"content": "x", "cid": "a\r\nX: y"}, "cid"),
        ({"content": "x", "cid": "ü@x"}, "cid"),
        ({"content": "x", "headers": {"X\r\nY": "z"}}, "header name"),
        ({"raw": "Content-Type: text/plain\r\n\r\na\rb"}, "bare CR"),
        ({"raw": "Content-Type: text/plain\r\n\r\na\0b"}, "NUL"),
        ({"raw": "X: y\n\n" + "x" * 999}, "998"),
        ({"raw": {"path": "/etc/passwd"}}, "string"),
    ],
)
def test_what_cannot_be_sent_is_refused(attachment: dict[str, Any], text: str) -> None:
    assert text in refused(**attachment)


def test_a_raw_node_is_inserted_as_it_is() -> None:
    raw = "Content-Type: text/x-own; a=b\nX-Own: yes\n\nline\n.\nlast"
    part = sent(raw=raw)
    assert part.get_content_type() == "text/x-own"
    assert part["X-Own"] == "yes"
    content = envelope_of(PLAIN | {"attachments": [{"raw": raw}]}).content
    assert raw.replace("\n", "\r\n").encode() in content


def test_a_name_in_the_type_gives_way_to_the_file_name() -> None:
    entry = {"filename": "a.txt", "contentType": 'a/b; name="z"; c=d', "content": "x"}
    content = envelope_of(PLAIN | {"attachments": [entry]}).content
    assert b'Content-Type: a/b;\r\n c=d;\r\n name="a.txt"\r\n' in content


def test_a_raw_node_of_eight_bits_is_told() -> None:
    raw = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nä"
    found = envelope_of(PLAIN | {"attachments": [{"raw": raw}]})
    assert found.eight_bit
    assert not envelope_of(PLAIN).eight_bit


def test_a_raw_node_alone_cannot_touch_the_mails_own_header() -> None:
    mail = mail_of({"attachments": [{"raw": "Subject: evil\nFrom: e@evil.example\n\nx"}]})
    assert mail["Subject"] is None
    assert mail["From"] == "Default <default@example.com>"


def test_an_attachment_alone_is_the_mail() -> None:
    mail = mail_of({"attachments": [{"filename": "a.txt", "content": "x"}]})
    assert mail.get_content_type() == "text/plain"
    assert mail.get_filename() == "a.txt"


def test_attachment_headers_are_kept_but_for_ours() -> None:
    part = sent(
        content="x",
        headers={"X-Own": "1\r\nX-Two: 2", "Content-Type": "text/html", "content-id": "<y>"},
    )
    assert part["X-Own"] == "1 X-Two: 2"
    assert part.get_all("Content-Type") == ['application/octet-stream; name="attachment-1.bin"']
    assert part["Content-ID"] is None


@pytest.mark.parametrize(
    ("given", "disposition"),
    [
        ("inline", "inline"),
        ("attachment", "attachment"),
        ("in line\r\nX: y", "attachment"),
        ("x" * 5000, "attachment"),
    ],
)
def test_the_disposition_is_a_word(given: str, disposition: str) -> None:
    assert sent(content="x", contentDisposition=given).get_content_disposition() == disposition


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ("Subject: inner\n\nhello\n", "message/rfc822"),
        ("Subject: inner\r\n\r\nhello\r\n", "message/rfc822"),
        # it may not be encoded, so what must be encoded is no message any more
        ("Subject: inner\n\nhellö\n", "application/octet-stream"),
        ("Subject: inner\n\n" + "x" * 999, "application/octet-stream"),
        ("Subject: inner\n\na\rb\n", "application/octet-stream"),
        ("Subject: inner\n\na\0b\n", "application/octet-stream"),
    ],
)
def test_a_forwarded_message_is_never_encoded(content: str, media_type: str) -> None:
    part = sent(content=content, contentType="message/rfc822")
    assert part.get_content_type() == media_type


@PROPERTY
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "filename": st.text(max_size=80),
                "content": st.text(max_size=200) | st.binary(max_size=200),
                "contentType": st.text(max_size=30)
                | st.sampled_from(["text/html", "message/rfc822", 'a/b; c="d;e"', "a/b; name=x"]),
                "contentDisposition": st.text(max_size=10),
                "cid": st.text(max_size=10),
                "encoding": st.sampled_from(["base64", "hex", "utf8", "latin1", "ucs2", "x"]),
                "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=2),
                "raw": st.text(max_size=50),
                "path": st.just("data:;base64,AA") | st.text(max_size=5),
            },
        ),
        max_size=4,
    )
)
def test_any_attachment_is_either_sent_or_refused(attachments: list[dict[str, Any]]) -> None:
    found = composed({"to": "a@x.example", "message": PLAIN | {"attachments": attachments}})
    if isinstance(found, Unsendable):
        assert found.error.isprintable()
        return
    envelope_of(PLAIN | {"attachments": attachments})
