"""The shapes of accounts and of retrying many that the OpenAPI document names."""

from __future__ import annotations

from typing import Any

from franking.apis.accounts import MINUTES_MAX, REASON_CHARACTERS
from franking.apis.retries import NAMES
from franking.core.presets import PRESETS
from franking.core.sender import LIMITS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TRUTH: Schema = {"type": "boolean"}
_SECRET: Schema = {
    "type": ["string", "boolean", "null"],
    "description": "Goes in and never comes out; true, or none: the one there is stays.",
}
_LIMITS: Schema = {
    "type": ["object", "null"],
    "description": "null is no limit of ours; what is left out is the preset's.",
    "properties": {
        name: {"type": ["integer", "null"], "minimum": 1, "maximum": most}
        for name, most in LIMITS.items()
    },
    "additionalProperties": False,
}
_OAUTH: Schema = {
    "type": ["object", "null"],
    "properties": {
        "clientId": _TEXT,
        "clientSecret": _SECRET,
        "refreshToken": _SECRET,
        "tokenUrl": _TEXT,
    },
}
_TRANSPORT: Schema = {
    "type": ["object", "null"],
    "properties": {
        "type": {"const": "smtp"},
        "uri": {**_TEXT, "description": "Instead of host, port and secure."},
        "host": _TEXT,
        "port": {"type": "integer", "minimum": 1, "maximum": 65_535},
        "secure": {**_TRUTH, "description": "TLS from the start, as port 465 has it."},
        "user": _MAYBE,
        "oauth": _OAUTH,
    },
}
_PRESET: Schema = {"enum": [*PRESETS, None]}


def _object(required: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


_SHOWN: dict[str, Schema] = {
    "id": _TEXT,
    "address": _MAYBE,
    "preset": _PRESET,
    "transport": _TRANSPORT,
    "password": {**_TRUTH, "description": "Is one set?"},
    "limits": _LIMITS,
    "state": {"enum": ["ok", "paused", "disconnected"]},
    "pausedUntil": _MAYBE,
    "reason": _MAYBE,
    "since": _MAYBE,
    "waiting": {**_COUNT, "description": "How many mails wait; 10000 is that many or more."},
    "sentToday": {
        "type": ["integer", "null"],
        "description": "In the last 24 hours; null where no daily limit counts it.",
    },
    "createTime": _MAYBE,
}

ACCOUNT_SCHEMAS: dict[str, Schema] = {
    "NewAccount": {
        "type": "object",
        "properties": {
            "address": _MAYBE,
            "preset": _PRESET,
            "transport": _TRANSPORT,
            "password": _SECRET,
            "limits": _LIMITS,
        },
        "examples": [
            {"address": "rep@example.com", "preset": "google_workspace", "password": "app password"}
        ],
    },
    "Account": _object(" ".join(_SHOWN), **_SHOWN),
    "AccountPage": _object(
        "items next",
        items={"type": "array", "items": {"$ref": "#/components/schemas/Account"}},
        next=_MAYBE,
    ),
    "PauseRequest": {
        "type": "object",
        "properties": {
            "until": {"type": "string", "format": "date-time"},
            "minutes": {"type": "integer", "minimum": 1, "maximum": MINUTES_MAX},
            "reason": {"type": "string", "minLength": 1, "maxLength": REASON_CHARACTERS},
        },
        "additionalProperties": False,
        "examples": [{"minutes": 30, "reason": "moving house"}],
    },
    "SignIn": _object(
        "ok next",
        ok=_TRUTH,
        next={**_TEXT, "description": "What to do now."},
        state=_TEXT,
        step={**_TEXT, "description": "Where it failed."},
        category=_TEXT,
        cause=_TEXT,
        message=_TEXT,
        error=_TEXT,
        errorCode=_MAYBE,
        text={**_TEXT, "description": "The server's words, verbatim."},
    ),
    "Rekeyed": _object("resealed", resealed=_COUNT),
    "RetryFilter": {
        "type": "object",
        "description": "Which mails; at least one of the first five is required.",
        "properties": {**dict.fromkeys((*NAMES, "after"), _TEXT), "force": _TRUTH},
        "additionalProperties": False,
        "examples": [{"state": "ERROR", "category": "mailbox_disconnected"}],
    },
    "RetryTally": _object(
        "retried leftOut refused why next",
        retried=_COUNT,
        leftOut=_COUNT,
        refused=_COUNT,
        why={
            "type": "array",
            "items": _object(
                "reason detail mail count", reason=_TEXT, detail=_TEXT, mail=_TEXT, count=_COUNT
            ),
        },
        next={**_MAYBE, "description": "Hand it back as `after` to go on."},
    ),
}
