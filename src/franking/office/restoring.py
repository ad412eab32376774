"""After a restore from a backup, before anything is sent: what had not ended ends in doubt.

Policy. Mails that had not ended when the backup was made may have gone out since: each ends in
ERROR with the outcome `unknown`, its touchpoint is told, and a person decides, as after any doubt.
So do the emails of timers that were due by now: their mails are made, and end likewise. A timer
that is due later stays: nothing of it can have been handed over. One that calls a webhook is
called, again perhaps, as its receivers are promised: at least once, each call with the timer's id.
What stands in the inbox was written before the backup, and is made mails that end likewise.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.core.delivery import FINAL, Delivery
from franking.core.endings import restored
from franking.core.event import Event, Links, report
from franking.core.expiry import NEVER, Expiry
from franking.core.timer import Timer
from franking.office.inbox import Taker
from franking.office.serving import Server
from franking.stores.base import Change, InboxRow, NewMail, Store, Stored, Unserved

AT_ONCE = 200
# Rows of the inbox are put off by less.
PUT_OFF_MS = 3_600_000
# Whatever was allowed when they were written; nothing is sent of them.
MOST_BYTES = 2**31 - 1


class Restored(msgspec.Struct, frozen=True):
    """How many mails ended in doubt, those of timers that were due with them."""

    mails: int
    timers: int


class Restoring:
    """Goes through a store that nobody else uses. Raises `StoreUnavailable`."""

    def __init__(self, store: Store, clock: Clock, expiry: Expiry = NEVER) -> None:
        self._store = store
        self._clock = clock
        self._expiry = expiry

    async def run(
        self, keep_later: bool, told: Callable[[int], None] = lambda count: None
    ) -> Restored:
        """End what had not ended; with `keep_later` mails that were never tried and are due later
        stay. `told` hears how many more were done. A second run finds nothing left to end."""
        await self._store.restoring.skip()
        later = self._clock.now() if keep_later else None
        # First the mails that are there: what timers make below has ended as it is made.
        mails = await self._all(
            lambda now: self._store.restoring.end(later, AT_ONCE, self._ended, now), told
        )
        mails += await self._inbox(later, told)
        timers = await self._all(self._served, told)
        return Restored(mails, timers)

    async def _inbox(self, later: int | None, told: Callable[[int], None]) -> int:
        count, found = 0, 1
        while found:
            now = self._clock.now()
            take = _Doubting(self._taker(now), self._doubt, later)
            inbox, due = self._store.inbox, now + PUT_OFF_MS
            found = await inbox.take_in(due, AT_ONCE, MOST_BYTES, take)
            told(found)
            count += found
        return count

    async def _all(self, do: Callable[[int], object], told: Callable[[int], None]) -> int:
        count, found = 0, AT_ONCE
        while found == AT_ONCE:
            found = await do(self._clock.now())  # type: ignore[misc]
            told(found)
            count += found
        return count

    async def _served(self, now: int) -> int:
        server = Server(now, self._clock.new_id, self._expiry)

        def serve(timer: Timer, stored: Stored | None) -> Change | Unserved:
            return self._doubted(server(timer, stored), timer, stored)

        return await self._store.timers.serve_mails(now, AT_ONCE, serve)

    def _doubted(
        self, wanted: Change | Unserved, timer: Timer, stored: Stored | None
    ) -> Change | Unserved:
        """What a timer would have had written, ended."""
        if isinstance(wanted, Unserved):
            return wanted
        now = self._clock.now()
        if wanted.insert is not None and wanted.insert.delivery.state not in FINAL:
            new = wanted.insert
            delivery = restored(new.delivery, now)
            event = self._event(new.id, new.links, delivery, now)
            return replace(wanted, insert=replace(new, delivery=delivery, event=event))
        if wanted.delivery is not None and wanted.delivery.state not in FINAL:
            links = wanted.links or (stored.mail.links if stored is not None else Links())
            delivery = restored(wanted.delivery, now)
            return replace(
                wanted, delivery=delivery, event=self._event(timer.id, links, delivery, now)
            )
        return wanted

    def _taker(self, now: int) -> Taker:
        return Taker(now, self._clock.new_id, self._expiry, MOST_BYTES)

    def _doubt(self, id: str, links: Links, delivery: Delivery) -> tuple[Delivery, Event | None]:
        now = self._clock.now()
        doubted = restored(delivery, now)
        return doubted, self._event(id, links, doubted, now)

    def _ended(self, stored: Stored | None) -> Change | None:
        if stored is None:
            return None
        mail, now = stored.mail, self._clock.now()
        delivery = restored(mail.delivery, now)
        event = None
        if mail.remainder_of is None:
            event = self._event(mail.id, mail.links, delivery, now)
        return Change(delivery=delivery, event=event)

    def _event(self, id: str, links: Links, delivery: Delivery, now: int) -> Event | None:
        text = delivery.error or ""
        new_id = self._clock.new_id()
        return report(
            "restored", delivery, event_id=new_id, mail=id, links=links, now=now, text=text
        )


class _Doubting:
    """`franking.stores.base.TakeIn` whose mails have ended in doubt, but for those that are due
    after `later`."""

    def __init__(
        self,
        take: Taker,
        doubt: Callable[[str, Links, Delivery], tuple[Delivery, Event | None]],
        later: int | None,
    ) -> None:
        self._take = take
        self._doubt = doubt
        self._later = later

    def __call__(self, row: InboxRow, stored: Stored | None) -> NewMail | Change:
        wanted = self._take(row, stored)
        delivery = wanted.delivery
        if delivery is None or delivery.state in FINAL or self._stays(delivery):
            return wanted
        if isinstance(wanted, NewMail):
            ended, event = self._doubt(wanted.id, wanted.links, delivery)
        else:
            assert stored is not None
            ended, event = self._doubt(stored.mail.id, stored.mail.links, delivery)
        return replace(wanted, delivery=ended, event=event)

    def refused(self, row: InboxRow, error: Exception) -> NewMail:
        return self._take.refused(row, error)

    def given_up(self, row: InboxRow, why: str) -> NewMail:
        return self._take.given_up(row, why)

    def _stays(self, delivery: Delivery) -> bool:
        return self._later is not None and delivery.due_at > self._later
