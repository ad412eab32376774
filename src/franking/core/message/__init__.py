"""The mail document: what is wrong with it, in the contract's exact texts, and what it asks for.

Policy: a document is looked at block by block in the extension's order, and the first block
that fails gives the text; what several fields of one block have wrong is told together. What
the extension sent as a blank mail or left lying for ever is an error at once (contract
trigger-email, sections 4 and 9). Only after the contract's rules come franking's own: its
fields, the limits, and what would break out of a header or an envelope; but for more recipients or
attachments than anybody has, which are told before each of them is looked at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.core.message import limits, shape
from franking.core.message.options import DEFAULT_ACCOUNT, Options, options
from franking.core.message.options import issues as option_issues
from franking.core.message.shape import UID_FIELDS

__all__ = [
    "DEFAULT_ACCOUNT",
    "MAX_RECIPIENTS",
    "Options",
    "Setup",
    "count_recipients",
    "head_texts",
    "options",
    "search_text",
    "trouble",
    "unsupported",
]

MAX_RECIPIENTS = limits.MAX_RECIPIENTS
count_recipients = limits.count_recipients
TROUBLE_CHARACTERS = 2000
SEARCH_RECIPIENTS_CHARACTERS = 1500
SEARCH_SUBJECT_CHARACTERS = 499
HEAD_CHARACTERS = 200
# So much of a document is looked at for its head.
HEAD_READ_CHARACTERS = 1000


class Setup(msgspec.Struct, frozen=True):
    """What this service is set up to do beside sending documents as they are.

    `send_grid`: what the mail goes through is SendGrid's Web API.
    """

    users: bool = False
    templates: bool = False
    send_grid: bool = False


_BARE = Setup()


def trouble(document: Mapping[str, Any]) -> str | None:
    """What is wrong with a document, as `delivery.error` tells it; None when nothing is.

    Never raises, whatever JSON value it is given; the text has at most TROUBLE_CHARACTERS.
    """
    if not isinstance(document, Mapping):
        return "ValidationError: Invalid email configuration: The document must be a map"
    for configuration, block in _BLOCKS:
        issues = block(document)
        if issues:
            text = f"ValidationError: Invalid {configuration} configuration: {'. '.join(issues)}"
            return text[:TROUBLE_CHARACTERS]
    return None


_BLOCKS = (
    ("email", limits.crowds),
    ("sendGrid", shape.send_grid),
    ("template", shape.template),
    ("message", shape.message),
    ("email", shape.payload),
    ("message", shape.blank),
    ("email", limits.issues),
    ("email", option_issues),
)


def unsupported(document: Mapping[str, Any], setup: Setup = _BARE) -> str | None:
    """What a document without trouble asks for that this service is not set up to do."""
    if not setup.users and any(map(document.get, UID_FIELDS)):
        return "Error: Must specify a users collection to send using uids."
    if not setup.templates and "template" in document:
        return "Error: Must specify a templates collection to send using a template."
    if not setup.send_grid and "sendGrid" in document:
        return "Error: sendGrid fields need the SendGrid transport."
    return None


def search_text(document: Mapping[str, Any]) -> str:
    """Recipients, then the subject, lower-cased and bounded: what `q` looks in."""
    subject = _subject(document)
    recipients = " ".join(_strings(document.get(field)) for field in ("to", "cc", "bcc"))
    parts = (
        recipients[:SEARCH_RECIPIENTS_CHARACTERS],
        subject[:SEARCH_SUBJECT_CHARACTERS],
    )
    return " ".join(" ".join(parts).lower().split())


def head_texts(document: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Recipients (`to`, or else `cc`, or else `bcc`) and subject, each on one short line: what a
    list shows. At most HEAD_CHARACTERS each, None where there is none."""
    named = (_line(_strings(document.get(field), ", ")) for field in ("to", "cc", "bcc"))
    return next(filter(None, named), None), _line(_subject(document))


def _subject(document: Mapping[str, Any]) -> str:
    """The document's own, or else which template will have it."""
    message, template = document.get("message"), document.get("template")
    subject = message.get("subject") if isinstance(message, dict) else None
    if isinstance(subject, str) and subject:
        return subject
    name = template.get("name") if isinstance(template, dict) else None
    return f"(template {name})" if isinstance(name, str) else ""


def _line(text: str) -> str | None:
    """What ends a line, controls and half characters are spaces; joiners of emojis stay."""
    read = text.lstrip()[:HEAD_READ_CHARACTERS]
    if not read.isprintable():
        read = "".join([" " if unicodedata.category(c) in _UNSHOWN else c for c in read])
    return " ".join(read.split())[:HEAD_CHARACTERS].rstrip() or None


def _strings(value: Any, between: str = " ") -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return between.join(item for item in value if isinstance(item, str) and item.strip())
    return ""


_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
