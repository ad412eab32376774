"""Touchpoints and conquer errors as JSON: from core to what callers read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from franking.core import times
from franking.core.touchpoint import ConquerError
from franking.outlets.base import BadEvent, RetriedMany, Shown, Taken


def shown(shown: Shown) -> bytes:
    """One touchpoint with its conquer errors, newest first."""
    return msgspec.json.encode(_touchpoint(shown))


def page(found: Sequence[Shown], next: int | None) -> bytes:
    """A page of touchpoints."""
    return msgspec.json.encode({"items": [_touchpoint(one) for one in found], "next": _text(next)})


def errors(found: Sequence[tuple[int, ConquerError]], next: int | None) -> bytes:
    """A page of conquer errors, each with what it belongs to."""
    items = [_error(error) | _links(error) for _, error in found]
    return msgspec.json.encode({"items": items, "next": _text(next)})


def taken(taken: Taken) -> bytes:
    """What an event came to."""
    return msgspec.json.encode({"status": taken.status, "touchpoint": _touchpoint(taken.shown)})


def retried(tally: RetriedMany) -> bytes:
    """What became of many retries."""
    told = {
        "accepted": tally.accepted,
        "leftOut": tally.left_out,
        "refused": tally.refused,
        "why": [
            {"reason": reason, "error_message": text, "count": count}
            for reason, text, count in tally.why
        ],
        "next": _text(tally.next),
    }
    return msgspec.json.encode(told)


def refused(text: str, reason: str) -> bytes:
    """A refusal in words for the rep, and a word for programs."""
    return msgspec.json.encode({"error_message": text, "reason": reason})


def apex(error: BadEvent) -> bytes:
    """A refusal as Apex REST tells it."""
    return msgspec.json.encode([{"errorCode": error.code, "message": str(error)}])


def _touchpoint(shown: Shown) -> dict[str, Any]:
    t = shown.touchpoint
    return {
        "id": t.id,
        "type": t.kind,
        "actionStatus": t.status,
        "errorMessage": t.error_message,
        "errorMessageTruncated": t.error_message_truncated,
        "errorCode": t.error_code,
        "errorCategory": t.error_category,
        "manualRetryCount": t.manual_retry_count,
        "statusLastUpdated": times.text(t.status_updated_at),
        "createdAt": times.text(t.created_at),
        "dueAt": _time(t.due_at),
        "nextAttemptTime": _time(t.next_attempt_at),
        "cadenceMemberId": t.cadence_member_id,
        "emailMessageId": t.email_message_id,
        "recipient": t.recipient,
        "subject": t.subject,
        "timerId": t.timer_id,
        "mailId": t.mail_id,
        "lastEventId": t.last_event_id,
        "lastSequence": t.last_sequence,
        "errors": [_error(child) for child in shown.children],
    }


def _error(error: ConquerError) -> dict[str, Any]:
    return {
        "id": error.id,
        "status": error.status,
        "errorMessage": error.error_message,
        "errorMessageTruncated": error.error_message_truncated,
        "errorCode": error.error_code,
        "occurredAt": times.text(error.occurred_at),
    }


def _links(error: ConquerError) -> dict[str, Any]:
    return {
        "touchpointId": error.touchpoint_id,
        "cadenceMemberId": error.cadence_member_id,
        "emailMessageId": error.email_message_id,
        "eventId": error.event_id,
    }


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
