"""Header fields as bytes: folding (RFC 5322, section 2.2.3) and encoded words (RFC 2047).

Every field ends in CRLF and has lines of at most 78 octets where its words allow, and never more
than 998. No field can hold a line break, a NUL or another control character of its own.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from functools import lru_cache

from franking.compose.addresses import Address
from franking.compose.recipients import Group, Party
from franking.compose.unicode import mend

MAX_LINE_OCTETS = 998
_FOLD_AT = 78  # RFC 5322, section 2.1.1
_ENCODED_FOLD_AT = 76  # RFC 2047, section 2: a line that holds an encoded word
_ENCODED_WORD = 75
_LEAST_ROOM = 24  # less than this, and the first encoded word starts on a line of its own
_LONGEST_NAME = 60  # a longer display name is folded, which only encoded words are sure to stand

_LINE_BREAK = re.compile(r"\r\n|[\x00-\x1f\x7f]")
_WORD = re.compile(r"[ ]*[^ ]+")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# What RFC 2047, section 5 (3) lets stand in an encoded word in a phrase is safe everywhere.
_Q = [
    "_" if octet == 32 else chr(octet) if chr(octet).isalnum() and octet < 128 else f"={octet:02X}"
    for octet in range(256)
]


def text_header(name: str, value: str, *, prepared: bool = False) -> bytes:
    """An unstructured field, or nothing where the value is blank.

    Control characters become spaces. What looks like an encoded word is encoded again, so that
    it is read as written; unless `prepared`: then ASCII is left as it is.
    """
    value = one_line(value)
    if not value:
        return b""
    if value.isascii() and (prepared or "=?" not in value):
        if len(name) + 2 + len(value) <= _FOLD_AT:
            return f"{name}: {value}\r\n".encode()
        words = _WORD.findall(value)
        if max(map(len, words)) < MAX_LINE_OCTETS - len(name) - 2:
            return _fold(f"{name}:", [" " + words[0], *words[1:]])
    words = encoded_words(value, first_room=_ENCODED_FOLD_AT - len(name) - 2)
    return f"{name}: {words_folded(words)}\r\n".encode()


def address_header(name: str, parties: Iterable[Party]) -> bytes:
    """A field of mailboxes and groups, or nothing where there are none."""
    pieces = [piece for party in parties for piece in _party(party)]
    if not pieces:
        return b""
    pieces[-1] = pieces[-1].removesuffix(",")
    line = f"{name}: {' '.join(pieces)}\r\n"
    if len(line) <= _ENCODED_FOLD_AT + 2:
        return line.encode()
    return _fold(f"{name}:", [" " + piece for piece in pieces])


def one_line(value: str) -> str:
    """The value with each control character, CRLF together, as a space; no space around it."""
    if not value.isprintable():
        value = _LINE_BREAK.sub(" ", mend(value))
    return value.strip(" ")


def encoded_words(text: str, first_room: int = _ENCODED_WORD) -> list[str]:
    """The text in UTF-8 as encoded words of 75 characters at most, by Q or B, what is shorter.

    `first_room` is what is left on the line for the first; the list begins with an empty string
    where that is too little.
    """
    octets = text.encode()
    quoted = "".join(map(_Q.__getitem__, octets))
    by_q = len(quoted) <= (len(octets) + 2) // 3 * 4
    if by_q and 12 + len(quoted) <= min(first_room, _ENCODED_WORD):
        return [f"=?utf-8?Q?{quoted}?="]
    if not by_q and 12 + (len(octets) + 2) // 3 * 4 <= min(first_room, _ENCODED_WORD):
        return [_b_word(octets)]
    first = [""] if first_room < _LEAST_ROOM else []
    room = _ENCODED_WORD if first else min(first_room, _ENCODED_WORD)
    return first + _q_words(text, room) if by_q else first + _b_words(text, room)


def words_folded(words: Iterable[str]) -> str:
    """Encoded words, each on a line of its own: the white space between them is no text."""
    return "\r\n ".join(words)


def _q_words(text: str, room: int) -> list[str]:
    words: list[str] = []
    word, left = "=?utf-8?Q?", room - 12
    for character in text:
        piece = "".join(map(_Q.__getitem__, character.encode()))
        if len(piece) > left:
            words.append(word + "?=")
            word, left = "=?utf-8?Q?", _ENCODED_WORD - 12
        word += piece
        left -= len(piece)
    return [*words, word + "?="]


def _b_words(text: str, room: int) -> list[str]:
    words: list[str] = []
    chunk, left = b"", (room - 12) // 4 * 3
    for character in text:
        octets = character.encode()
        if len(octets) > left:
            words.append(_b_word(chunk))
            chunk, left = b"", (_ENCODED_WORD - 12) // 4 * 3
        chunk += octets
        left -= len(octets)
    return [*words, _b_word(chunk)]


def _b_word(octets: bytes) -> str:
    return f"=?utf-8?B?{binascii.b2a_base64(octets, newline=False).decode('ascii')}?="


def _party(party: Party) -> list[str]:
    """The pieces of one party between which a line may be folded, the last with a comma."""
    if not isinstance(party, Group):
        return _mailbox(party, ",")
    members = [piece for member in party.members for piece in _mailbox(member, ",")]
    name = [*(phrase(party.name) or ('""',))]
    name[-1] += ":"
    if not members:
        return [*name, ";,"]
    members[-1] = members[-1][:-1] + ";,"
    return name + members


def _mailbox(mailbox: Address, end: str) -> list[str]:
    name = phrase(mailbox.name) if mailbox.name else ()
    return [*name, f"<{mailbox.address}>{end}"] if name else [mailbox.address + end]


@lru_cache(maxsize=4096)
def phrase(name: str) -> tuple[str, ...]:
    """A display name as pieces: bare, quoted or encoded, as its characters ask."""
    name = one_line(name)
    if not name:
        return ()
    if len(name) <= _LONGEST_NAME and name.isascii() and "=?" not in name:
        if _PHRASE.fullmatch(name):
            return (name,)
        return ('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"',)
    return tuple(encoded_words(name, first_room=_ENCODED_WORD - 12))


def _fold(line: str, pieces: Iterable[str]) -> bytes:
    """Put the pieces, each with its leading white space, on lines of 76 where they fit."""
    lines: list[str] = []
    empty = True
    for piece in pieces:
        if len(line) + len(piece) > _ENCODED_FOLD_AT and not empty:
            lines.append(line)
            line = ""
        line += piece
        empty = False
    return "\r\n".join([*lines, line, ""]).encode()
