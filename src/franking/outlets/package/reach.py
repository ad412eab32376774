"""The package's only way to the email side: one call, waited for no longer than a rep would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from franking.outlets.base import Answered, OutOfReach, Services

PATIENCE_SECONDS = 10.0

TOUCHPOINT_HEADER = "x-touchpoint-id"


class Reach:
    """Carries calls over `services`."""

    def __init__(self, services: Services, patience_seconds: float) -> None:
        self._services = services
        self._patience_seconds = patience_seconds

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One call. Raises `OutOfReach`, also where no answer comes in time."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._services(method, path, body, headers or {})
        except TimeoutError:
            raise OutOfReach(f"no answer within {self._patience_seconds:g} s") from None

    async def sure(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One call whose answer tells what became of it: a 5xx does not. Raises `OutOfReach`."""
        answered = await self.ask(method, path, body, headers)
        if answered.status >= 500:
            raise OutOfReach(f"it answered {answered.status}")
        return answered


def at(*parts: str) -> str:
    """A path of ids and names, percent-encoded."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def members(answered: Answered) -> dict[str, Any]:
    """The JSON object that was answered; empty where it is none."""
    try:
        found = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def words(answered: Answered) -> str | None:
    """What a service said of its refusal: Skyring's `error_message`, or a problem's `detail`."""
    found = members(answered)
    for name in ("error_message", "detail"):
        if isinstance(found.get(name), str) and found[name]:
            return str(found[name])
    return None


def reason(answered: Answered) -> str:
    """The same as a word for programs."""
    found = members(answered).get("reason")
    return found if isinstance(found, str) and found else "refused"
