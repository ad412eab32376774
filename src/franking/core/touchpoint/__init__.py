"""The touchpoint: its Action Status as a rep sees it, and what is kept of it.

Policy, as `docs/machines.md` draws it (contract cadence, section 1). Sent is final. Every other
change wipes the error fields, Status Last Updated and the status, and writes them anew in one
write; at Scheduled, Manual Retry and Sent the error fields are blank. Rate Limited, Error and
Manual Retry each make a child, the conquer error. The picklist is unrestricted: a status that
somebody added in the org is kept, shown, and left by the next event as any other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from franking.core.machine import NOTHING, Arrow, table


class Status(StrEnum):
    """As the rep reads them."""

    SCHEDULED = "Scheduled"
    PENDING_MANUAL_SEND = "Pending Manual Send"
    RATE_LIMITED = "Rate Limited"
    SENT = "Sent"
    ERROR = "Error"
    MANUAL_RETRY = "Manual Retry"


C, P, R, S, E, M = Status
OPEN = (C, P, R, E, M)

AUTOMATED, MANUAL = "automated", "manual"
Kind = Literal["automated", "manual"]

ARROWS = (
    Arrow(NOTHING, "created", C, AUTOMATED),
    Arrow(NOTHING, "created", P, MANUAL),
    *(Arrow(s, "email_Rate_Limited", R, note="a child") for s in OPEN),
    *(Arrow(s, "email_Error", E, note="a child") for s in OPEN),
    *(Arrow(s, "email_Sent", S) for s in OPEN),
    *(Arrow(s, "retried", M, AUTOMATED, "a child; Manual Retry Count + 1") for s in (E, C, R, M)),
    *(Arrow(s, "completed", s, MANUAL, "what went wrong stays in sight") for s in (E, P)),
)
TABLE = table(ARROWS)


class Touchpoint(msgspec.Struct, frozen=True):
    """A touchpoint; times are milliseconds since 1970 UTC.

    `status` is any text, for the picklist is unrestricted. `last_event_id` and `last_sequence` are
    of the newest event applied. `completions` counts how often a manual one was completed.
    `recipient` and `subject` are those of the email that was last handed in, cut for a list.
    """

    id: str
    kind: Kind
    status: str
    status_updated_at: int
    created_at: int
    cadence_member_id: str | None = None
    email_message_id: str | None = None
    due_at: int | None = None
    next_attempt_at: int | None = None
    error_message: str | None = None
    error_message_truncated: str | None = None
    error_code: str | None = None
    error_category: str | None = None
    manual_retry_count: int = 0
    last_event_id: str | None = None
    last_sequence: int = 0
    mail_id: str | None = None
    timer_id: str | None = None
    completions: int = 0
    asked_at: int | None = None
    deleted_at: int | None = None
    seq: int = 0
    recipient: str | None = None
    subject: str | None = None


class ConquerError(msgspec.Struct, frozen=True):
    """A child of a touchpoint: one Rate Limited, Error or Manual Retry.

    `event_id` is unique, so that a repeated event makes no second child; `occurred_at` is the
    event's own time.
    """

    event_id: str
    touchpoint_id: str
    status: str
    occurred_at: int
    error_message: str | None = None
    error_message_truncated: str | None = None
    error_code: str | None = None
    cadence_member_id: str | None = None
    email_message_id: str | None = None
    id: str = ""


class Reason(msgspec.Struct, frozen=True):
    """Why a mail was not sent: the sentence for the rep, and the words of the server."""

    message: str | None = None
    code: str | None = None
    category: str | None = None
    cause: str | None = None
    detail: str | None = None


class Told(msgspec.Struct, frozen=True):
    """An event as the package is told it (contract cadence, section 3)."""

    status: Status
    event_id: str
    sequence: int
    occurred_at: int
    retry_count: int = 0
    error: Reason | None = None
    next_attempt_at: int | None = None
    mail_id: str | None = None
    timer_id: str | None = None
