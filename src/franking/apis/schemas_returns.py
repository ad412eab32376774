"""What the OpenAPI document says of bounces, suppressed addresses and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from franking.apis.errors import PROVIDER_CHARACTERS, TEXT_CHARACTERS
from franking.core.suppression import ADDRESS_CHARACTERS, REASON_CHARACTERS

Schema = dict[str, Any]
Described = tuple[str, str | None, Sequence[str], Mapping[int, str], Sequence[int]]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_TRUTH: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_SEND = (403, 408, 413, 415, 422)


def _object(required: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


def _listed(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


_BOUNCE: dict[str, Schema] = {
    "mail": _TEXT,
    "recipient": _TEXT,
    "action": {"enum": ["failed", "delayed", "delivered", "relayed", "expanded"]},
    "status": {**_MAYBE, "description": "The enhanced status code (RFC 3463)."},
    "category": {**_MAYBE, "description": "Where it is no receipt."},
    "cause": _MAYBE,
    "message": {**_MAYBE, "description": "The sentence for the person who must act."},
    "text": {**_TEXT, "description": "The peer's words."},
    "receivedTime": _TIME,
}
_FIELDS = " ".join(_BOUNCE)

RETURN_SCHEMAS: dict[str, Schema] = {
    "DeliveryReport": {
        "type": "string",
        "description": "The whole mail that came back (RFC 3464), its headers included.",
    },
    "Bounce": _object(_FIELDS, **_BOUNCE),
    "Filed": _object(
        "matched",
        matched={
            "type": "array",
            "items": _object(
                f"{_FIELDS} repeated",
                **_BOUNCE,
                repeated={**_TRUTH, "description": "It had come before: nothing was written."},
            ),
        },
    ),
    "SuppressionReason": {
        "type": "object",
        "properties": {"reason": {"type": "string", "maxLength": REASON_CHARACTERS}},
        "additionalProperties": False,
        "examples": [{"reason": "asked not to be written to"}],
    },
    "Suppression": _object(
        "address reason source createTime",
        address=_TEXT,
        reason=_TEXT,
        source={"enum": ["person", "bounce"]},
        createTime=_TIME,
    ),
    "SuppressionPage": _object("items next", items=_listed("Suppression"), next=_MAYBE),
    "UnknownErrors": _object(
        "items",
        items={
            "type": "array",
            "items": _object(
                "fingerprint count firstTime lastTime example",
                fingerprint={
                    **_TEXT,
                    "description": "What is left once addresses, hosts, ids and digits are masked.",
                },
                count={"type": "integer", "minimum": 1},
                firstTime=_TIME,
                lastTime=_TIME,
                example={**_TEXT, "description": "One of them, addresses and tokens shortened."},
            ),
        },
    ),
    "Explanation": _object(
        "category cause temporary rateLimited code sentence scope nextStep rule confidence near",
        category=_TEXT,
        cause=_TEXT,
        temporary={**_TRUTH, "description": "Worth trying again by itself."},
        rateLimited={**_TRUTH, "description": "The sender's own limit: the mail waits."},
        code=_MAYBE,
        sentence={**_TEXT, "description": "For the person who must act."},
        scope={"enum": ["recipient", "message", "account", "service"]},
        nextStep=_TEXT,
        rule={**_TEXT, "description": "The id of the rule that decided."},
        confidence={"type": "number", "minimum": 0, "maximum": 1},
        near={
            "type": "array",
            "description": "What else holds for the words, best first.",
            "items": _object("rule category cause", rule=_TEXT, category=_TEXT, cause=_TEXT),
        },
    ),
}

RETURN_PARAMETERS: dict[str, tuple[str, str, str, Schema]] = {
    "address": (
        "path",
        "address",
        "One address.",
        {"type": "string", "minLength": 1, "maxLength": ADDRESS_CHARACTERS},
    ),
    "part": (
        "query",
        "q",
        "A part of the address.",
        {"type": "string", "minLength": 1, "maxLength": ADDRESS_CHARACTERS},
    ),
    "text": (
        "query",
        "text",
        "The server's words; required.",
        {"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS},
    ),
    "code": ("query", "code", "The reply code.", {"type": "string", "pattern": "^[245][0-9]{2}$"}),
    "enhanced": (
        "query",
        "enhanced",
        "The enhanced status code.",
        {"type": "string", "pattern": r"^[245]\.[0-9]{1,3}\.[0-9]{1,3}$"},
    ),
    "provider": (
        "query",
        "provider",
        "Whose server it was.",
        {"type": "string", "minLength": 1, "maxLength": PROVIDER_CHARACTERS},
    ),
}

RETURN_CALLS: dict[str, Described] = {
    "fileBounce": ("Hand in a bounce", "DeliveryReport", (), {202: "Filed"}, _SEND),
    "listSuppressions": (
        "List addresses that nothing is sent to",
        None,
        ("part", "after", "limit"),
        {200: "SuppressionPage"},
        (),
    ),
    "putSuppression": (
        "Send nothing to an address",
        "SuppressionReason",
        ("address",),
        {200: "Suppression"},
        _SEND,
    ),
    "deleteSuppression": (
        "Send to an address again",
        None,
        ("address",),
        {204: ""},
        (403, 404),
    ),
    "listUnknownErrors": (
        "List errors that no rule knows, the most frequent first",
        None,
        ("limit",),
        {200: "UnknownErrors"},
        (),
    ),
    "explain": (
        "Say what a server's words mean",
        None,
        ("text", "code", "enhanced", "provider"),
        {200: "Explanation"},
        (),
    ),
}
