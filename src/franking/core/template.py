"""Templates as the extension's collection holds them (contract trigger-email, section 5).

Policy. A template is found by its `name`, where it has one, and else by its id; a partial is known
to each part that it has, and is no template. A part that is empty or null is as if it were not
there. What is wrong with one is told when it is written, by field; what only its language can tell
(a brace too many) is told where it is rendered, on the mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

PARTS = ("subject", "text", "html", "amp")
# Which parts escape what they are given (`& < > " ' ` =`).
ESCAPED = ("html", "amp")
FIELDS = (*PARTS, "attachments", "partial", "name")
NAME_CHARACTERS = 255
MOST_ATTACHMENTS = 100
# Of all attachments together, at any depth.
MOST_VALUES = 10_000


class Template(msgspec.Struct, frozen=True):
    """One template; a part that it does not have is None. `attachments` are maps whose texts are
    templates themselves."""

    id: str
    name: str | None = None
    partial: bool = False
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    amp: str | None = None
    attachments: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """What a mail document names it by."""
        return self.name or self.id

    def part(self, name: str) -> str | None:
        """The source of one of PARTS."""
        found: str | None = getattr(self, name)
        return found


class Book(msgspec.Struct, frozen=True):
    """All templates as they were at one moment. `version` is another one after any change."""

    version: int
    templates: dict[str, Template]
    partials: dict[str, Template]


def book(version: int, templates: Iterable[Template]) -> Book:
    """A book of templates; of several with one key the last one counts."""
    known = list(templates)
    return Book(
        version,
        {one.key: one for one in known if not one.partial},
        {one.key: one for one in known if one.partial},
    )


def read(id: str, document: Mapping[str, Any]) -> Template:
    """A template from its document; other fields are kept by who keeps the document. Raises
    ValueError, which names the field."""
    name = document.get("name")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= NAME_CHARACTERS):
        raise ValueError(f"Field 'name' must be a string of 1 to {NAME_CHARACTERS} characters")
    partial = document.get("partial")
    if partial is not None and not isinstance(partial, bool):
        raise ValueError("Field 'partial' must be true or false")
    return Template(
        id=id,
        name=name,
        partial=bool(partial),
        attachments=_attachments(document.get("attachments")),
        **{part: _source(document, part) for part in PARTS},
    )


def _source(document: Mapping[str, Any], part: str) -> str | None:
    value = document.get(part)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"Field '{part}' must be a string")
    return value or None


def _attachments(value: Any) -> tuple[dict[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("Field 'attachments' must be an array")
    if len(value) > MOST_ATTACHMENTS:
        raise ValueError(f"Field 'attachments' may have {MOST_ATTACHMENTS} entries at most")
    for number, one in enumerate(value):
        if not isinstance(one, dict):
            raise ValueError(f"Field 'attachments.{number}' must be a map")
    if _values(value, 0) > MOST_VALUES:
        raise ValueError(f"Field 'attachments' may hold {MOST_VALUES} values at most")
    return tuple(value)


def _values(value: Any, before: int) -> int:
    """How many there are in a value and before it; no further than MOST_VALUES are counted."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    count = before + 1
    for one in inner:
        if count > MOST_VALUES:
            break
        count = _values(one, count)
    return count
