"""One render on its way: what is asked of a child, and what the child says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.compose.templates.plan import Catalog, Plan, encoded


class Answer(msgspec.Struct, frozen=True):
    """What a child says to a request: one of these."""

    texts: list[str] | None = None
    error: str | None = None
    limit: str | None = None
    need: list[str] | None = None


class Job:
    """One render. `done` gets its `Answer`, with `error` wherever there are no texts."""

    def __init__(self, catalog: Catalog, plan: Plan, data: Mapping[str, Any] | None) -> None:
        self.catalog = catalog
        self.plan = plan
        self.data = data
        self.lacking: dict[str, Any] = {}
        self.lost = 0
        self.done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def frame(self, with_partials: bool) -> bytes:
        """The request. Raises what `encoded` does, where the data is no JSON."""
        asked = {"parts": self.plan.digests, "sources": self.lacking}
        if with_partials:
            asked["partials"] = self.catalog.partials
        if self.data is not None:
            asked["data"] = self.data
        return encoded(asked)

    def lacks(self, digests: list[str]) -> bool:
        """Have these sources with it from now on; False where nothing is new in that."""
        found = {digest: self.catalog.source(self.plan, digest) for digest in digests}
        before = len(self.lacking)
        self.lacking |= {digest: source for digest, source in found.items() if source}
        return len(self.lacking) > before

    def settle(self, answer: Answer) -> None:
        if not self.done.done():
            self.done.set_result(answer)
