"""`franking mail list|show`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from franking.cli import screen
from franking.cli.door import Document, Door
from franking.stores.base import Filter

_DELIVERY = (
    ("Error", "error"),
    ("For a person", "message"),
    ("Outcome", "outcome"),
    ("Category", "category"),
    ("Cause", "cause"),
    ("Code", "errorCode"),
    ("Waiting for", "waitingFor"),
    ("Next try", "nextAttemptTime"),
    ("Tries", "attempts"),
    ("Started", "startTime"),
    ("Ended", "endTime"),
)
_INFO = (
    ("Message-ID", "messageId"),
    ("Accepted", "accepted"),
    ("Rejected", "rejected"),
    ("Pending", "pending"),
    ("Reply", "response"),
)


async def list_mails(door: Door, filter: Filter, limit: int, as_json: bool) -> None:
    """Print the newest mails that match."""
    found = await door.page(filter, limit)
    if as_json:
        for document in found:
            print(json.dumps(document))
        return
    if not found:
        print("No mail.")
        return
    screen.console().print(screen.mails(found))


async def show(door: Door, id: str, as_json: bool) -> None:
    """Print one mail: its document, its delivery, and every attempt with the peer's words."""
    document = await door.read(id)
    timeline, bounces = await door.timeline(id), await door.bounces(id)
    if as_json:
        print(json.dumps({**document, "timeline": timeline, "bounces": bounces}))
        return
    console = screen.console()
    console.print(screen.facts(_summary(document)))
    for attempt in timeline:
        console.print()
        console.print(screen.facts(_attempt(attempt)))
    for bounce in bounces:
        console.print()
        console.print(screen.facts(_bounce(bounce)))


def _summary(document: Document) -> Iterator[tuple[str, object]]:
    delivery = document["delivery"]
    message = document.get("message") or {}
    yield "Id", document["id"]
    yield "State", screen.state(delivery["state"])
    yield "From", document.get("from")
    yield "To", screen.recipients(document)
    yield "Subject", message.get("subject")
    for name in ("text", "html"):
        yield name.capitalize(), screen.one_line(message.get(name))
    for label, name in _DELIVERY:
        yield label, delivery.get(name)
    info = delivery.get("info") or {}
    for label, name in _INFO:
        yield label, _listed(info.get(name))


def _attempt(attempt: Document) -> Iterator[tuple[str, object]]:
    """One attempt: how it ended, then step by step what was done and what was said."""
    yield f"Attempt {attempt['attempt']}", _ended(attempt)
    yield "Remainder", attempt["mailId"] if "~" in attempt["mailId"] else None
    yield "Error", attempt["error"]
    yield "Code", attempt["errorCode"]
    yield "Category", attempt["category"]
    yield "Said", attempt["text"]
    for step in attempt["steps"]:
        yield str(step.get("at", "")), _step(step)


def _bounce(bounce: Document) -> Iterator[tuple[str, object]]:
    """What came back for one recipient."""
    yield "Came back", f"{bounce['action']}: {bounce['recipient']}"
    yield "At", bounce["receivedTime"]
    yield "For a person", bounce["message"]
    yield "Category", bounce["category"]
    yield "Cause", bounce["cause"]
    yield "Code", bounce["status"]
    yield "Said", bounce["text"]


def _ended(attempt: Document) -> str:
    return (
        f"{attempt['event']} (outcome {attempt['outcome']}, reached {attempt['stage']}),"
        f" document revision {attempt['revision']}, by {attempt['worker']}"
    )


def _step(step: dict[str, Any]) -> str:
    """A stage, or a recipient, and the peer's words."""
    what = step.get("stage") or step.get("recipient") or ""
    return f"{what}: {step['text']}" if step.get("text") else str(what)


def _listed(value: Any) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
