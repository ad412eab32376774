"""The four fields that a person writes of an email, from a mail document and back to one.

A document has more than that: what it holds beside these fields stays as it is. What a person left
as it was is no change of the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from franking.web.asked import Fields

NAMES = ("to", "subject", "text", "html")


class Letter(msgspec.Struct, frozen=True):
    """What a person writes; None where the document has it in another form, or not at all."""

    to: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None

    @property
    def empty(self) -> bool:
        """Is there nothing of an email yet?"""
        return not any((self.to, self.subject, self.text, self.html))


def of(document: Mapping[str, Any]) -> Letter:
    """What of a document a person can write anew; it may hold any JSON."""
    message = document.get("message")
    given: Mapping[str, Any] = message if isinstance(message, Mapping) else {}
    return Letter(
        to=_addresses(document.get("to")), **{name: _text(given.get(name)) for name in NAMES[1:]}
    )


def typed(fields: Fields) -> Letter:
    """What was typed into a form; a field that it does not have is None."""
    return Letter(**{name: fields.text(name) if name in fields else None for name in NAMES})


def changes(before: Letter, after: Letter) -> dict[str, Any]:
    """The document's fields that were changed, for a merge; an emptied text is taken out."""
    found = {
        name: value
        for name in NAMES
        if (value := getattr(after, name)) is not None and value != (getattr(before, name) or "")
    }
    patch: dict[str, Any] = {"to": found.pop("to").strip()} if "to" in found else {}
    message = {name: value or None for name, value in found.items()}
    return patch | ({"message": message} if message else {})


def document(letter: Letter) -> dict[str, Any]:
    """A whole document of what was typed."""
    message = {name: getattr(letter, name) for name in NAMES[1:]}
    return {
        "to": (letter.to or "").strip(),
        "message": {name: value for name, value in message.items() if value},
    }


def _addresses(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return _text(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
