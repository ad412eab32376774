"""What a mail document says, for the eye: to whom, about what, its text, and its whole source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from franking.core.message import head_texts

MOST_NAMED = 20
MOST_TEXT = 100_000
MOST_SOURCE = 200_000
# Longer texts in the source are shortened; of an attachment, nearly all of it.
LONG_CHARACTERS = 20_000
ATTACHED_CHARACTERS = 120
MOST_DEPTH = 30

_FIELDS = (("from", "From"), ("to", "To"), ("cc", "Cc"), ("bcc", "Bcc"), ("replyTo", "Reply-To"))


class Content(msgspec.Struct, frozen=True):
    """A document as it may be shown; `people` are labels with addresses."""

    recipient: str | None
    subject: str | None
    people: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    document: Mapping[str, Any]


def of(document: Mapping[str, Any]) -> Content:
    """What of a document is to be shown; it may hold any JSON."""
    message = document.get("message")
    given: Mapping[str, Any] = message if isinstance(message, Mapping) else {}
    # A remainder's is its envelope.
    named = document if "recipients" not in document else {"to": document["recipients"]}
    recipient, subject = head_texts({**named, "message": given})
    people = [(label, _people(named.get(name))) for name, label in _FIELDS]
    return Content(
        recipient,
        subject,
        tuple((label, names) for label, names in people if names),
        _text(given.get("html")),
        _text(given.get("text")),
        document,
    )


def source(document: Mapping[str, Any]) -> str:
    """The document as JSON to read, without the length of what it carries."""
    shortened = {name: _short(value, LONG_CHARACTERS, 1) for name, value in document.items()}
    written = msgspec.json.format(msgspec.json.encode(shortened), indent=2).decode()
    if len(written) <= MOST_SOURCE:
        return written
    return f"{written[:MOST_SOURCE]}\n… {len(written) - MOST_SOURCE:,} more characters"


def _people(value: Any) -> str:
    names = value if isinstance(value, list) else [value]
    names = [name for name in names if isinstance(name, str) and name.strip()]
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(name[:320] for name in names[:MOST_NAMED]) + more


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _short(value: Any, most: int, depth: int) -> Any:
    if isinstance(value, str) and len(value) > most:
        return f"{value[: most // 2]} … ({len(value):,} characters)"
    if depth > MOST_DEPTH and isinstance(value, dict | list):
        return "…"
    if isinstance(value, list):
        return [_short(one, most, depth + 1) for one in value]
    if isinstance(value, dict):
        return {
            name: _short(one, ATTACHED_CHARACTERS if name == "attachments" else most, depth + 1)
            for name, one in value.items()
        }
    return value
