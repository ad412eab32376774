"""What others are told: one event for each thing that happened to a mail.

An event is written in the same transaction as the fact. Its kind is spelled as the CRM contract
spells it; `sequence` counts per touchpoint and is drawn by the store in that transaction.
"""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core import times
from franking.core.delivery import Delivery, Outcome, State


class Event(msgspec.Struct, frozen=True):
    """A fact about mail `mail`; `body` is the JSON object that outlets and listeners get."""

    id: str
    kind: str
    mail: str
    touchpoint_id: str | None
    occurred_at: int
    body: dict[str, Any]


KINDS = {
    "sent": "email_Sent",
    "failed": "email_Error",
    "doubted": "email_Error",
    "expired": "email_Error",
    "refused": "email_Error",
    "waited_out": "email_Error",
    "restored": "email_Error",
    "released": "email_Error",
    "proved_sent": "email_Sent",
    "proved_unsent": "email_Error",
}


def kind_of(event: str, delivery: Delivery) -> str | None:
    """The kind to report after `event` led to `delivery`; None where nobody need hear."""
    if delivery.state is State.RETRY:
        limited = event == "deferred" and delivery.waiting_for == "send_limit"
        return "email_Rate_Limited" if limited else None
    return KINDS.get(event) if delivery.state in (State.SUCCESS, State.ERROR) else None


def report(
    event: str,
    delivery: Delivery,
    *,
    event_id: str,
    mail: str,
    links: Links,
    now: int,
    text: str,
    next_at: int | None = None,
) -> Event | None:
    """The event to write with a change, or None.

    `text` is the peer's words, verbatim; `next_at` when a rate limited mail will be tried again.
    """
    kind = kind_of(event, delivery)
    if kind is None:
        return None
    body: dict[str, Any] = {
        "event": kind,
        "eventId": event_id,
        "occurredAt": times.text(now),
        "mailId": mail,
        "attempt": delivery.attempts,
        "state": delivery.state,
        **links.named(),
    }
    if delivery.outcome is not Outcome.SENT:
        body["error"] = _error(delivery, text)
    if delivery.state is State.RETRY:
        body["nextAttemptTime"] = times.text(delivery.due_at if next_at is None else next_at)
    return Event(event_id, kind, mail, links.touchpoint_id, now, body)


class Links(msgspec.Struct, frozen=True):
    """The CRM's records that a mail belongs to."""

    touchpoint_id: str | None = None
    cadence_member_id: str | None = None
    email_message_id: str | None = None

    def named(self) -> dict[str, str]:
        pairs = {
            "touchpointId": self.touchpoint_id,
            "cadenceMemberId": self.cadence_member_id,
            "emailMessageId": self.email_message_id,
        }
        return {name: value for name, value in pairs.items() if value is not None}


def _error(delivery: Delivery, text: str) -> dict[str, Any]:
    return {
        "message": delivery.sentence,
        "code": delivery.error_code,
        "category": delivery.category,
        "cause": delivery.cause,
        "detail": text or delivery.error,
    }
