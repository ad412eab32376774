"""One mail from claim to settlement, and the loop that keeps as many under way as may be.

The way of a mail is `Deliveries.deliver`: compose, transmit, settle, each step a value. The loop
claims in batches when half of its places are free, so that claims are few, and sleeps until a
place is free, something new came in, or the next mail is due. A mail that waits for an attachment
from another's server, or long for its template, takes no place. A mail whose leases ran out three
times is claimed when nothing else is under way, so that it can't take others down with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from franking.clock import Clock
from franking.compose.envelope import Envelope, Unsendable
from franking.core.attempt import Lease, Settlement
from franking.core.delivery import CONNECTION_LOST, Stage
from franking.core.fault import Failure
from franking.engine.batch import Batch
from franking.engine.compose import Composer
from franking.engine.conclude import Concluder
from franking.engine.fetching import NO_FETCHING, Fetching
from franking.engine.hold import Hold
from franking.engine.suppressing import Suppressing
from franking.engine.waiting import MOST_WAITING, WAITING_OCTETS, Waiting, nobody_waits
from franking.stores.base import Claimed, Store, StoreUnavailable
from franking.transports.base import Answer, Doubt, Rejected, Routes, Withheld

log = structlog.get_logger()

LONGEST_SLEEP_SECONDS = 30.0
STORE_PAUSE_SECONDS = 1.0
# How often to look whether a suspect may be claimed by itself now.
SUSPECT_SECONDS = 1.0
# How soon to look again where something is due that can't be claimed yet.
BLOCKED_SECONDS = 0.05


class Deliveries:
    """Delivers what is due. `routes` finds the transport of an account.

    `reported` is called when there is an event to tell a touchpoint of, `happened` when there may
    be one to tell webhooks of.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        clock: Clock,
        composer: Composer,
        concluder: Concluder,
        *,
        window: int,
        lease_ms: int,
        reported: Callable[[], None],
        happened: Callable[[], None] = lambda: None,
        fetching: Fetching = NO_FETCHING,
        waiting: Waiting | None = None,
    ) -> None:
        self._store = store
        self._routes = routes
        self._clock = clock
        self._composer = composer
        self._suppressing = Suppressing(store, clock)
        self._concluder = concluder
        self._window = window
        self._lease_ms = lease_ms
        self._reported = reported
        self._happened = happened
        self._fetching = fetching
        self._waiting = waiting or nobody_waits()
        self._fences: Batch[Lease, bool] = Batch(self._fence)
        self._ends: Batch[Settlement, bool] = Batch(store.settle)
        self._stir = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._suspects = True
        self._suspects_since: int | None = None
        self._alone: asyncio.Task[None] | None = None
        self._under_way: dict[asyncio.Task[None], Hold] = {}
        self._octets = 0

    def wake(self) -> None:
        """There may be something new to send."""
        self._stir.set()

    def expect_suspects(self) -> None:
        """There may be a mail that must be claimed alone."""
        self._suspects = True
        self._stir.set()

    def holds(self) -> list[Hold]:
        """The mails that are ours now."""
        return list(self._under_way.values())

    async def run(self) -> None:
        """Deliver until `stop`. A store that is out of reach is tried again and again."""
        while not self._stopping:
            self._stir.clear()
            try:
                async with self._claiming:
                    claimed = await self._claim()
                if not claimed and not self._stopping:
                    await self._rest()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
                await self._sleep(STORE_PAUSE_SECONDS)

    async def stop(self, stop_seconds: float) -> None:
        """Finish what is being transmitted, give back the rest, and leave no lease behind."""
        self._stopping = True
        self._stir.set()
        # What is being claimed is ours to give back too, once it has begun.
        async with self._claiming:
            await asyncio.sleep(0)
        for task, hold in list(self._under_way.items()):
            hold.shut = True
            if hold.stage is not Stage.TRANSMITTING and not hold.ended:
                task.cancel()
        await self._ended(stop_seconds)
        for task in list(self._under_way):
            task.cancel()
        await self._ended(stop_seconds)

    async def _ended(self, seconds: float) -> None:
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=seconds)

    async def deliver(self, hold: Hold) -> None:
        """Compose, transmit, settle. Whatever goes wrong ends on this mail alone."""
        try:
            answer, envelope = await self._transmit(hold)
        except asyncio.CancelledError:
            answer, envelope = _cut_off(hold), None
        except Exception as error:
            log.exception("a mail could not be handled", mail=hold.claimed.mail.id)
            answer, envelope = _broken(hold, error), None
        hold.ended = True
        settlement = self._concluder.conclude(hold, answer, envelope)
        if settlement.news is not None and settlement.news.kind in ("limited", "disconnected"):
            self._hold_back(settlement.news.account)
        await self._settle(settlement)

    def _hold_back(self, account: str) -> None:
        """What has not begun for this account goes back as it was."""
        for hold in self._under_way.values():
            if hold.claimed.mail.account == account:
                hold.shut = True

    async def _transmit(self, hold: Hold) -> tuple[Answer | Unsendable, Envelope | None]:
        # The transport comes first, for it says in which form it wants the mail.
        transport = await self._routes.route(hold.claimed.mail.account)
        form = "mime" if isinstance(transport, Failure) else transport.wants
        try:
            envelope = await self._composer.compose(hold.claimed, form)
            if isinstance(envelope, Envelope):
                envelope = await self._suppressing.spare(hold, envelope)
        except StoreUnavailable as error:
            log.warning("what a mail needs is out of reach", why=str(error))
            return Withheld(), None
        if isinstance(envelope, Unsendable):
            return envelope, None
        hold.message_id = envelope.message_id
        hold.reach(Stage.COMPOSED)
        if isinstance(transport, Failure):
            return Rejected(transport), envelope
        return await transport.send(envelope, hold), envelope

    async def _fence(self, leases: Sequence[Lease]) -> list[bool]:
        """Which dots may go out; none while the store is out of reach."""
        try:
            return await self._store.transmitting(leases, self._clock.now())
        except StoreUnavailable as error:
            log.warning("the fence could not be written", why=str(error))
            return [False] * len(leases)

    async def _settle(self, settlement: Settlement) -> None:
        """Write it down, however long the store is out of reach: the peer has answered."""
        while True:
            try:
                await self._ends.ask(settlement)
                self._happened()
                if settlement.event is not None and settlement.event.touchpoint_id is not None:
                    self._reported()
                return
            except StoreUnavailable as error:
                log.warning("an end waits to be written", mail=settlement.attempt.mail, why=error)
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _claim(self) -> bool:
        """Claim what there is room for; was there anything?"""
        if self._stopping or self._alone in self._under_way:
            return False
        if self._suspects and await self._claim_suspect():
            return True
        room = self._room()
        if self._suspects or (room < self._window // 2 and self._under_way):
            return False
        asked_at = self._clock.steady_ms()
        claimed = await self._store.claim(self._clock.now(), room, self._lease_ms)
        for mail in claimed:
            self._begin(mail, asked_at)
        if claimed:
            self._happened()
        return bool(claimed)

    def _room(self) -> int:
        """How many more may be claimed; those that wait to be composed are counted apart, as long
        as all that are held are small enough to be held."""
        sent = len(self._under_way) - self._waiting.count
        apart = MOST_WAITING if self._octets < WAITING_OCTETS else 0
        return min(self._window - sent, self._window + apart - len(self._under_way))

    async def _claim_suspect(self) -> bool:
        """While a suspect is due: wait until nothing is under way, then claim it by itself.

        Others that take longer than a lease are waited for no longer.
        """
        self._suspects = await self._store.suspects(self._clock.now())
        asked_at = self._clock.steady_ms()
        if not self._suspects:
            self._suspects_since = None
            return False
        self._suspects_since = self._suspects_since or asked_at
        if self._under_way and asked_at < self._suspects_since + self._lease_ms:
            return False
        self._suspects_since = None
        claimed = await self._store.claim_alone(self._clock.now(), self._lease_ms)
        if claimed is None:
            return False
        self._alone = self._begin(claimed, asked_at)
        return True

    def _begin(self, claimed: Claimed, asked_at: int) -> asyncio.Task[None]:
        hold = Hold(claimed, self._fences, self._clock, asked_at + self._lease_ms)
        task = asyncio.create_task(self.deliver(hold))
        self._under_way[task] = hold
        self._octets += len(bytes(claimed.document))
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[None]) -> None:
        hold = self._under_way.pop(task)
        self._octets -= len(bytes(hold.claimed.document))
        self._fetching.ended(hold.lease.epoch)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a settlement failed; its lease will run out", why=repr(error))
        if self._room() >= self._window // 2:
            self._stir.set()

    async def _rest(self) -> None:
        """Sleep until something stirs or the next mail is due."""
        busy = self._room() < self._window // 2 or self._alone in self._under_way
        if busy or (self._suspects and self._under_way):
            await self._sleep(SUSPECT_SECONDS if self._suspects else LONGEST_SLEEP_SECONDS)
            return
        due = await self._store.next_due()
        wait_ms = LONGEST_SLEEP_SECONDS * 1000 if due is None else due - self._clock.now()
        await self._sleep(wait_ms / 1000 if wait_ms > 0 else BLOCKED_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP_SECONDS)):
                await self._stir.wait()


def _cut_off(hold: Hold) -> Answer:
    """Stopped by us: before the dot nothing was sent, later nobody knows."""
    if hold.stage is Stage.TRANSMITTING:
        return Doubt(Failure("data", "franking was stopped", CONNECTION_LOST, kind="closed"))
    return Withheld()


def _broken(hold: Hold, error: Exception) -> Answer | Unsendable:
    """A bug of ours: the mail ends with it, and the next one goes on."""
    if hold.stage is Stage.TRANSMITTING:
        return Doubt(Failure("data", repr(error), CONNECTION_LOST, kind="protocol"))
    return Unsendable(f"Error: franking could not handle this message: {type(error).__name__}")
