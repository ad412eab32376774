"""The shapes that the OpenAPI document names, as JSON Schema (draft 2020-12) with examples."""

from __future__ import annotations

from typing import Any

from franking.apis.bodies import MAX_BATCH_DOCUMENTS
from franking.apis.schemas_accounts import ACCOUNT_SCHEMAS
from franking.apis.schemas_cadence import CADENCE_SCHEMAS
from franking.apis.schemas_collected import COLLECTED_SCHEMAS
from franking.apis.schemas_document import DOCUMENT_SCHEMAS
from franking.apis.schemas_outbox import OUTBOX_SCHEMAS
from franking.apis.schemas_returns import RETURN_SCHEMAS
from franking.apis.schemas_timers import TIMER_SCHEMAS
from franking.apis.schemas_webhooks import WEBHOOK_SCHEMAS
from franking.core.delivery import Outcome, Stage, State
from franking.core.key import NAME_CHARACTERS, PER_MINUTE_MAX, Scope

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time", "examples": ["2026-11-21T14:05:00.000Z"]}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}


def ref(name: str) -> Schema:
    """A reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _listed(name: str) -> Schema:
    return {"type": "array", "items": ref(name)}


def _object(required: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


_INFO = _object(
    "messageId accepted rejected pending response",
    messageId=_MAYBE_TEXT,
    accepted={"type": "array", "items": _TEXT},
    rejected={"type": "array", "items": _TEXT},
    pending={"type": "array", "items": _TEXT},
    response=_MAYBE_TEXT,
    sendgridQueueId=_MAYBE_TEXT,
)

_DELIVERY = _object(
    "state startTime endTime leaseExpireTime attempts error category cause errorCode message "
    "outcome nextAttemptTime waitingFor",
    state={"enum": [str(state) for state in State]},
    startTime=_MAYBE_TIME,
    endTime=_MAYBE_TIME,
    leaseExpireTime=_MAYBE_TIME,
    attempts=_COUNT,
    error=_MAYBE_TEXT,
    category=_MAYBE_TEXT,
    cause=_MAYBE_TEXT,
    errorCode=_MAYBE_TEXT,
    message={**_MAYBE_TEXT, "description": "The sentence for the person who must act."},
    outcome={"enum": [*(str(outcome) for outcome in Outcome), None]},
    nextAttemptTime=_MAYBE_TIME,
    waitingFor={
        **_MAYBE_TEXT,
        "description": "sendAt, retry, send_limit, account_paused or account_disconnected.",
    },
    expectedTime={
        **_TIME,
        "description": "When its turn comes by its account's limits, where that is later.",
    },
    expireAt={**_TIME, "description": "When the document is deleted; only with TTL_EXPIRE_TYPE."},
    info={**ref("Info"), "description": "Only while the last attempt was accepted by somebody."},
)

_MAIL = _object(
    "id delivery",
    id={"type": "string", "minLength": 1, "maxLength": 255},
    delivery=ref("Delivery"),
    remainderOf={**_TEXT, "description": "The mail whose recipients, refused for now, these are."},
) | {"description": "A mail document as it was handed in, with `id` and `delivery`."}

_ENTRY = _object(
    "status",
    status={"enum": [201, 422]},
    id={**_TEXT, "description": "Of the mail, where it was stored."},
    delivery=_object("state", state=_TEXT, error=_MAYBE_TEXT),
    error={**_TEXT, "description": "Why it was not stored."},
    field={**_TEXT, "description": "The field that is wrong."},
)

_ATTEMPT = _object(
    "mailId attempt epoch revision event stage outcome startTime endTime error category errorCode "
    "text response worker steps",
    mailId=_TEXT,
    attempt=_COUNT,
    epoch=_COUNT,
    revision=_COUNT,
    event=_TEXT,
    stage={"enum": [str(stage) for stage in Stage]},
    outcome={"enum": [str(outcome) for outcome in Outcome]},
    startTime=_TIME,
    endTime=_TIME,
    error=_MAYBE_TEXT,
    category=_MAYBE_TEXT,
    errorCode=_MAYBE_TEXT,
    text={**_MAYBE_TEXT, "description": "The peer's words, verbatim."},
    response=_MAYBE_TEXT,
    worker=_TEXT,
    steps={"type": "array", "items": {"type": "object"}},
)

_SCOPES: Schema = {"type": "array", "items": {"enum": [str(scope) for scope in Scope]}}
_PER_MINUTE: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": PER_MINUTE_MAX}
_NEW_KEY = {
    "type": "object",
    "required": ["scopes"],
    "properties": {
        "name": {**_TEXT, "maxLength": NAME_CHARACTERS},
        "scopes": {**_SCOPES, "minItems": 1},
        "perMinute": _PER_MINUTE,
    },
    "additionalProperties": False,
    "examples": [{"name": "crm", "scopes": ["mail:write"], "perMinute": 600}],
}
_KEY: dict[str, Schema] = {
    "id": _TEXT,
    "name": _TEXT,
    "scopes": _SCOPES,
    "perMinute": _PER_MINUTE,
    "createTime": _TIME,
    "lastUseTime": _MAYBE_TIME,
    "revokeTime": _MAYBE_TIME,
}
_KEY_FIELDS = " ".join(_KEY)

_PROBLEM = _object(
    "type title status detail reason next",
    type={"const": "about:blank"},
    title=_TEXT,
    status={"type": "integer", "minimum": 400, "maximum": 599},
    detail={**_TEXT, "description": "What is wrong."},
    reason={**_TEXT, "description": "The same as a word, for programs."},
    next={**_TEXT, "description": "What to do now."},
    field={**_TEXT, "description": "The part of the request that is wrong."},
) | {
    "examples": [
        {
            "type": "about:blank",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "ValidationError: Invalid message configuration: Field 'message.subject' "
            "must be a string",
            "reason": "invalid_document",
            "next": "Correct the document and send it again.",
            "field": "message.subject",
        }
    ]
}

SCHEMAS: dict[str, Schema] = {
    **DOCUMENT_SCHEMAS,
    "MailDocuments": {**_listed("MailDocument"), "maxItems": MAX_BATCH_DOCUMENTS},
    "MailPatch": {
        "type": "object",
        "description": "Fields to merge (RFC 7396); `delivery` with `state` sends again.",
        "properties": {"delivery": {"type": ["object", "null"]}},
        "examples": [{"to": "ada@example.org", "delivery": {"state": "RETRY"}}],
    },
    "RetryRequest": {
        "type": "object",
        "properties": {"force": {"type": "boolean", "default": False}},
        "additionalProperties": False,
        "examples": [{"force": True}],
    },
    "Info": _INFO,
    "Delivery": _DELIVERY,
    "Mail": _MAIL,
    "MailPage": _object("items next", items=_listed("Mail"), next=_MAYBE_TEXT),
    "BatchAnswer": _listed("BatchEntry"),
    "BatchEntry": _ENTRY,
    "Timeline": _object(
        "id attempts bounces", id=_TEXT, attempts=_listed("Attempt"), bounces=_listed("Bounce")
    ),
    "Attempt": _ATTEMPT,
    "NewKey": _NEW_KEY,
    "Key": _object(_KEY_FIELDS, **_KEY),
    "MadeKey": _object(f"{_KEY_FIELDS} key", **_KEY, key=_TEXT),
    "Keys": _object("items", items=_listed("Key")),
    **ACCOUNT_SCHEMAS,
    **COLLECTED_SCHEMAS,
    **RETURN_SCHEMAS,
    **TIMER_SCHEMAS,
    **CADENCE_SCHEMAS,
    **OUTBOX_SCHEMAS,
    **WEBHOOK_SCHEMAS,
    "Health": _object("status", status=_TEXT),
    "Problem": _PROBLEM,
}
