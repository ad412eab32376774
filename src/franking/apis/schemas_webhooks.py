"""What the OpenAPI document says of webhooks."""

from __future__ import annotations

from typing import Any

from franking.apis.outbox import LAST_SEQ, STATES
from franking.apis.schemas_returns import Described
from franking.core.lifecycle import TYPE, Told
from franking.core.webhook import SECRET_PREFIX, URL_CHARACTERS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_SEND = (403, 408, 413, 415, 422)


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _listed(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def _one(name: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "required": [name],
        "properties": {name: schema},
        "additionalProperties": False,
    }


_URL: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": URL_CHARACTERS,
    "description": "http or https, without a user.",
}
_SHOWN: dict[str, Schema] = {
    "id": _TEXT,
    "url": _TEXT,
    "types": {"type": "array", "items": {"enum": list(Told)}},
    "include": {"enum": ["doc", "delivery"]},
    "enabled": {"type": "boolean"},
    "state": {"enum": ["ok", "paused", "disabled"]},
    "reason": {**_MAYBE, "description": "Why it is told nothing now."},
    "since": _MAYBE_TIME,
    "pausedUntil": {**_MAYBE_TIME, "description": "When it is tried again."},
    "createTime": _TIME,
    "toldTime": {**_MAYBE_TIME, "description": "When it last took an event."},
    "waiting": {**_COUNT, "description": "Events it has yet to hear."},
    "parked": {**_COUNT, "description": "Events that are told no more by themselves."},
}
_MADE: Schema = {
    **_object(**_SHOWN),
    "properties": {
        **_SHOWN,
        "secret": {**_TEXT, "description": "Only where it was made now: this once."},
    },
}

WEBHOOK_SCHEMAS: dict[str, Schema] = {
    "NewWebhook": {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": _URL,
            "types": {
                "type": ["array", "null"],
                "minItems": 1,
                "items": {"enum": [*Told, *(TYPE + kind for kind in Told)]},
                "description": "Which of the seven it hears; all, where absent.",
            },
            "include": {
                "enum": ["doc", "delivery", None],
                "description": "The whole document, or its delivery and routing fields alone.",
            },
            "enabled": {"type": ["boolean", "null"]},
            "secret": {
                **_MAYBE,
                "pattern": f"^{SECRET_PREFIX}",
                "description": "What signs; null: a new one is made. Absent: one is made, or kept.",
            },
        },
    },
    "Webhook": _object(**_SHOWN),
    "MadeWebhook": _MADE,
    "Webhooks": _object(items=_listed("Webhook")),
    "WebhookTest": _object(
        ok={"type": "boolean"},
        error={**_MAYBE, "description": "What went wrong, in the receiver's words."},
        milliseconds=_COUNT,
    ),
    "UndeliveredEvent": _object(
        seq=_COUNT,
        eventId=_TEXT,
        event={"enum": list(Told)},
        mailId=_TEXT,
        state={"enum": list(STATES)},
        tries=_COUNT,
        triedAt=_MAYBE_TIME,
        nextAt=_MAYBE_TIME,
        error={**_MAYBE, "description": "What went wrong the last time."},
        occurredAt=_TIME,
    ),
    "DeliveryPage": _object(
        items=_listed("UndeliveredEvent"),
        next={**_MAYBE, "description": "Hand it back as `after` to go on."},
    ),
    "ResendDeliveries": {
        "oneOf": [
            _one("seq", {"type": "integer", "minimum": 1, "maximum": LAST_SEQ}),
            _one("mail", {"type": "string", "minLength": 1, "maxLength": 255}),
            _one("all", {"const": True}),
        ],
    },
    "ResentDeliveries": _object(resent=_COUNT),
}

WEBHOOK_PARAMETERS: dict[str, tuple[str, str, str, Schema]] = {
    "types": (
        "query",
        "types",
        "Which events, with commas between; `all` adds the seven of Trigger Email.",
        {"type": "string", "examples": ["email_Sent,onError", "all"]},
    ),
}

WEBHOOK_CALLS: dict[str, Described] = {
    "addWebhook": (
        "Add a webhook; only this answer shows a secret that was made",
        "NewWebhook",
        (),
        {201: "MadeWebhook"},
        (*_SEND, 409),
    ),
    "listWebhooks": ("List webhooks, the oldest first", None, (), {200: "Webhooks"}, ()),
    "readWebhook": ("Read a webhook", None, ("id",), {200: "Webhook"}, (404,)),
    "putWebhook": (
        "Set a webhook",
        "NewWebhook",
        ("id",),
        {200: "MadeWebhook"},
        (*_SEND, 404, 409),
    ),
    "removeWebhook": (
        "Remove a webhook and what it has yet to hear",
        None,
        ("id",),
        {204: ""},
        (403, 404),
    ),
    "testWebhook": (
        "Send a ping, and tell how it went",
        None,
        ("id",),
        {200: "WebhookTest"},
        (*_SEND, 404, 409),
    ),
    "listDeliveries": (
        "List what a webhook has yet to hear, newest first",
        None,
        ("id", "eventState", "after", "limit"),
        {200: "DeliveryPage"},
        (404,),
    ),
    "resendDeliveries": (
        "Tell a webhook parked events again",
        "ResendDeliveries",
        ("id",),
        {200: "ResentDeliveries"},
        (*_SEND, 404),
    ),
}
