"""What the OpenAPI document says of the embedded package: touchpoints and conquer errors."""

from __future__ import annotations

from typing import Any

from franking.apis.schemas_returns import Described
from franking.core.touchpoint import AUTOMATED, MANUAL, Status

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TRUTH: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_KIND: Schema = {"enum": [AUTOMATED, MANUAL]}
_STATUS: Schema = {**_TEXT, "examples": [str(status) for status in Status]}
_DOCUMENT: Schema = {"$ref": "#/components/schemas/MailDocument"}
_WHY: Schema = {"type": "object", "description": "The mail document, or the fields to merge."}

_WORDS = (
    "Only with these words, each of which may be the beginning of one: of the recipient, the"
    " subject, the cadence member, the email message or the id."
)


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _asked(required: str, /, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required.split()} if required else {})


def _listed(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


_ERROR: dict[str, Schema] = {
    "id": _TEXT,
    "status": {**_STATUS, "description": "The status that made it."},
    "errorMessage": {**_MAYBE, "description": "The sentence, then the server's words."},
    "errorMessageTruncated": _MAYBE,
    "errorCode": _MAYBE,
    "occurredAt": _TIME,
}
_REASON = _asked(
    "", **dict.fromkeys(("message", "code", "category", "cause", "detail"), _MAYBE)
) | {"additionalProperties": True}

CADENCE_SCHEMAS: dict[str, Schema] = {
    "NewTouchpoint": _asked(
        "type cadenceMemberId",
        type=_KIND,
        cadenceMemberId=_ID,
        emailMessageId={"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        dueAt={**_TIME, "description": "When an automated email is due."},
        mail={**_WHY, "description": "The mail document of an automated email."},
        id={**_ID, "description": "The touchpoint's own id, where the caller chooses one."},
    )
    | {"examples": [{"type": "manual", "cadenceMemberId": "a0Y1"}]},
    "Touchpoint": _object(
        id=_TEXT,
        type=_KIND,
        actionStatus={**_STATUS, "description": "An unrestricted picklist."},
        errorMessage={**_MAYBE, "description": "The sentence for the rep, and what to do."},
        errorMessageTruncated=_MAYBE,
        errorCode=_MAYBE,
        errorCategory=_MAYBE,
        manualRetryCount=_COUNT,
        statusLastUpdated=_TIME,
        createdAt=_TIME,
        dueAt=_MAYBE_TIME,
        nextAttemptTime={**_MAYBE_TIME, "description": "While it is Rate Limited."},
        cadenceMemberId=_MAYBE,
        emailMessageId=_MAYBE,
        recipient={**_MAYBE, "description": "Whom the email is for, cut for a list."},
        subject={**_MAYBE, "description": "Its subject, likewise."},
        timerId=_MAYBE,
        mailId=_MAYBE,
        lastEventId=_MAYBE,
        lastSequence=_COUNT,
        errors={**_listed("ConquerError"), "description": "Newest first."},
    ),
    "ConquerError": _object(**_ERROR),
    "OwnedConquerError": _object(
        **_ERROR, touchpointId=_TEXT, cadenceMemberId=_MAYBE, emailMessageId=_MAYBE, eventId=_TEXT
    ),
    "TouchpointPage": _object(items=_listed("Touchpoint"), next=_MAYBE),
    "ConquerErrorPage": _object(items=_listed("OwnedConquerError"), next=_MAYBE),
    "CompleteTouchpoint": _asked("mail", mail=_DOCUMENT, force=_TRUTH),
    "RetryTouchpoint": _asked(
        "", mail={"type": ["object", "null"], "description": "Fields to merge."}, force=_TRUTH
    ),
    "RetryTouchpoints": _asked(
        "",
        status=_ID,
        category=_ID,
        member=_ID,
        q={**_ID, "description": _WORDS + " Not beside `ids`."},
        ids={"type": "array", "items": _ID, "minItems": 1, "maxItems": 500},
        after={**_TEXT, "description": "The `next` of the call before."},
    )
    | {"description": "Which touchpoints; at least one of the first five is required."},
    "RetriedTouchpoints": _object(
        accepted=_COUNT,
        leftOut=_COUNT,
        refused=_COUNT,
        why={"type": "array", "items": _object(reason=_TEXT, error_message=_TEXT, count=_COUNT)},
        next={**_MAYBE, "description": "Hand it back as `after` to go on."},
    ),
    "PackageEvent": _asked(
        "event eventId sequence occurredAt touchpointId",
        event={**_TEXT, "examples": ["email_Sent", "email_Error", "email_Rate_Limited"]},
        eventId=_ID,
        sequence={"type": "integer", "minimum": 1},
        occurredAt=_TIME,
        touchpointId=_ID,
        cadenceMemberId=_MAYBE,
        emailMessageId=_MAYBE,
        mailId=_MAYBE,
        timerId=_MAYBE,
        attempt={**_COUNT, "description": "How many attempts there were."},
        retryCount=_COUNT,
        error={"anyOf": [{"type": "null"}, _REASON]},
        nextAttemptTime=_MAYBE_TIME,
    )
    | {"additionalProperties": True},
    "TakenEvent": _object(
        status={"enum": ["applied", "already applied", "out of order"]},
        touchpoint={"$ref": "#/components/schemas/Touchpoint"},
    ),
    "CadenceRefusal": _object(
        error_message={**_TEXT, "description": "Words for the rep."},
        reason={**_TEXT, "description": "The same as a word, for programs."},
    ),
    "ApexErrors": {"type": "array", "items": _object(errorCode=_TEXT, message=_TEXT)},
}

CADENCE_PARAMETERS: dict[str, tuple[str, str, str, Schema]] = {
    "actionStatus": ("query", "status", "Only of this Action Status.", _ID),
    "errorCategory": ("query", "category", "Only of this Error Category.", _ID),
    "member": ("query", "member", "Only of this cadence member.", _ID),
    "touchpointWords": ("query", "q", _WORDS, _ID),
    "errorOf": ("query", "touchpoint", "Only of this touchpoint.", _ID),
}

_SEND = (403, 408, 413, 415)
CADENCE_CALLS: dict[str, Described] = {
    "createTouchpoint": (
        "Create a touchpoint, and the timer of an automated email",
        "NewTouchpoint",
        (),
        {201: "Touchpoint"},
        (*_SEND, 409, 502),
    ),
    "listTouchpoints": (
        "List touchpoints, newest first",
        None,
        ("actionStatus", "errorCategory", "member", "touchpointWords", "after", "limit"),
        {200: "TouchpointPage"},
        (),
    ),
    "readTouchpoint": ("Read a touchpoint", None, ("id",), {200: "Touchpoint"}, (404,)),
    "deleteTouchpoint": (
        "Cancel what is still to come, and forget it",
        None,
        ("id",),
        {204: ""},
        (403, 404, 409),
    ),
    "completeTouchpoint": (
        "Complete a manual email, the whole of it anew",
        "CompleteTouchpoint",
        ("id", "Idempotency-Key"),
        {202: "Touchpoint"},
        (*_SEND, 404, 409, 502),
    ),
    "retryTouchpoint": (
        "Press Retry for an automated email",
        "RetryTouchpoint",
        ("id", "Idempotency-Key"),
        {200: "Touchpoint"},
        (*_SEND, 404, 502),
    ),
    "retryTouchpoints": (
        "Press Retry for all that match, a bounded number of them",
        "RetryTouchpoints",
        (),
        {200: "RetriedTouchpoints"},
        _SEND,
    ),
    "listConquerErrors": (
        "List conquer errors, newest first",
        None,
        ("errorOf", "actionStatus", "after", "limit"),
        {200: "ConquerErrorPage"},
        (),
    ),
    "tell": ("Tell the package of an event", "PackageEvent", (), {200: "TakenEvent"}, _SEND),
}
# Which shape a call's own refusals have, where it is no problem of RFC 9457.
CADENCE_REFUSALS = dict.fromkeys(CADENCE_CALLS, "CadenceRefusal") | {"tell": "ApexErrors"}
