"""Templates and users in the OpenAPI document: their calls and their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from franking.core.template import MOST_ATTACHMENTS, NAME_CHARACTERS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_FILES: Schema = {"type": ["array", "null"], "items": {"type": "object"}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


def _page(name: str) -> Schema:
    return _object("items next", items={"type": "array", "items": _ref(name)}, next=_MAYBE)


_PARTS: dict[str, Schema] = {
    "subject": {**_MAYBE, "description": "In Handlebars, as the others; not escaped."},
    "text": {**_MAYBE, "description": "Not escaped."},
    "html": {**_MAYBE, "description": "What is put in is escaped."},
    "amp": {**_MAYBE, "description": "What is put in is escaped."},
    "attachments": {**_FILES, "maxItems": MOST_ATTACHMENTS},
}
_TEMPLATE: dict[str, Schema] = {
    **_PARTS,
    "partial": {
        "type": ["boolean", "null"],
        "description": "Used by other templates, and by no mail itself.",
    },
    "name": {
        **_MAYBE,
        "minLength": 1,
        "maxLength": NAME_CHARACTERS,
        "description": "What mails call it by instead of its id.",
    },
}

COLLECTED_SCHEMAS: dict[str, Schema] = {
    "TemplateDocument": {
        "type": "object",
        "description": "Fields that are not listed are kept.",
        "properties": _TEMPLATE,
        "examples": [
            {"subject": "Hello {{name}}", "html": "<p>Hello, {{name}}.</p>"},
        ],
    },
    "Template": _object("id", id=_ID, **_TEMPLATE),
    "TemplatePage": _page("Template"),
    "UserDocument": {
        "type": "object",
        "description": "Any object; only an `email` that is a text is ever looked at.",
        "examples": [{"email": "ada@example.com", "name": "Ada"}],
    },
    "User": _object("id", id=_ID),
    "UserPage": _page("User"),
    "RenderRequest": {
        "type": "object",
        "properties": {
            "data": {"type": ["object", "null"], "description": "What is put in."},
            "document": {
                "type": ["object", "null"],
                "description": "A template to try in its place; it is not kept.",
            },
        },
        "additionalProperties": False,
        "examples": [{"data": {"name": "Ada"}}],
    },
    "Rendered": _object(
        "subject text html amp attachments",
        **dict.fromkeys(_PARTS, _MAYBE) | {"attachments": _FILES},
    ),
}

_BODY = (403, 408, 413, 415)
_WRITE = ("id", "If-Match")
_READ = ("id", "If-None-Match")
_LIST = ("q", "after", "limit")
COLLECTED_CALLS: dict[
    str, tuple[str, str | None, Sequence[str], Mapping[int, str], Sequence[int]]
] = {
    "listTemplates": ("List templates, by id", None, _LIST, {200: "TemplatePage"}, ()),
    "putTemplate": (
        "Keep a template",
        "TemplateDocument",
        _WRITE,
        {200: "Template", 201: "Template"},
        (*_BODY, 409, 412, 422),
    ),
    "readTemplate": ("Read a template", None, _READ, {200: "Template", 304: ""}, (404,)),
    "deleteTemplate": ("Remove a template", None, _WRITE, {204: ""}, (403, 404, 412)),
    "renderTemplate": (
        "Try a template out: nothing is sent or kept",
        "RenderRequest",
        ("id",),
        {200: "Rendered"},
        (*_BODY, 404, 409, 422),
    ),
    "listUsers": ("List users, by id", None, _LIST, {200: "UserPage"}, ()),
    "putUser": (
        "Keep a user's document",
        "UserDocument",
        _WRITE,
        {200: "User", 201: "User"},
        (*_BODY, 412),
    ),
    "readUser": ("Read a user", None, _READ, {200: "User", 304: ""}, (404,)),
    "deleteUser": ("Remove a user", None, _WRITE, {204: ""}, (403, 404, 412)),
}
