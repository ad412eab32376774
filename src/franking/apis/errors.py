"""What errors mean, and which ones nobody has a rule for yet: /v1/explain, /v1/errors/unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from franking.apis import wire_returns as wire
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.listing import query
from franking.apis.problems import Problem
from franking.core.codes import status
from franking.core.explaining import explain
from franking.office import Office

TEXT_CHARACTERS = 4_000
PROVIDER_CHARACTERS = 64
DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class ErrorCalls:
    """The calls on errors."""

    def __init__(self, office: Office) -> None:
        self._bounces = office.bounces

    async def unknown(self, request: Ask) -> Answer:
        """GET /v1/errors/unknown, the most frequent first."""
        wanted = query(request.scope["query_string"], {"limit": _limit})
        found = await self._bounces.unknown_errors(wanted.get("limit", DEFAULT_LIMIT))
        return Answer(200, msgspec.json.encode({"items": [wire.unknown(one) for one in found]}))

    async def explain(self, request: Ask) -> Answer:
        """GET /v1/explain."""
        wanted = query(request.scope["query_string"], EXPLAINED)
        if "text" not in wanted:
            detail = "Query parameter 'text' is missing."
            next = "Send the server's words, as text=550+5.1.1+User+unknown."
            raise Problem(400, "bad_query", detail, next, "text")
        return Answer(200, msgspec.json.encode(wire.explained(explain(**wanted))))


def _text(value: str) -> str:
    if 0 < len(value) <= TEXT_CHARACTERS and value.strip():
        return value
    raise ValueError(f"must have 1 to {TEXT_CHARACTERS} characters")


def _code(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) == 3 and value[0] in "245":
        return int(value)
    raise ValueError("must be a reply code, as 550")


def _enhanced(value: str) -> str:
    if status(value) == value:
        return value
    raise ValueError("must be an enhanced status code, as 5.1.1")


def _provider(value: str) -> str:
    if 0 < len(value) <= PROVIDER_CHARACTERS and value.isprintable():
        return value
    raise ValueError(f"must have 1 to {PROVIDER_CHARACTERS} printable characters")


def _limit(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= MAX_LIMIT:
        return int(value)
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


# What words are explained with, by its name in a query.
EXPLAINED: dict[str, Callable[[str], Any]] = {
    "text": _text,
    "code": _code,
    "enhanced": _enhanced,
    "provider": _provider,
}
