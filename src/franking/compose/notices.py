"""Reads the fields of a delivery status: one notice for each recipient (RFC 3464, section 2)."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser

from franking.core.bounce import DELAYED, FAILED, RECEIPTS, Notice
from franking.core.codes import status

MOST_NOTICES = 1_000
FIELD_CHARACTERS = 4_000
ADDRESS_CHARACTERS = 320
BLOCK_CHARACTERS = 16_384

_ACTIONS = (FAILED, DELAYED, *RECEIPTS)
# Where a report has no action that we know: what its status says of it.
_BY_CLASS = {"2": RECEIPTS[0], "4": DELAYED, "5": FAILED}


def read_notices(text: str) -> tuple[Notice, ...]:
    """A notice for each block that names a recipient; the first block is about the mail."""
    blocks = _GAP.split(text, maxsplit=MOST_NOTICES + 1)[: MOST_NOTICES + 1]
    found = (
        _notice(HeaderParser().parsestr(block.lstrip("\n")[:BLOCK_CHARACTERS])) for block in blocks
    )
    return tuple(notice for notice in found if notice is not None)


def _notice(fields: Message) -> Notice | None:
    final, original = address(fields, "final-recipient"), address(fields, "original-recipient")
    code = status(_field(fields, "status"))
    action = _field(fields, "action").lower().partition(" ")[0].partition(";")[0]
    if action not in _ACTIONS:
        action = _BY_CLASS[code[0]] if code else ""
    if not action or not (final or original):
        return None
    return Notice(
        action=action,
        final=final or original or "",
        original=original,
        status=code,
        text=_typed(_field(fields, "diagnostic-code")),
        remote=_typed(_field(fields, "remote-mta")) or None,
    )


def address(fields: Message, name: str) -> str | None:
    """The address in a typed field, as `rfc822; ada@example.com`."""
    found = _typed(_field(fields, name)).strip("<> ")
    return found[:ADDRESS_CHARACTERS] or None


def plain(text: str) -> str:
    """What a peer said, without what would play with a terminal or a database."""
    return text.translate(_CONTROLS)[:FIELD_CHARACTERS].strip()


def _field(fields: Message, name: str) -> str:
    """A field unfolded; the lines of an SMTP reply stay lines."""
    value = str(fields.get(name, ""))[: 2 * FIELD_CHARACTERS]
    return plain(_FOLD.sub(" ", _LINE.sub("\n", value.replace("\r", ""))))


def _typed(value: str) -> str:
    """The value without its type, as in `smtp; 550 5.1.1 no such user`."""
    found = _TYPE.match(value)
    return value[found.end() :] if found else value


_GAP = re.compile(r"\n[ \t]*\n")
_LINE = re.compile(r"\n[ \t]+(?=[245]\d\d[ -])")
_FOLD = re.compile(r"\n[ \t]+")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}[ \t]*;[ \t]*")
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x2029), "\ufffd")
