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

from franking.compose.addresses import Address
from franking.compose.custom_headers import CustomHeaders, custom_headers
from franking.compose.envelope import Unsendable
from franking.compose.headers import address_header, text_header
from franking.compose.recipients import Parties, Party, flat, read_addresses
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


class Fields(msgspec.Struct, frozen=True):
    """What a mail's head says, whatever it goes by; the subject as the document has it."""

    custom: CustomHeaders
    message_id: str
    sender: tuple[Address, ...]
    reply_to: tuple[Party, ...]
    subject: str


def read_fields(
    document: Mapping[str, Any],
    message: Mapping[str, Any],
    parties: Parties,
    message_id: str,
) -> Fields | Unsendable:
    """Read the head's fields; refuses a bad header name, address or Message-ID."""
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
    return Fields(custom, own_id, sender, reply_to, str(subject))


def read_head(
    document: Mapping[str, Any],
    message: Mapping[str, Any],
    parties: Parties,
    message_id: str,
    date_ms: int,
) -> Head | Unsendable:
    """Build the header block; refuses what `read_fields` refuses."""
    fields = read_fields(document, message, parties, message_id)
    if isinstance(fields, Unsendable):
        return fields
    own_date = fields.custom.taken.get("date")
    date = (own_date and given_date(own_date)) or _utc_date(date_ms // 1000)
    block = b"".join(
        (
            address_header("From", parties.sender),
            address_header("Sender", fields.sender),
            address_header("To", parties.to),
            address_header("Cc", parties.cc),
            address_header("Reply-To", fields.reply_to),
            text_header("Subject", fields.subject),
            f"Message-ID: {fields.message_id}\r\nDate: {date}\r\n".encode(),
            fields.custom.block,
        )
    )
    utf8 = not all(one.address.isascii() for one in flat((*fields.sender, *fields.reply_to)))
    return Head(block, fields.message_id, utf8)


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


def given_date(given: str) -> str | None:
    """A document's own Date; one that nobody can read counts against a mail, so it is none."""
    try:
        return format_datetime(parsedate_to_datetime(given))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _utc_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
