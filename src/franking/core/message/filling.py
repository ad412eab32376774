"""What a document lacks, put into it: the addresses of its users, and the parts of its template.

Policy (contract trigger-email, sections 1 and 5). The addresses of uids come after those that the
document has; who is not found, or has none, is left out. What a template rendered takes the place
of what the message has, part by part, even where it is empty; a part that the template lacks leaves
the message's. A template's attachments take the place of all; of an attachment only the fields
count that are known, and one that has none of them is dropped. What comes out is looked at as any
document without a template is: it may be blank, and what was filled in may not break out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from franking.core.message.shape import ADDRESS_FIELDS, ATTACHMENT_FIELDS, UID_FIELDS

NOBODY = "Error: Failed to deliver email. Expected at least 1 recipient."

Document = dict[str, Any]


def wanting(document: Mapping[str, Any]) -> bool:
    """Is there anything to fill in?"""
    return "template" in document or any(map(document.get, UID_FIELDS))


def uids(document: Mapping[str, Any]) -> list[str]:
    """The users that a document without trouble names, in their order, each once."""
    return list(dict.fromkeys(uid for field in UID_FIELDS for uid in document.get(field) or ()))


def addressed(document: Mapping[str, Any], emails: Mapping[str, str]) -> Document | None:
    """The document with its users' addresses, and without their uids; None where nobody is left."""
    filled = {name: value for name, value in document.items() if name not in UID_FIELDS}
    for field, by_uid in zip(ADDRESS_FIELDS, UID_FIELDS, strict=True):
        found = [emails[uid] for uid in document.get(by_uid) or () if uid in emails]
        if found:
            filled[field] = [*_listed(document.get(field)), *found]
    return filled if any(map(filled.get, ADDRESS_FIELDS)) else None


def rendered(
    document: Mapping[str, Any],
    parts: Mapping[str, str | None],
    attachments: Sequence[Mapping[str, Any]] | None,
) -> Document:
    """The document with what its template rendered, and without the template.

    `parts` are its subject, text, html and amp, None where it has none.
    """
    message = dict(document.get("message") or {})
    message |= {name: text for name, text in parts.items() if text is not None}
    files = attachments or message.get("attachments")
    if files is not None:
        message["attachments"] = [known for known in map(_known, files) if known]
    if message:
        # A template may have no subject, and a mail neither.
        message.setdefault("subject", "")
    filled = {name: value for name, value in document.items() if name != "template"}
    return filled | {"message": message}


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [value] if value else []


def _known(attachment: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attachment.items() if name in ATTACHMENT_FIELDS}
