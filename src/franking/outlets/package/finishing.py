"""Goes on with what a crash or an outage left unfinished, again and again.

Policy. The oldest goes first. One that can't be finished yet is left for the next round, and never
stops the others; where the email side is out of reach, so is everything, and the round is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from franking.outlets.base import OutOfReach
from franking.outlets.package.completing import Completing
from franking.outlets.package.creating import Creating
from franking.outlets.package.deleting import Deleting
from franking.outlets.package.parts import Parts
from franking.outlets.package.unfinished import Completion, Creation, Deletion, read
from franking.stores.base import StoreUnavailable

AT_ONCE = 500
EVERY_SECONDS = 5.0

log = structlog.get_logger()


class Finishing:
    """Finishes what was begun."""

    def __init__(
        self,
        parts: Parts,
        creating: Creating,
        completing: Completing,
        deleting: Deleting,
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._creating = creating
        self._completing = completing
        self._deleting = deleting
        self._wait = wait

    async def run(self) -> None:
        """One round after the other, until cancelled."""
        while True:
            try:
                await self.finish()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
            except Exception:
                log.exception("unfinished touchpoints could not be looked at")
            await self._wait(EVERY_SECONDS)

    async def finish(self) -> int:
        """One round; how many were finished."""
        count = 0
        for touchpoint, raw in await self._parts.store.unfinished(AT_ONCE):
            try:
                count += await self._finished(touchpoint.id, raw)
            except OutOfReach as error:
                log.warning("the email side is out of reach", why=str(error))
                break
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("a touchpoint could not be finished", touchpoint=touchpoint.id)
        return count

    async def _finished(self, id: str, raw: bytes) -> bool:
        work = read(raw)
        if isinstance(work, Creation):
            return await self._creating.go_on(id, work)
        if isinstance(work, Completion):
            return await self._completing.find_out(id)
        if isinstance(work, Deletion):
            return await self._deleting.go_on(id)
        return await self._creating.undo(id)
