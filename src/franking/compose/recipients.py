"""Who a mail is from and to: the address fields of a document, read and checked.

A field is a string or a list of strings, each of which may hold several mailboxes. What has no
address is dropped, as nodemailer does; what has one that cannot be sent to is refused by the
field's name, for a recipient must never be lost in silence. Control characters are refused
anywhere in a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from franking.compose.addresses import Address, Misfit, bare_address
from franking.compose.envelope import Unsendable
from franking.compose.mailboxes import MailboxGroup, split_mailboxes
from franking.compose.unicode import excerpt, mend

NO_RECIPIENTS = Unsendable("Error: No recipients defined")
_CACHED_OCTETS = 320
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class Group(msgspec.Struct, frozen=True):
    """A named list of mailboxes (RFC 5322, section 3.4)."""

    name: str
    members: tuple[Address, ...]


Party = Address | Group


class Parties(msgspec.Struct, frozen=True):
    """The address fields of one mail; `recipients` is to, cc, bcc without repeats."""

    sender: tuple[Address, ...]
    to: tuple[Party, ...]
    cc: tuple[Party, ...]
    bcc: tuple[Party, ...]
    reply_to: tuple[Party, ...]
    recipients: tuple[str, ...]
    smtputf8: bool


def read_parties(
    document: Mapping[str, Any], default_from: str, default_reply_to: str
) -> Parties | Unsendable:
    """Read from, to, cc, bcc and replyTo; the first field that cannot be used is told by name."""
    read: dict[str, tuple[Party, ...]] = {}
    for field, default in (
        ("from", default_from),
        ("to", ()),
        ("cc", ()),
        ("bcc", ()),
        ("replyTo", default_reply_to),
    ):
        parties = read_addresses(field, document.get(field) or default)
        if isinstance(parties, Unsendable):
            return parties
        read[field] = parties
    addressed = read["to"] + read["cc"] + read["bcc"]
    recipients = tuple(dict.fromkeys([one.address for one in flat(addressed)]))
    if not recipients:
        return NO_RECIPIENTS
    sender = tuple(flat(read["from"]))
    if not sender:
        return _invalid("from", str(document.get("from") or default_from), "it has no address")
    spelled = [one.address for one in (*sender, *flat(read["replyTo"]))]
    utf8 = not all(map(str.isascii, recipients)) or not all(map(str.isascii, spelled))
    to, cc, bcc = read["to"], read["cc"], read["bcc"]
    return Parties(sender, to, cc, bcc, read["replyTo"], recipients, utf8)


def read_addresses(field: str, value: Any) -> tuple[Party, ...] | Unsendable:
    """The parties in one field's value: a string or a list of strings."""
    if isinstance(value, str):
        return _read_text(field, value)
    if not isinstance(value, list | tuple):
        return Unsendable(f"Error: Invalid field '{field}': expected a string or an array")
    parties: list[Party] = []
    for text in value:
        if not isinstance(text, str):
            return Unsendable(f"Error: Invalid field '{field}': expected an array of strings")
        found = _read_text(field, text)
        if isinstance(found, Unsendable):
            return found
        parties.extend(found)
    return tuple(parties)


def flat(parties: Iterable[Party]) -> Iterator[Address]:
    """The addresses, those of groups in their places."""
    for party in parties:
        if isinstance(party, Group):
            yield from party.members
        else:
            yield party


def _read_text(field: str, text: str) -> tuple[Party, ...] | Unsendable:
    if len(text) <= _CACHED_OCTETS:
        return _read_short(field, text)
    return _read(field, text)


def _read(field: str, text: str) -> tuple[Party, ...] | Unsendable:
    simple = bare_address(text)
    if isinstance(simple, str):
        return (Address("", simple),)
    if _CONTROL.search(text):
        return _invalid(field, text, "it has a line break or another control character")
    entries = split_mailboxes(mend(text))
    if isinstance(entries, Misfit):
        return _invalid(field, text, entries.reason)
    parties: list[Party] = []
    for entry in entries:
        mailboxes = entry.members if isinstance(entry, MailboxGroup) else (entry,)
        members: list[Address] = []
        for mailbox in mailboxes:
            address = bare_address(mailbox.address)
            if isinstance(address, Misfit):
                return _invalid(field, mailbox.address, address.reason)
            members.append(Address(mailbox.name, address))
        if isinstance(entry, MailboxGroup):
            parties.append(Group(entry.name, tuple(members)))
        else:
            parties += members
    return tuple(parties)


_read_short = lru_cache(maxsize=8192)(_read)


def _invalid(field: str, text: str, reason: str) -> Unsendable:
    return Unsendable(f"Error: Invalid address in field '{field}': {excerpt(text)} ({reason})")
