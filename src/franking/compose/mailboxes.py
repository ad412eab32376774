"""An address field's text split into mailboxes and groups, forgiving as nodemailer is.

`Name <a@b>`, `a@b (Name)`, `"Doe, John" <a@b>`, `Name a@b`, `team: a@x, b@y;`; commas and
semicolons part them. What cannot be told apart is refused, never guessed: two addresses with
nothing between them would send to one of them only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from franking.compose.addresses import Misfit

# Nearly all fields are one of these; the rest goes through the tokens.
_COMMON = re.compile(
    r"""
      [ ]*
      (?:"(?P<quoted>[^"\\]*)" | (?P<plain>[^\s"\\<>()@,;:]+(?:[ ][^\s"\\<>()@,;:]+)*))
      [ ]* <(?P<address>[^\s"\\<>(),;:]+)> [ ]*
    """,
    re.VERBOSE,
)
# What is not closed reaches to the end, and nothing is tried twice: a hostile field costs no more
# than its length.
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | <(?P<angle>(?:"(?:[^"\\]|\\.?)*+(?:"|\Z)|[^>])*+)>?
    | (?P<sign>[,;:(])
    | (?P<word>(?:"(?:[^"\\]|\\.?)*+(?:"|\Z)|[^\s"(<,;:])++)
    | (?P<rest>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.?)*+)(?:"|\Z)', re.DOTALL)
_COMMENT_SIGN = re.compile(r"[()\\]")


class Mailbox(msgspec.Struct, frozen=True):
    """One mailbox as written; `address` is not checked yet."""

    name: str
    address: str


class MailboxGroup(msgspec.Struct, frozen=True):
    """A named list of mailboxes (RFC 5322, section 3.4)."""

    name: str
    members: tuple[Mailbox, ...]


Entry = Mailbox | MailboxGroup


def split_mailboxes(text: str) -> list[Entry] | Misfit:
    """All mailboxes and groups in the order written; words without an address are dropped."""
    common = _COMMON.fullmatch(text)
    if common:
        name = (common["plain"] or common["quoted"]).strip()
        return [Mailbox(name, common["address"])]
    entries: list[Entry] = []
    members: list[Mailbox] | None = None
    group_name = ""
    draft = _Draft()
    for kind, value in _tokens(text):
        if kind == "sign" and value == ":" and members is None:
            group_name, members, draft = draft.name(), [], _Draft()
        elif kind == "sign" and value in ",;":
            mailbox = draft.mailbox()
            draft = _Draft()
            if isinstance(mailbox, Misfit):
                return mailbox
            if mailbox:
                (entries if members is None else members).append(mailbox)
            if value == ";" and members is not None:
                entries.append(MailboxGroup(group_name, tuple(members)))
                members = None
        else:
            draft.take(kind, value)
    mailbox = draft.mailbox()
    if isinstance(mailbox, Misfit):
        return mailbox
    if mailbox:
        (entries if members is None else members).append(mailbox)
    if members is not None:
        entries.append(MailboxGroup(group_name, tuple(members)))
    return entries


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None  # `rest` takes anything
        at = token.end()
        kind = str(token.lastgroup)
        value = token[kind]
        if value == "(":
            start, at = at, _comment_end(text, at)
            yield "comment", text[start : at - 1]
        elif kind != "space":
            yield kind, value


def _comment_end(text: str, at: int) -> int:
    """The place behind the parenthesis that closes the comment; the text's end if none does."""
    depth = 1
    while depth and (sign := _COMMENT_SIGN.search(text, at)):
        at = sign.end() + (sign[0] == "\\")
        depth += (sign[0] == "(") - (sign[0] == ")")
    return at if not depth else len(text) + 1


class _Draft:
    """What was seen of one mailbox so far."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.angles: list[str] = []
        self.comments: list[str] = []

    def take(self, kind: str, value: str) -> None:
        if kind == "angle":
            self.angles.append(value.rpartition("<")[2].strip(" \t"))
        elif kind == "comment":
            self.comments.append(value.strip())
        else:
            self.words.append(value)

    def name(self) -> str:
        return " ".join(filter(None, map(_unquoted, self.words))) or " ".join(self.comments)

    def mailbox(self) -> Mailbox | Misfit | None:
        angles = [angle for angle in self.angles if angle]
        if not angles:
            angles = self._bare()
        if len(angles) > 1:
            return Misfit("two addresses stand there with no comma between them")
        return Mailbox(self.name(), angles[0]) if angles else None

    def _bare(self) -> list[str]:
        """The words that are addresses; an @ inside quotes never makes one, lest mail go astray."""
        found = [word for word in self.words if "@" in _QUOTED.sub("", word)]
        if len(found) == 1:
            self.words.remove(found[0])
        return found


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1]), word)
