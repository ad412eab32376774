"""The contract's own checks of a mail document, block by block (trigger-email, section 4).

Each block gives the texts of what it finds wrong, in the extension's order and words. The
extension checks with zod, so zod's ways are kept: a rule over a whole map is looked at only
when every field of it has the right type, and an empty string has the right type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Issues = Sequence[str]
Check = Callable[[str, Any], Issues]

ADDRESS_FIELDS = ("to", "cc", "bcc")
UID_FIELDS = ("toUids", "ccUids", "bccUids")
RECIPIENT_FIELDS = (*ADDRESS_FIELDS, *UID_FIELDS)
ATTACHMENT_FIELDS = (
    *("filename", "content", "path", "href", "httpHeaders", "contentType", "contentDisposition"),
    *("cid", "encoding", "headers", "raw"),
)
_CONTENT_FIELDS = ("message", "template", "sendGrid")

_NONE: Issues = ()
_NO_CONTENT = "At least one of 'text' or 'html' must be provided in message"
_EMPTY = "cannot be empty"


def send_grid(document: Mapping[str, Any]) -> Issues:
    """The `sendGrid` block: fields that only the SendGrid transport knows."""
    if "sendGrid" not in document:
        return _NONE
    value = document["sendGrid"]
    if not isinstance(value, dict):
        return _map("sendGrid", value)
    issues = fields("sendGrid.", value, _SEND_GRID)
    if not issues and "dynamicTemplateData" in value and not value.get("templateId"):
        return ("Field 'templateId' is required when 'dynamicTemplateData' is provided",)
    return issues


def template(document: Mapping[str, Any]) -> Issues:
    """The `template` block: a name, and a map of data."""
    if "template" not in document:
        return _NONE
    value = document["template"]
    if not isinstance(value, dict):
        return _map("template", value)
    return fields("template.", _with(value, "name"), _TEMPLATE)


def message(document: Mapping[str, Any]) -> Issues:
    """The `message` block, which the extension skips for a value without keys.

    In JavaScript a text has keys and a number has none; that one decides which of the two
    texts "must be a map" is told.
    """
    value = document.get("message")
    if not value or not isinstance(value, (dict, list, str)):
        return _NONE
    if not isinstance(value, dict):
        return _map("message", value)
    if "template" in document:
        return fields("message.", value, _MESSAGE)
    issues = fields("message.", _with(value, "subject"), _MESSAGE)
    if not issues and not value.get("text") and not value.get("html"):
        return (_NO_CONTENT,)
    return issues


def payload(document: Mapping[str, Any]) -> Issues:
    """The whole document: recipients, senders, and that there is something to send."""
    issues = fields("", document, _PAYLOAD)
    if issues and not all(issue.endswith(_EMPTY) for issue in issues):
        return issues
    if not any(map(document.get, RECIPIENT_FIELDS)):
        issues.append("Email must have at least one recipient")
    if not any(map(document.__contains__, _CONTENT_FIELDS)):
        lead = "Email configuration must include either a"
        issues.append(f"{lead} 'message', 'template', or 'sendGrid' object")
    return issues


def blank(document: Mapping[str, Any]) -> Issues:
    """A mail with nothing in it, which the extension sends and we do not (section 9)."""
    if document.get("message") == {} and not ("template" in document or "sendGrid" in document):
        return (_NO_CONTENT,)
    return _NONE


def _with(value: Mapping[str, Any], required: str) -> Mapping[str, Any]:
    return value if required in value else {**value, required: None}


def fields(prefix: str, value: Mapping[str, Any], checks: Sequence[tuple[str, Check]]) -> list[str]:
    """What the fields present in a map have wrong, in the order of `checks`."""
    issues: list[str] = []
    for name, check in checks:
        if name in value:
            issues.extend(check(prefix + name, value[name]))
    return issues


def string(path: str, value: Any) -> Issues:
    return _NONE if isinstance(value, str) else (f"Field '{path}' must be a string",)


def nullable_string(path: str, value: Any) -> Issues:
    return _NONE if value is None else string(path, value)


def _map(path: str, value: Any) -> Issues:
    return _NONE if isinstance(value, dict) else (f"Field '{path}' must be a map",)


def _map_of_strings(path: str, value: Any) -> Issues:
    if not isinstance(value, dict):
        return _map(path, value)
    return [issue for key, item in value.items() for issue in string(f"{path}.{key}", item)]


def _nullable_map_of_strings(path: str, value: Any) -> Issues:
    return _NONE if value is None else _map_of_strings(path, value)


def _array(path: str, value: Any, check: Check) -> Issues:
    if not isinstance(value, list):
        return (f"Field '{path}' must be an array",)
    return [issue for i, item in enumerate(value) for issue in check(f"{path}.{i}", item)]


def _array_of_strings(path: str, value: Any) -> Issues:
    return _array(path, value, string)


def _array_of_uids(path: str, value: Any) -> Issues:
    return _array(path, value, _filled_string)


def _filled_string(path: str, value: Any) -> Issues:
    return (f"Field '{path}' {_EMPTY}",) if value == "" else string(path, value)


def _addresses(path: str, value: Any) -> Issues:
    if isinstance(value, str):
        return _NONE
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return _NONE
    return (f"Field '{path}' must be either a string or an array of strings",)


def _attachments(path: str, value: Any) -> Issues:
    return _array(path, value, _attachment)


def _attachment(path: str, value: Any) -> Issues:
    return fields(path + ".", value, _ATTACHMENT) if isinstance(value, dict) else _map(path, value)


_SEND_GRID: tuple[tuple[str, Check], ...] = (
    ("templateId", string),
    ("dynamicTemplateData", _map),
    ("mailSettings", _map),
    ("customArgs", _map_of_strings),
    ("ipPoolName", string),
)
_TEMPLATE: tuple[tuple[str, Check], ...] = (("name", _filled_string), ("data", _map))
_MESSAGE: tuple[tuple[str, Check], ...] = (
    ("subject", string),
    ("text", nullable_string),
    ("html", nullable_string),
    ("attachments", _attachments),
)
_ATTACHMENT: tuple[tuple[str, Check], ...] = (
    ("filename", nullable_string),
    ("path", nullable_string),
    ("href", nullable_string),
    ("httpHeaders", _nullable_map_of_strings),
    ("contentType", nullable_string),
    ("contentDisposition", nullable_string),
    ("cid", nullable_string),
    ("encoding", nullable_string),
    ("headers", _nullable_map_of_strings),
    ("raw", nullable_string),
)
_PAYLOAD: tuple[tuple[str, Check], ...] = (
    ("to", _addresses),
    ("cc", _addresses),
    ("bcc", _addresses),
    ("toUids", _array_of_uids),
    ("ccUids", _array_of_uids),
    ("bccUids", _array_of_uids),
    ("from", string),
    ("replyTo", string),
    ("message", _map),
    ("template", _map),
    ("sendGrid", _map),
    ("categories", _array_of_strings),
)
