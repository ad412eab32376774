"""Notices what nobody else will: leases that ran out, waits that took too long.

Once a second, oftener where leases are short: this process renews its own leases first, then
sweeps those that ran out, by the journal, then ends the mails that waited as long as they may, and
every ten seconds deletes the documents that have expired (TTL_EXPIRE_TYPE), and once a second at
most lets go of a little of what ended long ago (RETAIN_DAYS). So
a lost worker is noticed within two seconds of its lease's end. A lease whose time is over by our
own count is not renewed: its worker has hung up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from franking.clock import Clock
from franking.core.attempt import Settlement
from franking.core.delivery import WAITING, Bounds, Delivery
from franking.core.endings import held_out, limited_out, waited_out
from franking.core.event import report
from franking.engine.conclude import Concluder
from franking.engine.hold import Hold
from franking.engine.meter import Meter
from franking.engine.retention import Retention
from franking.stores.base import Change, Mail, Store, Stored, StoreUnavailable

log = structlog.get_logger()

EVERY_SECONDS = 1.0
# So often at least is a lease looked at before it ends, or it could end between two looks.
ROUNDS_IN_LEASE = 4
BATCH = 200
ANSWERS_LIVE_MS = 24 * 3_600_000
FORGET_EVERY = 600
EXPIRE_EVERY = 10


class Sweeper:
    """Renews, sweeps and gives up, for one process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        concluder: Concluder,
        holds: Callable[[], list[Hold]],
        stirred: Callable[[], None],
        *,
        lease_ms: int,
        bounds: Bounds,
        meter: Meter | None = None,
        retention: Retention | None = None,
    ) -> None:
        self._retention = retention
        self._store = store
        self._meter = meter or Meter()
        self._clock = clock
        self._concluder = concluder
        self._holds = holds
        self._stirred = stirred
        self._lease_ms = lease_ms
        self._bounds = bounds
        self._every_seconds = min(EVERY_SECONDS, lease_ms / 1000 / ROUNDS_IN_LEASE)
        self._rounds_in_second = round(EVERY_SECONDS / self._every_seconds)
        self._foreign = -1
        self._rounds = 0

    async def run(self) -> None:
        """Sweep again and again until cancelled; a store out of reach is tried again."""
        while True:
            try:
                await self.sweep()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
            except Exception:
                log.exception("a sweep failed")
            await asyncio.sleep(self._every_seconds)

    async def sweep(self) -> None:
        """One round."""
        await self.renew()
        now = self._clock.now()
        swept = BATCH
        while swept == BATCH:
            swept = await self._swept(now)
        if await self._store.suspects(now) or await self._changed():
            self._stirred()
        given_up = await self._given_up(now)
        if given_up:
            self._stirred()
        if self._rounds % EXPIRE_EVERY == 0:
            await self._expired(now)
        self._rounds += 1
        if self._rounds % FORGET_EVERY == 0:
            await self._forget(now)
        if self._retention is not None and self._rounds % self._rounds_in_second == 0:
            await self._retention.round()

    async def _swept(self, now: int) -> int:
        """Settle leases that ran out; how many."""
        lapsed: dict[
            int, str
        ] = {}  # by epoch: where they can't be written together, each is asked again

        def lapse(mail: Mail) -> Settlement:
            settlement = self._concluder.lapse(mail)
            lapsed[mail.delivery.epoch] = settlement.attempt.event
            return settlement

        swept = await self._store.sweep(now, BATCH, lapse)
        if swept:
            self._meter.lapses.update(lapsed.values())
            self._stirred()
        return swept

    async def _forget(self, now: int) -> None:
        """Drop what nobody asks for any more."""
        await self._store.forget_answers(now - ANSWERS_LIVE_MS, BATCH)
        while await self._store.look.forget_tally(now, BATCH) == BATCH:
            pass

    async def _given_up(self, now: int) -> int:
        """End what waited as long as it may; how many mails did."""
        count, found = 0, BATCH
        while found == BATCH:
            found = await self._store.give_up(now, BATCH, self._waited_out)
            count += found
        limited, disconnected = now - self._bounds.max_wait_ms, now - self._bounds.hold_ms
        found = BATCH
        while found >= BATCH:
            found = await self._store.give_up_held(limited, disconnected, BATCH, self._waited_out)
            count += found
        return count

    async def _expired(self, now: int) -> None:
        """Delete the documents whose time is over."""
        deleted = BATCH
        while deleted == BATCH:
            deleted = await self._store.delete_expired(now, BATCH)

    async def renew(self) -> None:
        """Move the end of our own leases once a third of their time is over."""
        asked_at = self._clock.steady_ms()
        soon = asked_at + self._lease_ms * 2 // 3
        holds = [h for h in self._holds() if asked_at < h.deadline_ms <= soon]
        if not holds:
            return
        leases = [hold.lease for hold in holds]
        held = await self._store.renew(leases, self._clock.now() + self._lease_ms)
        for hold, still in zip(holds, held, strict=True):
            hold.deadline_ms = asked_at + self._lease_ms if still else 0

    async def _changed(self) -> bool:
        """Has another process committed since the last look?"""
        before, self._foreign = self._foreign, await self._store.foreign_commits()
        return self._foreign != before

    def _waited_out(self, stored: Stored | None) -> Change | None:
        """It waited as long as it may, for its own time or for its account."""
        if stored is None or stored.mail.delivery.state not in WAITING:
            return None
        mail, now = stored.mail, self._clock.now()
        hold = mail.hold
        if hold is not None and hold.state == "disconnected":
            return self._ended(mail, held_out(mail.delivery, hold.reason or "", now), now)
        delivery = mail.delivery
        if hold is not None and hold.pauses:
            delivery = limited_out(delivery, hold.reason)
        return self._ended(mail, waited_out(delivery, now), now)

    def _ended(self, mail: Mail, delivery: Delivery, now: int) -> Change:
        event = None
        if mail.remainder_of is None:
            event = report(
                "waited_out",
                delivery,
                event_id=self._clock.new_id(),
                mail=mail.id,
                links=mail.links,
                now=now,
                text=mail.delivery.error or "",
            )
        return Change(delivery=delivery, event=event)
