"""What the OpenAPI document says of the outbox and of the agreement check."""

from __future__ import annotations

from typing import Any

from franking.apis.listing import DEFAULT_LIMIT, MAX_LIMIT
from franking.apis.outbox import LAST_SEQ, STATES
from franking.apis.schemas_returns import Described

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_SEND = (403, 408, 413, 415, 422)


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _one(name: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "required": [name],
        "properties": {name: schema},
        "additionalProperties": False,
    }


_NEXT: Schema = {**_MAYBE, "description": "Hand it back as `after` to go on."}

OUTBOX_SCHEMAS: dict[str, Schema] = {
    "UnheardEvent": _object(
        seq=_COUNT,
        eventId=_TEXT,
        event={**_TEXT, "examples": ["email_Sent", "email_Error", "email_Rate_Limited"]},
        touchpointId=_TEXT,
        mailId=_TEXT,
        state={"enum": list(STATES)},
        tries=_COUNT,
        triedAt=_MAYBE_TIME,
        error={**_MAYBE, "description": "The outlet's words."},
        occurredAt=_TIME,
        body={"type": "object", "description": "What the outlet is told."},
    ),
    "OutboxPage": _object(
        items=_listed({"$ref": "#/components/schemas/UnheardEvent"}),
        next=_NEXT,
        waiting={**_COUNT, "description": "Of all, not only of this page."},
        parked=_COUNT,
        oldestAt={**_MAYBE_TIME, "description": "When the oldest that waits happened."},
        pausedUntil={**_MAYBE_TIME, "description": "Until when the outlet hears nothing."},
        reason={**_MAYBE, "description": "Why it hears nothing."},
        since=_MAYBE_TIME,
    ),
    "ResendEvents": {
        "oneOf": [
            _one("seq", {"type": "integer", "minimum": 1, "maximum": LAST_SEQ}),
            _one("touchpoint", {"type": "string", "minLength": 1, "maxLength": 255}),
            _one("all", {"const": True}),
        ],
    },
    "ResentEvents": _object(resent=_COUNT),
    "RepairPage": {
        "type": "object",
        "properties": {
            "after": {"type": "string", "pattern": "^[0-9]{1,18}$"},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_LIMIT,
                "default": DEFAULT_LIMIT,
            },
        },
        "additionalProperties": False,
    },
    "Disagreement": _object(
        touchpointId=_TEXT,
        type=_TEXT,
        actionStatus=_TEXT,
        differences=_listed(_object(field=_TEXT, shown=_MAYBE, expected=_MAYBE, reason=_TEXT)),
        missing=_listed(
            _object(
                seq=_COUNT,
                eventId=_TEXT,
                event=_TEXT,
                state={"enum": [*STATES, None], "description": "null: it was told, and lost."},
            )
        ),
    ),
    "CheckedTouchpoints": _object(
        items=_listed({"$ref": "#/components/schemas/Disagreement"}),
        next=_NEXT,
        compared={**_COUNT, "description": "How many touchpoints were looked at."},
        newest={**_COUNT, "description": "The number of the newest; `next` comes to it."},
        resent={**_COUNT, "description": "How many events are told again."},
    ),
}

OUTBOX_PARAMETERS: dict[str, tuple[str, str, str, Schema]] = {
    "eventState": ("query", "state", "Only in this state.", {"enum": list(STATES)}),
}

OUTBOX_CALLS: dict[str, Described] = {
    "listOutbox": (
        "List events that the CRM has yet to hear, newest first",
        None,
        ("eventState", "touchpoint", "after", "limit"),
        {200: "OutboxPage"},
        (),
    ),
    "resendEvents": (
        "Send parked events again",
        "ResendEvents",
        (),
        {200: "ResentEvents"},
        _SEND,
    ),
    "checkTouchpoints": (
        "Compare touchpoints with the mails' own record, oldest first",
        None,
        ("after", "limit"),
        {200: "CheckedTouchpoints"},
        (),
    ),
    "repairTouchpoints": (
        "Compare, and send missing events again",
        "RepairPage",
        (),
        {200: "CheckedTouchpoints"},
        _SEND,
    ),
}
