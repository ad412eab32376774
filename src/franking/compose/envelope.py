"""A mail as composed and not yet sent, or why it cannot be."""

from __future__ import annotations

import msgspec


class Envelope(msgspec.Struct, frozen=True):
    """A mail ready to go: the envelope of RFC 5321 and the bytes of RFC 5322.

    `sender` and `recipients` are bare addresses (`local@domain`, the domain in ASCII; the local
    part may hold UTF-8, then `smtputf8` is set). `content` has CRLF line ends throughout, no
    bare CR or LF, lines of at most 998 octets, and is not yet dot-stuffed.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    message_id: str
    smtputf8: bool = False
    eight_bit: bool = False


class Unsendable(msgspec.Struct, frozen=True):
    """The document cannot become a mail; `error` is the text for `delivery.error`.

    `category` and `cause` say why, where the text alone does not.
    """

    error: str
    category: str | None = None
    cause: str | None = None
