"""What a mail's row has of its document: for the claim, for lists and for the search."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.event import Links
from franking.core.message import (
    DEFAULT_ACCOUNT,
    Options,
    count_recipients,
    head_texts,
    search_text,
)


def contents(document: dict[str, Any], given: Options) -> dict[str, Any]:
    """The fields that a `NewMail` and the `Change` of an edit have alike; `given` is what the
    document asks for."""
    recipient, subject = head_texts(document)
    return {
        "document": msgspec.Raw(msgspec.json.encode(document)),
        "search": search_text(document),
        "recipient": recipient,
        "subject": subject,
        "account": given.account or DEFAULT_ACCOUNT,
        "priority": given.priority,
        "recipients": max(count_recipients(document), 1),
        "on_unknown": given.on_unknown,
        "links": Links(given.touchpoint_id, given.cadence_member_id, given.email_message_id),
    }


def without_own_id(id: str, document: dict[str, Any]) -> dict[str, Any]:
    """What was read can be written back: the `id` that we put there is no field of it."""
    if document.get("id") == id:
        del document["id"]
    return document
