"""Franking's own fields of a mail document: when, how urgently, through whom, and for whom.

A field that is null is a field that is absent: an application that builds its document from a
row with empty columns means just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from franking.core import times

DEFAULT_ACCOUNT = "default"
ID_CHARACTERS = 255


class Options(msgspec.Struct, frozen=True):
    """What a document asks for beside its content; times in milliseconds since 1970."""

    account: str = DEFAULT_ACCOUNT
    send_at: int | None = None
    send_before: int | None = None
    priority: int = 0
    touchpoint_id: str | None = None
    cadence_member_id: str | None = None
    email_message_id: str | None = None
    on_unknown: Literal["ask", "resend"] = "ask"


def options(document: Mapping[str, Any]) -> Options:
    """A document's options; a field that is absent or wrong has its default."""
    found: dict[str, Any] = {}
    for field, (name, read) in _FIELDS.items():
        value = document.get(field)
        if value is not None:
            try:
                found[name] = read(value)
            except ValueError:
                continue
    return Options(**found) if found else _DEFAULTS


def issues(document: Mapping[str, Any]) -> list[str]:
    """What franking's own fields have wrong, each named."""
    found: list[str] = []
    for field, (_, read) in _FIELDS.items():
        value = document.get(field)
        if value is not None:
            try:
                read(value)
            except ValueError as error:
                found.append(f"Field '{field}' {error}")
    return found or _window(document)


def _window(document: Mapping[str, Any]) -> list[str]:
    start, end = document.get("sendAt"), document.get("sendBefore")
    if start is None or end is None or times.parse(start) < times.parse(end):
        return []
    return ["Field 'sendBefore' must be later than 'sendAt'"]


def _id(value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= ID_CHARACTERS and value.isprintable():
        return value
    raise ValueError(f"must be a printable string of 1 to {ID_CHARACTERS} characters")


def _time(value: Any) -> int:
    try:
        return times.parse(value)
    except (TypeError, ValueError):
        example = "2026-11-21T14:05:00Z"
        raise ValueError(f"must be an RFC 3339 time with a zone, as in {example}") from None


def _priority(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and -2 <= value <= 2:
        return value
    raise ValueError("must be a whole number from -2 to 2")


def _on_unknown(value: Any) -> str:
    if value in ("ask", "resend"):
        return str(value)
    raise ValueError("must be 'ask' or 'resend'")


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "account": ("account", _id),
    "sendAt": ("send_at", _time),
    "sendBefore": ("send_before", _time),
    "priority": ("priority", _priority),
    "touchpointId": ("touchpoint_id", _id),
    "cadenceMemberId": ("cadence_member_id", _id),
    "emailMessageId": ("email_message_id", _id),
    "onUnknown": ("on_unknown", _on_unknown),
}
_DEFAULTS = Options()
