"""The mail documents of these tests: each recipient is used once, so that mails can be counted."""

from __future__ import annotations

from typing import Any

from franking.clock import SystemClock
from franking.core import times
from kill.session import LAST_LINE


class Documents:
    """Makes documents; what the sink does with one goes by its recipient's first word."""

    def __init__(self) -> None:
        self.recipients: set[str] = set()

    def one(self, *kinds: str, **options: Any) -> dict[str, Any]:
        """A document to a new address of each kind, with further fields."""
        to = [self._address(kind) for kind in kinds or ("plain",)]
        message = {"subject": options.pop("subject", "Hello"), "text": f"Hello.\n{LAST_LINE}\n"}
        return {"to": to, "message": message, **options}

    def some(self, count: int, **options: Any) -> list[dict[str, Any]]:
        """Documents that every server takes."""
        return [self.one(**options) for _ in range(count)]

    def _address(self, kind: str) -> str:
        address = f"{kind}-{len(self.recipients)}@example.com"
        self.recipients.add(address)
        return address


def seconds_ahead(seconds: float) -> str:
    """A time for `sendAt` or `sendBefore`."""
    return times.text(SystemClock().now() + int(seconds * 1000))
