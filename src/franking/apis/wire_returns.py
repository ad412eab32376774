"""Bounces, suppressed addresses, unknown errors and verdicts, as the outside reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from franking.core import times
from franking.core.bounce import Bounce, Filing
from franking.core.explaining import Explanation
from franking.core.fault import ours
from franking.core.suppression import Suppression
from franking.core.unknown import UnknownError

# Of a verdict: what the caller sent, and what needs a time to be told.
_LEFT_OUT = ("text", "error", "retry_at")


def bounce(found: Bounce) -> dict[str, Any]:
    """One entry on a mail's timeline."""
    return {
        "mail": found.mail,
        "recipient": found.recipient,
        "action": found.action,
        "status": found.status,
        "category": found.category,
        "cause": found.cause,
        "message": _sentence(found),
        "text": found.text,
        "receivedTime": times.text(found.received_at),
    }


def filing(filed: Filing) -> bytes:
    """What a report was matched with; `repeated` where it had come before."""
    matched = [{**bounce(one), "repeated": False} for one in filed.fresh]
    matched += [{**bounce(one), "repeated": True} for one in filed.repeated]
    return msgspec.json.encode({"matched": matched})


def timeline(attempts: bytes, bounces: Iterable[Bounce]) -> bytes:
    """A timeline's JSON with what came back."""
    told = msgspec.json.encode([bounce(one) for one in bounces])
    return b"".join((attempts[:-1], b',"bounces":', told, b"}"))


def suppression(found: Suppression) -> dict[str, Any]:
    return {
        "address": found.address,
        "reason": found.reason,
        "source": found.source,
        "createTime": times.text(found.created_at),
    }


def unknown(found: UnknownError) -> dict[str, Any]:
    return {
        "fingerprint": found.fingerprint,
        "count": found.seen,
        "firstTime": times.text(found.first_at),
        "lastTime": times.text(found.last_at),
        "example": found.example,
    }


def explained(found: Explanation) -> dict[str, Any]:
    """All that a verdict says, by the names of its fields, and what came near it."""
    fault: dict[str, Any] = msgspec.to_builtins(found.fault)
    told = {_camel(name): value for name, value in fault.items() if name not in _LEFT_OUT}
    return {**told, "near": msgspec.to_builtins(found.near)}


def _sentence(found: Bounce) -> str | None:
    if found.category is None or found.cause is None:
        return None
    return ours(found.text, found.category, found.cause).sentence


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
