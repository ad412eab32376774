"""One mail's passage from claim to settlement: compose, transmit, settle, each step a value.

Whatever goes wrong ends on this mail alone. The fence before its dot and its end are written with
its neighbours'; an end is written however long the store is out of reach: the peer has answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from franking.clock import Clock
from franking.compose.envelope import Envelope, Unsendable
from franking.core import trace
from franking.core.attempt import Lease, Settlement
from franking.core.delivery import CONNECTION_LOST, Stage
from franking.core.fault import Failure
from franking.engine.batch import Batch
from franking.engine.compose import Composer
from franking.engine.conclude import Concluder
from franking.engine.hold import Hold
from franking.engine.meter import Meter
from franking.engine.saying import say
from franking.engine.suppressing import Suppressing
from franking.engine.tracing import Tracer
from franking.stores.base import Store, StoreUnavailable
from franking.transports.base import Answer, Doubt, Rejected, Routes, Withheld

log = structlog.get_logger()

STORE_PAUSE_SECONDS = 1.0
# News of an account that nothing more is to be begun for.
STOPPING = ("limited", "disconnected")


class Passage:
    """Brings mails to their ends. `routes` finds the transport of an account.

    `held_back` is called with an account that may not send now. `reported` is called when there is
    an event to tell a touchpoint of, `happened` when there may be one to tell webhooks of.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        clock: Clock,
        composer: Composer,
        concluder: Concluder,
        *,
        held_back: Callable[[str], None],
        reported: Callable[[], None],
        happened: Callable[[], None],
        meter: Meter,
        tracer: Tracer | None,
    ) -> None:
        self._store = store
        self._meter = meter
        self._tracer = tracer
        self._routes = routes
        self._clock = clock
        self._composer = composer
        self._suppressing = Suppressing(store, clock)
        self._concluder = concluder
        self._held_back = held_back
        self._reported = reported
        self._happened = happened
        self.fences: Batch[Lease, bool] = Batch(self._fence)
        self._ends: Batch[Settlement, bool] = Batch(store.settle)

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
        stopped = settlement.news is not None and settlement.news.kind in STOPPING
        if stopped or _fenced_off(hold, answer):
            self._held_back(hold.claimed.mail.account)
        held = await self._settle(settlement)
        say(settlement, hold.claimed.mail.account)
        if self._tracer is not None and (parent := trace.of(hold.claimed.document)) is not None:
            self._tracer.attempted(parent, settlement, hold.steps)
        self._meter.settled(settlement, hold.steps, hold.claimed.mail.delivery.due_at)
        self._meter.wrote(held, self._clock.now() - settlement.attempt.ended_at)

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

    async def _settle(self, settlement: Settlement) -> bool:
        """Write it down, however long the store is out of reach: the peer has answered. Was the
        lease still ours?"""
        while True:
            try:
                held = await self._ends.ask(settlement)
                self._happened()
                if settlement.event is not None and settlement.event.touchpoint_id is not None:
                    self._reported()
                return held
            except StoreUnavailable as error:
                log.warning("an end waits to be written", mail=settlement.attempt.mail, why=error)
                await asyncio.sleep(STORE_PAUSE_SECONDS)


def _fenced_off(hold: Hold, answer: Answer | Unsendable) -> bool:
    """Was it stopped at the fence though its lease may be ours? Then most likely somebody else has
    paused its account, and whatever else is held for that would only come as far."""
    return isinstance(answer, Withheld) and hold.stage is Stage.TRANSMITTING and hold.held()


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
