"""What franking refuses beyond the contract: too many recipients, and whatever could break out.

A line break in an address could end the envelope's command and begin another; one in the name
of a header could begin another header. Neither has an honest use, so the document is refused
and the field named. In a subject or the value of a header a line break is only untidy: compose
folds it to a space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from franking.core.message import http_headers
from franking.core.message.shape import (
    ADDRESS_FIELDS,
    RECIPIENT_FIELDS,
    Check,
    Issues,
    fields,
    nullable_string,
)

# Postfix takes as many by default (smtpd_recipient_limit); RFC 5321, section 4.5.3.1.8, asks
# for 100 at least.
MAX_RECIPIENTS = 1000
MAX_ATTACHMENTS = 1000
# Of all address fields together, names included: as many recipients of 256 each.
MAX_ADDRESS_CHARACTERS = 256 * MAX_RECIPIENTS
HEADER_NAME_CHARACTERS = 76

_NONE: Issues = ()
_TOO_MANY = f"Email must not have more than {MAX_RECIPIENTS} recipients"
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_READ = (*ADDRESS_FIELDS, "from", "replyTo")
_FTEXT = re.compile(r"[!-9;-~]+")  # RFC 5322, section 3.6.8


def issues(document: Mapping[str, Any]) -> list[str]:
    """What a document of the right shape has too much of, or must not have in it."""
    found = fields("", document, _DOCUMENT)
    if isinstance(message := document.get("message"), dict):
        found += fields("message.", message, _MESSAGE)
    if count_recipients(document) > MAX_RECIPIENTS:
        found.append(_TOO_MANY)
    if count_characters(document) > MAX_ADDRESS_CHARACTERS:
        most = f"{MAX_ADDRESS_CHARACTERS} characters of addresses"
        found.append(f"Email must not have more than {most}")
    return found


def crowds(document: Mapping[str, Any]) -> list[str]:
    """What a document has so much of that nobody looks further: each takes time, and is written out
    larger than it came."""
    lists = [document.get(field) for field in RECIPIENT_FIELDS]
    if any(isinstance(one, list) and len(one) > MAX_RECIPIENTS for one in lists):
        return [_TOO_MANY]
    message = document.get("message")
    attachments = message.get("attachments") if isinstance(message, dict) else None
    if isinstance(attachments, list) and len(attachments) > MAX_ATTACHMENTS:
        return [f"Email must not have more than {MAX_ATTACHMENTS} attachments"]
    return []


def _addresses(path: str, value: Any) -> Issues:
    if isinstance(value, str):
        return _unbroken(path, value)
    return [issue for i, item in enumerate(value) for issue in _unbroken(f"{path}.{i}", item)]


def _unbroken(path: str, value: str) -> Issues:
    # Nearly every address is printable, and that is told five times as fast as a search.
    if value.isprintable() or not _CONTROL.search(value):
        return _NONE
    return (f"Field '{path}' must not contain line breaks or control characters",)


def _headers(path: str, value: Any) -> Issues:
    if value is None:
        return _NONE
    if not isinstance(value, dict):
        return (f"Field '{path}' must be a map",)
    return [
        f"Field '{path}.{_shown(name)}' is not a valid header name"
        for name in value
        if len(name) > HEADER_NAME_CHARACTERS or not _FTEXT.fullmatch(name)
    ]


def _shown(name: str) -> str:
    return name[:HEADER_NAME_CHARACTERS].encode("unicode_escape").decode("ascii")


def _message_id(path: str, value: Any) -> Issues:
    return _unbroken(path, value) if isinstance(value, str) else nullable_string(path, value)


def _calendar(path: str, value: Any) -> Issues:
    if value is None or isinstance(value, (str, dict)):
        return _NONE
    return (f"Field '{path}' must be a string or a map",)


def _attachment_headers(path: str, value: Any) -> Issues:
    return [
        issue
        for i, attachment in enumerate(value)
        for issue in (
            *_headers(f"{path}.{i}.headers", attachment.get("headers")),
            *_http_headers(f"{path}.{i}.httpHeaders", attachment.get("httpHeaders") or {}),
        )
    ]


def _http_headers(path: str, value: Mapping[str, str]) -> Issues:
    if len(value) > http_headers.MAX_HEADERS:
        return (f"Field '{path}' must not have more than {http_headers.MAX_HEADERS} headers",)
    return [
        f"Field '{path}.{_shown(name)}' {issue}"
        for name, text in value.items()
        if (issue := http_headers.issue(name, text))
    ]


def count_recipients(document: Mapping[str, Any]) -> int:
    """How many recipients there can be at most, without parsing an address."""
    total = 0
    for field in RECIPIENT_FIELDS:
        if value := document.get(field):
            total += sum(map(_listed, value)) if isinstance(value, list) else _listed(value)
    return total


def count_characters(document: Mapping[str, Any]) -> int:
    """How many characters its address fields have: to read them takes longer than all else."""
    total = 0
    for field in _READ:
        if value := document.get(field):
            total += sum(map(len, value)) if isinstance(value, list) else len(value)
    return total


def _listed(value: Any) -> int:
    if not isinstance(value, str):
        return 1
    # One text may hold a list; a display name may hold commas or an "@", but rarely both.
    separators = value.count(",") + value.count(";")
    return max(1, min(value.count("@"), separators + 1)) if separators else 1


_DOCUMENT: tuple[tuple[str, Check], ...] = (
    ("to", _addresses),
    ("cc", _addresses),
    ("bcc", _addresses),
    ("from", _unbroken),
    ("replyTo", _unbroken),
    ("headers", _headers),
)
_MESSAGE: tuple[tuple[str, Check], ...] = (
    ("messageId", _message_id),
    ("amp", nullable_string),
    ("icalEvent", _calendar),
    ("attachments", _attachment_headers),
)
