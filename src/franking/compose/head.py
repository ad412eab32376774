"""The header block of a mail, all but the fields that describe its body.

A field of the document comes before the same field in its `headers`, and that before a default.
From, To and Cc are the document's alone, Bcc is never written, and Content-Type and its like
follow from the body: in `headers` they are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any

import msgspec

from franking.compose.custom_headers import custom_headers
from franking.compose.envelope import Unsendable
from franking.compose.headers import address_header, text_header
from franking.compose.recipients import Address, Parties, Party, flat, read_addresses
from franking.compose.unicode import excerpt

MAX_MESSAGE_ID = 900
_MESSAGE_ID = re.compile(rf"<[!-;=?-~]{{1,{MAX_MESSAGE_ID - 2}}}>")
_IGNORED = frozenset(
    (
        "from", "to", "cc", "bcc", "resent-bcc", "mime-version", "content-type",
        "content-transfer-encoding", "content-disposition", "content-id",
    )
)  # fmt: skip
_TAKEN = frozenset(("sender", "reply-to", "subject", "message-id", "date"))


class Head(msgspec.Struct, frozen=True):
    """The fields as bytes, and the Message-ID among them."""

    block: bytes
    message_id: str
    smtputf8: bool


def read_head(
    document: Mapping[str, Any],
    message: Mapping[str, Any],
    parties: Parties,
    message_id: str,
    date_ms: int,
) -> Head | Unsendable:
    """Build the header block; refuses a bad header name, address or Message-ID."""
    custom = custom_headers(document.get("headers"), ignored=_IGNORED, taken=_TAKEN)
    if isinstance(custom, Unsendable):
        return custom
    own_id = _message_id(message.get("messageId") or custom.taken.get("message-id"), message_id)
    if isinstance(own_id, Unsendable):
        return own_id
    sender = _sender(parties, custom.taken.get("sender"))
    if isinstance(sender, Unsendable):
        return sender
    reply_to = _reply_to(document, parties, custom.taken.get("reply-to"))
    if isinstance(reply_to, Unsendable):
        return reply_to
    subject = message.get("subject") or custom.taken.get("subject") or ""
    date = _date(custom.taken.get("date"), date_ms)
    block = b"".join(
        (
            address_header("From", parties.sender),
            address_header("Sender", sender),
            address_header("To", parties.to),
            address_header("Cc", parties.cc),
            address_header("Reply-To", reply_to),
            text_header("Subject", str(subject)),
            f"Message-ID: {own_id}\r\nDate: {date}\r\n".encode(),
            custom.block,
        )
    )
    utf8 = not all(one.address.isascii() for one in flat((*sender, *reply_to)))
    return Head(block, own_id, utf8)


def _message_id(given: Any, made: str) -> str | Unsendable:
    """The given Message-ID, else ours; nodemailer adds the angle brackets where they lack."""
    text = str(given).strip(" ") if given else made
    if not text.startswith("<"):
        text = f"<{text}"
    if not text.endswith(">"):
        text = f"{text}>"
    if not _MESSAGE_ID.fullmatch(text):
        return Unsendable(f"Error: Invalid Message-ID in field 'messageId': {excerpt(text)}")
    return text


def _sender(parties: Parties, given: str | None) -> tuple[Address, ...] | Unsendable:
    """The Sender field, which several authors ask for (RFC 5322, section 3.6.2)."""
    if given:
        found = read_addresses("headers.Sender", given)
        return found if isinstance(found, Unsendable) else tuple(flat(found))[:1]
    return parties.sender[:1] if len(parties.sender) > 1 else ()


def _reply_to(
    document: Mapping[str, Any], parties: Parties, given: str | None
) -> tuple[Party, ...] | Unsendable:
    if given and not document.get("replyTo"):
        return read_addresses("headers.Reply-To", given)
    return parties.reply_to


def _date(given: str | None, date_ms: int) -> str:
    if given:
        try:
            return format_datetime(parsedate_to_datetime(given))
        except ValueError:
            pass  # a Date that nobody can read counts against a mail; ours does not
    return _utc_date(date_ms // 1000)


@lru_cache(maxsize=64)
def _utc_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
