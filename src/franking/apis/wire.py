"""From core's values to the JSON that goes over HTTP, as bytes; one mail's is `office/shown`'s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from franking.core import times
from franking.core.attempt import Attempt
from franking.office.shown import Told, mail, told
from franking.stores.base import StoredEvent

__all__ = ["Told", "event", "mail", "page", "timeline", "told"]


def page(mails: Iterable[bytes], next: str | None) -> bytes:
    """A list of mails, each as `mail` gave it, and where to go on."""
    return b"".join((b'{"items":[', b",".join(mails), b'],"next":', _json(next), b"}"))


def timeline(id: str, attempts: Iterable[Attempt]) -> bytes:
    """Every attempt at a mail, with the peer's words as they were."""
    return _json({"id": id, "attempts": [_attempt(attempt) for attempt in attempts]})


def event(event: StoredEvent) -> bytes:
    """What listeners get: the event's own body, which outlets get too."""
    return _json(event.body)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "mailId": attempt.mail,
        "attempt": attempt.number,
        "epoch": attempt.epoch,
        "revision": attempt.revision,
        "event": attempt.event,
        "stage": attempt.stage,
        "outcome": attempt.outcome,
        "startTime": times.text(attempt.started_at),
        "endTime": times.text(attempt.ended_at),
        "error": attempt.error,
        "category": attempt.category,
        "errorCode": attempt.code,
        "text": attempt.text,
        "response": attempt.response,
        "worker": attempt.worker,
        "steps": [_step(step) for step in attempt.steps],
    }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    at = step.get("at")
    return {**step, "at": times.text(at)} if isinstance(at, int) else step


_json = msgspec.json.Encoder().encode
