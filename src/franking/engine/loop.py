"""The engine: deliveries, timers and the sweeper of one process, started and stopped together."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping

import msgspec

from franking.clock import Clock
from franking.core.delivery import Bounds
from franking.core.expiry import NEVER, Expiry
from franking.core.reading import MAX_DOCUMENT_BYTES
from franking.engine.beside import Beside
from franking.engine.compose import Composer
from franking.engine.conclude import Concluder
from franking.engine.deliveries import Deliveries
from franking.engine.fetching import Fetching
from franking.engine.filling import Filling
from franking.engine.intake import Intake
from franking.engine.meter import Meter
from franking.engine.outbox import Outbox
from franking.engine.retention import Retention
from franking.engine.sweeper import Sweeper
from franking.engine.timer_mails import TimerMails
from franking.engine.timers import Timers
from franking.engine.tracing import Tracer
from franking.engine.waiting import Waiting
from franking.engine.webhooks import Webhooks
from franking.office.rendering import Rendering
from franking.outlets.base import Outlet
from franking.stores.base import Store
from franking.transports.base import Caller, Fetcher, Poster, Routes

PLACES_FOR_EACH_CONNECTION = 4
FEWEST_PLACES = 20


class EngineSettings(msgspec.Struct, frozen=True):
    """What an engine goes by; the settings of the same names. `users`: mails may name theirs.
    `beside`: many mails at once are composed in a process of their own."""

    default_from: str
    default_reply_to: str = ""
    lease_ms: int = 60_000
    connections: int = 10
    bounds: Bounds = Bounds()
    events: tuple[str, ...] = ()
    users: bool = True
    expiry: Expiry = NEVER
    retain_days: int | None = None
    max_document_bytes: int = MAX_DOCUMENT_BYTES
    beside: bool = False


class Engine:
    """Delivers what the store holds, when it is due.

    `routes` finds the transport of an account, `callers` who calls the receivers of timers;
    `outlet` is told of events, webhooks through `poster`. `rendering` renders templates; without it
    none is set up. `fetcher` fetches attachments from other servers; without it none is.
    `tracer` follows mails to the outlet's answer.
    """

    def __init__(
        self,
        store: Store,
        routes: Routes,
        clock: Clock,
        settings: EngineSettings,
        callers: Mapping[str, Caller] | None = None,
        outlet: Outlet | None = None,
        rendering: Rendering | None = None,
        poster: Poster | None = None,
        fetcher: Fetcher | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.meter = Meter()
        self.webhooks = None if poster is None else Webhooks(store, clock, poster)
        extra = settings.events
        self.outbox = None
        if outlet is not None:
            self.outbox = Outbox(store, clock, outlet, extra=extra, meter=self.meter, tracer=tracer)
        concluder = Concluder(clock, settings.bounds, f"{socket.gethostname()}:{os.getpid()}")
        waiting = Waiting(self.wake)
        filling = Filling(store.users if settings.users else None, rendering, waiting)
        fetching = Fetching(fetcher, waiting)
        self.beside = Beside(clock) if settings.beside else None
        composer = Composer(
            *(clock, settings.default_from, settings.default_reply_to, filling, fetching),
            beside=self.beside,
        )
        self.deliveries = Deliveries(
            store,
            routes,
            clock,
            composer,
            concluder,
            window=max(settings.connections * PLACES_FOR_EACH_CONNECTION, FEWEST_PLACES),
            lease_ms=settings.lease_ms,
            reported=self._reported,
            happened=self._happened,
            fetching=fetching,
            meter=self.meter,
            tracer=tracer,
            waiting=waiting,
        )
        retention = None
        if settings.retain_days is not None:
            days, busy = settings.retain_days, lambda: bool(self.deliveries.holds())
            retention = Retention(store, clock, days, busy, self.meter)
        self.sweeper = Sweeper(
            store,
            clock,
            concluder,
            self.deliveries.holds,
            self._stirred,
            lease_ms=settings.lease_ms,
            bounds=settings.bounds,
            meter=self.meter,
            retention=retention,
        )
        self.timers = Timers(
            store, clock, callers or {}, lease_ms=settings.lease_ms, meter=self.meter
        )
        self.intake = Intake(store, clock, self.wake, settings.expiry, settings.max_document_bytes)
        self.timer_mails = TimerMails(store, clock, self.wake, settings.expiry)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *, worker: bool = True, timers: bool = True, outbox: bool = True) -> None:
        """Begin, in the running event loop: to send mails, serve timers and tell of events."""
        parts = {"sweeper": self.sweeper.run}
        if worker:
            parts["deliveries"] = self.deliveries.run
            parts["intake"] = self.intake.run
        if timers:
            parts["timers"] = self.timers.run
            parts["timer leases"] = self.timers.renew
            parts["timer mails"] = self.timer_mails.run
        if outbox and self.outbox is not None:
            parts["outbox"] = self.outbox.run
        if outbox and self.webhooks is not None:
            parts["webhooks"] = self.webhooks.run
        self._tasks = [asyncio.create_task(run(), name=name) for name, run in parts.items()]

    def wake(self) -> None:
        """There may be something new to send, or to tell."""
        self.deliveries.wake()
        self._reported()

    def due(self, at: int) -> None:
        """There is a timer due at `at`."""
        self.timers.wake(at)
        self.timer_mails.wake(at)

    def heard(self) -> None:
        """Another process has committed: there may be anything to do."""
        self.wake()
        self.intake.wake()
        self.due(0)

    def _stirred(self) -> None:
        """Somebody else may have written something to do."""
        self.deliveries.expect_suspects()
        self.intake.wake()
        self.due(0)
        self._reported()

    def hooks_changed(self) -> None:
        """A webhook was set or removed, or something waits for it again."""
        if self.webhooks is not None:
            self.webhooks.changed()

    def _happened(self) -> None:
        """There may be an event to tell webhooks of."""
        if self.webhooks is not None:
            self.webhooks.wake()

    def _reported(self) -> None:
        """There may be an event to tell."""
        self._happened()
        if self.outbox is not None:
            self.outbox.wake()

    async def failed(self) -> BaseException | None:
        """Wait until a part ends by itself, which none should; what it ended with."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return next((t.exception() for t in done if not t.cancelled()), None)

    async def stop(self, stop_seconds: float) -> None:
        """Finish what is being transmitted, give back the rest, leave no lease behind."""
        await asyncio.gather(self.timers.stop(stop_seconds), self.deliveries.stop(stop_seconds))
        if self.beside is not None:
            await self.beside.stop()
        if self.outbox is not None:
            await self.outbox.stop(stop_seconds)
        if self.webhooks is not None:
            await self.webhooks.stop(stop_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
