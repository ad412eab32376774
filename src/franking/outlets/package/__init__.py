"""The embedded package: what a Salesforce org has of Cadence, on tables of its own.

Policy (contract cadence). It knows of the email service only what the HTTP calls of the contract
tell, and changes nothing there but by them, so that an org takes its place by a setting. What it
shows follows the events that it is told; a call that was refused leaves the touchpoint as it was,
to the byte. What has to be done in several steps is written down before the first one, and gone on
with after a crash (`unfinished`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from franking.clock import Clock
from franking.core.touchpoint import ConquerError
from franking.outlets.base import RetriedMany, Services, Shown, Taken
from franking.outlets.package.completing import Completing
from franking.outlets.package.creating import Creating
from franking.outlets.package.deleting import Deleting
from franking.outlets.package.finishing import Finishing
from franking.outlets.package.looking import Looking
from franking.outlets.package.parts import Parts
from franking.outlets.package.reach import PATIENCE_SECONDS, Reach
from franking.outlets.package.retrying import Retrying
from franking.outlets.package.retrying_many import RetryingMany
from franking.outlets.package.taking import Taking
from franking.stores.base import CadenceStore, LookedTouchpoints

__all__ = ["EmbeddedPackage"]

Wait = Callable[[float], Awaitable[None]]


class EmbeddedPackage:
    """`franking.outlets.base.Package` on a store; `services` carries its calls to the email side.

    A call that has no answer after `patience_seconds` is out of reach. `wait` lets so many seconds
    pass between two rounds of `run`.
    """

    def __init__(
        self,
        store: CadenceStore,
        clock: Clock,
        services: Services,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        wait: Wait = asyncio.sleep,
    ) -> None:
        parts = Parts(store, clock, Reach(services, patience_seconds))
        self._taking = Taking(parts)
        self._looking = Looking(parts)
        self._creating = Creating(parts)
        self._completing = Completing(parts)
        self._retrying = Retrying(parts)
        self._many = RetryingMany(parts, self._retrying)
        self._deleting = Deleting(parts, self._completing)
        self._finishing = Finishing(parts, self._creating, self._completing, self._deleting, wait)

    async def take(self, event: Mapping[str, Any]) -> Taken:
        return await self._taking.take(event)

    async def create(self, given: Mapping[str, Any], id: str | None) -> Shown:
        return await self._creating.create(given, id)

    async def read(self, id: str) -> Shown:
        return await self._looking.read(id)

    async def page(self, filter: Mapping[str, str | None], limit: int) -> list[Shown]:
        return await self._looking.page(filter, limit)

    async def look(self, filter: Mapping[str, str | None], limit: int) -> LookedTouchpoints:
        return await self._looking.look(filter, limit)

    async def count(self, filter: Mapping[str, str | None]) -> int:
        return await self._looking.count(filter)

    async def statuses(self) -> dict[str, int]:
        return await self._looking.statuses()

    async def errors(
        self, filter: Mapping[str, str | None], limit: int
    ) -> list[tuple[int, ConquerError]]:
        return await self._looking.errors(filter, limit)

    async def complete(self, id: str, mail: Mapping[str, Any], force: bool) -> Shown:
        return await self._completing.complete(id, mail, force)

    async def retry(
        self, id: str, mail: Mapping[str, Any] | None, force: bool, key: str | None = None
    ) -> Shown:
        return await self._retrying.retry(id, mail, force, key)

    async def retry_many(self, filter: Mapping[str, Any], limit: int) -> RetriedMany:
        return await self._many.retry(filter, limit)

    async def delete(self, id: str) -> None:
        await self._deleting.delete(id)

    async def finish_unfinished(self) -> int:
        """Go on with what a crash or an outage left unfinished; how many were done."""
        return await self._finishing.finish()

    async def run(self) -> None:
        """Go on with what is unfinished, again and again, until cancelled."""
        await self._finishing.run()
