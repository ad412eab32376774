"""Leaves out recipients that are on the suppression list, right before their mail goes.

Policy. Who is on the list gets nothing: they are told in `info.rejected` and on the timeline, and
the others get the mail; where nobody is left it ends in ERROR `recipient_suppressed`. An address
that another process put on the list counts within LOOK_MS. Most installations have an empty list:
a mail then costs one comparison, and one look at the list each second is shared by all.
"""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from franking.clock import Clock
from franking.compose.envelope import Envelope, Unsendable
from franking.core.suppression import REMOVED, normal, words
from franking.engine.hold import Hold
from franking.stores.base import Store

LOOK_MS = 1_000


class Suppressing:
    """The suppression list as one process sees it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._returns = store.returns
        self._clock = clock
        self._looking = asyncio.Lock()
        self._empty = False
        self._seen = -1
        self._until = -1

    async def spare(self, hold: Hold, envelope: Envelope) -> Envelope | Unsendable:
        """The envelope without who is on the list; why it can't go where nobody is left."""
        if not self._fresh():
            await self._look()
        if self._empty:
            return envelope
        spelled = {normal(address): address for address in envelope.recipients}
        found = await self._returns.suppressed(list(spelled))
        if not found:
            return envelope
        told = {spelled[one.address]: words(one, spelled[one.address]) for one in found.values()}
        for address, why in told.items():
            hold.leave_out(address, why)
        left = tuple(a for a in envelope.recipients if normal(a) not in found)
        if not left:
            return Unsendable(next(iter(told.values())), *REMOVED)
        return replace(envelope, recipients=left)

    def _fresh(self) -> bool:
        changes = self._returns.suppression_changes
        return changes == self._seen and self._clock.steady_ms() < self._until

    async def _look(self) -> None:
        async with self._looking:
            if self._fresh():
                return
            seen, at = self._returns.suppression_changes, self._clock.steady_ms()
            self._empty = not await self._returns.any_suppressed()
            self._seen, self._until = seen, at + LOOK_MS
