"""What a server's EHLO offers (RFC 5321, section 4.1.1.1)."""

from __future__ import annotations

import msgspec

from franking.transports.smtp_replies import Reply


class Extensions(msgspec.Struct, frozen=True):
    """The extensions that we know; `size` is None where SIZE isn't offered, 0 for no limit."""

    pipelining: bool = False
    starttls: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    size: int | None = None
    auth: frozenset[str] = frozenset()


def parse_extensions(reply: Reply) -> Extensions:
    """Read the reply to EHLO; its first line is the server's name."""
    offers: dict[str, str] = {}
    for line in reply.text.split("\n")[1:]:
        # "AUTH=PLAIN LOGIN" is how servers said it for clients older than RFC 2554.
        keyword, _, rest = line[4:].strip().upper().replace("AUTH=", "AUTH ").partition(" ")
        offers[keyword] = f"{offers.get(keyword, '')} {rest}".strip()
    size = offers.get("SIZE")
    return Extensions(
        pipelining="PIPELINING" in offers,
        starttls="STARTTLS" in offers,
        eight_bit="8BITMIME" in offers,
        smtputf8="SMTPUTF8" in offers,
        size=None if size is None else _octets(size),
        auth=frozenset(offers.get("AUTH", "").split()),
    )


def _octets(words: str) -> int:
    return int(words) if words.isascii() and words.isdigit() and len(words) <= 20 else 0
