"""The mail document in the OpenAPI document: what an application hands in."""

from __future__ import annotations

from typing import Any

from franking.core.message import MAX_RECIPIENTS
from franking.core.message.http_headers import MAX_HEADERS
from franking.core.message.limits import MAX_ATTACHMENTS
from franking.core.message.options import ID_CHARACTERS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_MAP: Schema = {"type": "object"}
_ID: Schema = {**_TEXT, "minLength": 1, "maxLength": ID_CHARACTERS}
_TIME: Schema = {"type": "string", "format": "date-time"}
_ADDRESSES: Schema = {
    "type": ["string", "array"],
    "items": _TEXT,
    "description": f"One text may name several; {MAX_RECIPIENTS} recipients are the most.",
}


def _map_of(values: Schema, **more: Any) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": values, **more}


def _users(field: str) -> Schema:
    return {
        "type": "array",
        "items": {**_TEXT, "minLength": 1},
        "description": f"Users by their ids; their addresses come after those in `{field}`.",
    }


_ATTACHMENT: Schema = {
    "type": "object",
    "description": "As nodemailer takes it. What it holds is its `raw`, or else its `path`, its "
    "`href`, its `content`.",
    "properties": {
        "filename": _MAYBE,
        "content": {**_MAYBE, "description": "Text, or what `encoding` says."},
        "encoding": {**_MAYBE, "description": "Of `content`: `base64`, for one."},
        "path": {**_MAYBE, "description": "As `href`; no file of the server is ever read."},
        "href": {**_MAYBE, "description": "A data: URI, or a URL on a host that is allowed."},
        "httpHeaders": _map_of(
            _TEXT, maxProperties=MAX_HEADERS, description="What a URL is asked with."
        ),
        "contentType": _MAYBE,
        "contentDisposition": _MAYBE,
        "cid": {**_MAYBE, "description": "What the HTML names it by."},
        "headers": _map_of(_TEXT),
        "raw": {**_MAYBE, "description": "A whole MIME part, sent as it is."},
    },
}

_MESSAGE: Schema = {
    "type": "object",
    "properties": {
        "subject": _TEXT,
        "text": _MAYBE,
        "html": _MAYBE,
        "amp": _MAYBE,
        "attachments": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Attachment"},
            "maxItems": MAX_ATTACHMENTS,
        },
        "icalEvent": {
            "type": ["string", "object", "null"],
            "description": "A calendar's event, or a map with its `content`, `path` or `href`.",
        },
        "messageId": {**_MAYBE, "description": "Made where there is none."},
    },
}

_TEMPLATE: Schema = {
    "type": "object",
    "description": "What is rendered when the mail is sent; its parts take the place of the "
    "message's.",
    "required": ["name"],
    "properties": {
        "name": {**_TEXT, "minLength": 1, "description": "Its name, or else its id."},
        "data": {**_MAP, "description": "What is put in."},
    },
}

_SEND_GRID: Schema = {
    "type": "object",
    "description": "Only where the mail goes through SendGrid, as its Web API takes it.",
    "properties": {
        "templateId": _TEXT,
        "dynamicTemplateData": {**_MAP, "description": "Only with a `templateId`."},
        "mailSettings": _MAP,
        "customArgs": {**_MAP, "additionalProperties": _TEXT},
        "ipPoolName": _TEXT,
    },
}

_DOCUMENT: Schema = {
    "type": "object",
    "description": "A mail document, as the Trigger Email extension takes it. Fields that are not "
    "listed are kept.",
    "properties": {
        "to": _ADDRESSES,
        "cc": _ADDRESSES,
        "bcc": _ADDRESSES,
        "toUids": _users("to"),
        "ccUids": _users("cc"),
        "bccUids": _users("bcc"),
        "from": _TEXT,
        "replyTo": _TEXT,
        "headers": {"type": ["object", "null"], "additionalProperties": True},
        "message": _MESSAGE,
        "template": _TEMPLATE,
        "sendGrid": _SEND_GRID,
        "categories": {"type": "array", "items": _TEXT, "description": "Only for SendGrid."},
        "account": {**_ID, "description": "The sender's mailbox to send through."},
        "sendAt": {**_TIME, "description": "Not before this time."},
        "sendBefore": {**_TIME, "description": "Not after this time: ERROR instead."},
        "priority": {"type": "integer", "minimum": -2, "maximum": 2, "default": 0},
        "touchpointId": _ID,
        "cadenceMemberId": _ID,
        "emailMessageId": _ID,
        "onUnknown": {"enum": ["ask", "resend"], "default": "ask"},
    },
    "examples": [
        {
            "to": "ada@example.com",
            "from": "Grace <grace@example.com>",
            "message": {"subject": "Hello", "text": "Hello, Ada.", "html": "<p>Hello, Ada.</p>"},
        },
        {"toUids": ["ada"], "template": {"name": "following", "data": {"name": "Grace"}}},
    ],
}

DOCUMENT_SCHEMAS: dict[str, Schema] = {"MailDocument": _DOCUMENT, "Attachment": _ATTACHMENT}
