"""A mail as composed and not yet sent, or why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from franking.compose.addresses import Address

# What a transport takes: the bytes of RFC 5322, or the parts that they would be made of.
Form = Literal["mime", "letter"]


class Enclosure(msgspec.Struct, frozen=True):
    """A file of a letter: `name` is never empty, `kind` is `type/subtype` and no more.

    With a `content_id` it belongs to the html, which names it so.
    """

    octets: bytes
    name: str
    kind: str
    content_id: str = ""


class Letter(msgspec.Struct, frozen=True):
    """A mail's parts, for a transport that takes no MIME.

    `texts` are (media type, text) in the order of RFC 2046, section 5.1.4, none of them empty.
    `headers` are the document's own, each value on one line, without what the other fields say,
    and `options` what it asks of its provider (`sendGrid`); no `bcc` is ever shown to anybody.
    """

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    texts: tuple[tuple[str, str], ...]
    enclosures: tuple[Enclosure, ...]
    headers: tuple[tuple[str, str], ...]
    categories: tuple[str, ...]
    options: Mapping[str, Any]


class Envelope(msgspec.Struct, frozen=True):
    """A mail ready to go: the envelope of RFC 5321 and the bytes of RFC 5322.

    `sender` and `recipients` are bare addresses (`local@domain`, the domain in ASCII; the local
    part may hold UTF-8, then `smtputf8` is set). `content` has CRLF line ends throughout, no
    bare CR or LF, lines of at most 998 octets, and is not yet dot-stuffed.

    Where it was composed as a `letter`, that is what goes, to those of it who are `recipients`,
    and `content` is empty: a transport says which form it wants before a mail is composed, so that
    neither is ever made for nothing.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    message_id: str
    smtputf8: bool = False
    eight_bit: bool = False
    letter: Letter | None = None


class Unsendable(msgspec.Struct, frozen=True):
    """The document cannot become a mail; `error` is the text for `delivery.error`.

    `category` and `cause` say why, where the text alone does not. `temporary`: the server that has
    an attachment was in trouble, so it is worth trying again. `said` is what the timeline tells,
    where that is more than `error`.
    """

    error: str
    category: str | None = None
    cause: str | None = None
    temporary: bool = False
    said: str | None = None
