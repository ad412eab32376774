"""The head of a touchpoint's email, for whom it is and its subject, and the words that find it.

A head is shown in a list of many, so it is one short line, whatever a document holds: what can't be
printed is a space, and it is cut between characters as people see them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import islice
from typing import Any

from msgspec.structs import replace

from franking.core.merging import merged
from franking.core.touchpoint import Touchpoint
from franking.core.touchpoint.cuts import cut

HEAD_UNITS = 200
WORDS_CHARACTERS = 1_500
# So much of a document is looked at for a head.
READ_CHARACTERS = 1_000
READ_ADDRESSES = 100
# Controls, half characters, and what ends a line or a paragraph; joiners of emojis stay.
_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def headed(touchpoint: Touchpoint, document: Mapping[str, Any]) -> Touchpoint:
    """The touchpoint with the head of this mail document, which may hold any JSON."""
    message = document.get("message")
    subject = message.get("subject") if isinstance(message, Mapping) else None
    return replace(touchpoint, recipient=_recipient(document.get("to")), subject=_line(subject))


def mended(touchpoint: Touchpoint, patch: Mapping[str, Any]) -> Touchpoint:
    """The touchpoint with the head of its mail after a merge of `patch`: what it doesn't name
    stays."""
    head = {"to": touchpoint.recipient, "message": {"subject": touchpoint.subject}}
    return headed(touchpoint, merged(head, patch))


def words(touchpoint: Touchpoint) -> str:
    """What `q` looks in, lower-cased, WORDS_CHARACTERS at most; nothing for one that is deleted."""
    if touchpoint.deleted_at is not None:
        return ""
    parts = (
        touchpoint.recipient,
        touchpoint.subject,
        touchpoint.cadence_member_id,
        touchpoint.email_message_id,
        touchpoint.id,
    )
    found = " ".join(_printed(part) for part in parts if part)
    return " ".join(found.lower().split())[:WORDS_CHARACTERS]


def _recipient(to: Any) -> str | None:
    if isinstance(to, list):
        to = ", ".join(islice((one for one in to if isinstance(one, str)), READ_ADDRESSES))
    return _line(to)


def _line(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = " ".join(_printed(value.lstrip()[:READ_CHARACTERS]).split())
    return cut(text, HEAD_UNITS).rstrip() or None


def _printed(text: str) -> str:
    if text.isprintable():
        return text
    return "".join([" " if unicodedata.category(c) in _UNSHOWN else c for c in text])
