"""The door to the outbox: what the outlet has yet to hear, and sending parked events again."""

from __future__ import annotations

from collections.abc import Callable

from franking.clock import Clock
from franking.stores.base import OutboxCounts, OutboxStore, Store, Unheard

# So many parked events are sent again in one transaction.
AT_ONCE = 1_000


class OutboxDoor:
    """`wake` is called when there may be something new to tell."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._outbox: OutboxStore = store.outbox
        self._clock = clock
        self._wake = wake

    async def page(
        self, state: str | None, touchpoint: str | None, after: int | None, limit: int
    ) -> tuple[list[Unheard], int | None]:
        """What was not heard yet, newest first, and the last one's seq where there are more."""
        found = await self._outbox.page(state, touchpoint, after, limit + 1)
        more = len(found) > limit
        return found[:limit], found[limit - 1].seq if more else None

    async def counts(self) -> OutboxCounts:
        """How many wait and are parked, and how the outlet stands."""
        return await self._outbox.counts()

    async def resend(self, seq: int | None = None, touchpoint: str | None = None) -> int:
        """Parked events wait again: one, those of a touchpoint, or all; how many do.

        What is parked again meanwhile is not sent again: there is an end to it.
        """
        now, count = self._clock.now(), 0
        most = 1 if seq is not None else (await self._outbox.counts()).parked
        while count < most:
            limit = min(AT_ONCE, most - count)
            done = await self._outbox.resend(seq, touchpoint, now, limit)
            count += done
            self._wake()
            if done < limit:
                break
        return count
