"""What every composed mail must hold, and the standard library's reading of it: the oracle."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

from hypothesis import settings

from franking.compose.envelope import Envelope, Unsendable
from franking.compose.mime import compose

# The machine that runs the tests is shared, so nothing is judged by its time.
PROPERTY = settings(deadline=None, max_examples=100)


def composed(document: Mapping[str, Any], **options: Any) -> Envelope | Unsendable:
    settings: dict[str, Any] = {
        "message_id": "<made@franking.example>",
        "date_ms": 1_700_000_000_123,
        "boundary_seed": "mail-1/7",
        "default_from": "Default <default@example.com>",
        "default_reply_to": "reply@example.com",
    }
    return compose(document, **(settings | options))


def envelope_of(message: Mapping[str, Any], **document: Any) -> Envelope:
    """Compose a mail that must be sendable, and check what every mail must hold."""
    found = composed({"to": "a@x.example", "message": message} | document)
    assert isinstance(found, Envelope), found
    assert_fit(found.content)
    return found


def mail_of(message: Mapping[str, Any], **document: Any) -> EmailMessage:
    return parsed(envelope_of(message, **document).content)


def assert_fit(content: bytes) -> None:
    """RFC 5322, sections 2.1.1 and 2.3; RFC 2047, section 2, for the lines with encoded words."""
    assert content.endswith(b"\r\n")
    assert b"\0" not in content
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    head = lines[: lines.index(b"")]
    assert all(line.strip() for line in head)
    for line in head:
        if re.search(rb"=\?utf-8\?[QB]\?", line):
            assert len(line) <= 76, line


def parsed(content: bytes) -> EmailMessage:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    for part in mail.walk():
        assert not part.defects, part.defects
    return mail


def decoded(value: str) -> str:
    """Encoded words as they read: the policy's own parser keeps the space between two of them in
    display names (python/cpython#92081), the old decoder does not."""
    return str(make_header(decode_header(value)))


def raw_header(content: bytes, name: str) -> list[str]:
    """A header's values, unfolded and not decoded."""
    plain = email.message_from_bytes(content, policy=email.policy.compat32)
    return [re.sub(r"\r\n", "", str(value)) for value in plain.get_all(name, [])]


def body(part: EmailMessage) -> str:
    """A text part's text with LF line ends."""
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")
