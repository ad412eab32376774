"""Tells the outlet of events: in order for each touchpoint, many touchpoints at a time.

Policy. The events of a touchpoint are told one after the other, in the order of their commits; the
next is begun once the last was heard or parked. What has to wait makes its touchpoint wait, and no
other. Where the trouble is the outlet's own, that side of it is left in peace as a whole, which is
written down with the reason, and one event is told first when the pause is over. No more than
CONNECTIONS are told at once, so that an outlet that was down for a day is not overrun. What a
teller that died had told is told again once its claim is over; the event's id makes that harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from itertools import groupby

import structlog

from franking.clock import Clock
from franking.core import trace
from franking.core.filing import BOUNCED
from franking.core.reporting import Down, Heard, Later, Never, Report, Verdict, pause, report
from franking.engine.alarm import Alarm
from franking.engine.batch import Batch
from franking.engine.meter import Meter
from franking.engine.tracing import Tracer
from franking.outlets.base import TRACEPARENT, Outlet
from franking.stores.base import Store, StoreUnavailable, Waiting

log = structlog.get_logger()

CONNECTIONS = 50
EACH = 5
# A teller tells EACH events within that, or another may tell them too.
CLAIM_MS = 3 * 60_000
STORE_PAUSE_SECONDS = 1.0
LONGEST_SLEEP_MS = 30_000
# How soon to look again while one event finds out whether a side answers.
PROBE_MS = 1_000
# What is told only where it is asked for (contract cadence, section 7).
ON_DEMAND = (BOUNCED,)
BROKEN = "Something went wrong inside franking while the event was told."


class Outbox:
    """The outbox of one process. `extra` are the kinds ON_DEMAND that the outlet asks for."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        outlet: Outlet,
        *,
        connections: int = CONNECTIONS,
        extra: Collection[str] = (),
        meter: Meter | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._mails = store
        self._meter = meter or Meter()
        self._store = store.outbox
        self._clock = clock
        self._outlet = outlet
        self._connections = connections
        self._extra = frozenset(extra)
        self._tellers: set[asyncio.Task[None]] = set()
        self._reports: Batch[tuple[Report, ...], None] = Batch(self._settle)
        self._alarm = Alarm(clock)
        self._sides: dict[str, _Side] = {}
        # What the store says of a pause may be of the process before this one.
        self._mark_is_old = True
        self._claiming = asyncio.Lock()
        self._stopping = False

    def wake(self) -> None:
        """There may be something new to tell."""
        self._alarm.wake()

    async def run(self) -> None:
        """Tell until `stop`. A store that is out of reach is tried again and again."""
        while not self._stopping:
            self._alarm.reset()
            try:
                room = self._connections - len(self._tellers)
                if room <= 0 or await self._claim(room) < room:
                    await self._rest()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            except Exception:
                log.exception("events could not be claimed")
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def stop(self, stop_seconds: float) -> None:
        """Finish what is being told; what takes longer is told again by the next process. No claim
        is left behind."""
        self._stopping = True
        self._alarm.wake()
        # What is being claimed is ours to give back too, once tellers have it.
        async with self._claiming:
            await asyncio.sleep(0)
        for _ in range(2):
            if self._tellers:
                await asyncio.wait(list(self._tellers), timeout=stop_seconds)
            for task in list(self._tellers):
                task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*self._tellers, return_exceptions=True)

    async def _claim(self, room: int) -> int:
        async with self._claiming:
            if self._stopping or self._clock.astray():
                return 0
            now = self._clock.now()
            waiting = await self._store.claim(now, room, EACH, now + CLAIM_MS)
            count = 0
            for _, events in groupby(waiting, lambda w: w.touchpoint_id):
                task = asyncio.create_task(self._tell(list(events)))
                self._tellers.add(task)
                task.add_done_callback(self._ended)
                count += 1
            return count

    async def _rest(self) -> None:
        if self._stopping:
            return
        longest = self._clock.now() + LONGEST_SLEEP_MS
        full = len(self._tellers) >= self._connections or self._clock.astray()
        due = None if full else await self._store.next_due()
        await self._alarm.sleep(longest if due is None else min(due, longest))

    async def _tell(self, events: Sequence[Waiting]) -> None:
        """One touchpoint's events, until one has to wait; then they are written down together."""
        reports: list[Report] = []
        try:
            free_at = await self._tell_each(events, reports)
        except asyncio.CancelledError:
            # `stop` waits no longer: whoever comes next may tell the rest at once.
            free_at = self._clock.now()
        await self._write(events[0].touchpoint_id, reports, free_at)

    async def _tell_each(self, events: Sequence[Waiting], reports: list[Report]) -> int | None:
        """Adds what became of each; from when on the rest may be told, where it is left."""
        for waiting in events:
            side = self._side(waiting)
            free_at = side.held(self._clock.now())
            if self._stopping or free_at is not None:
                return free_at
            verdict = await self._told(waiting, side)
            if isinstance(verdict, Down):
                return await self._leave_in_peace(side, verdict)
            reports.append(self._report(waiting, verdict))
            await self._at_ease(side)
            if reports[-1].state == "waiting":
                return None
        return None

    def _side(self, waiting: Waiting) -> _Side:
        name = self._outlet.side(waiting.event)
        return self._sides.setdefault(name, _Side(name))

    async def _told(self, waiting: Waiting, side: _Side) -> Verdict:
        kind = waiting.event.kind
        if kind in ON_DEMAND and kind not in self._extra:
            return Heard("not asked for")
        side.asked = True
        try:
            if self._tracer is None:
                return await self._outlet.tell(waiting.event)
            return await self._traced(self._tracer, waiting)
        except Exception:
            log.exception("an event could not be told", event_seq=waiting.seq)
            return Later(BROKEN, most_tries=5)
        finally:
            side.asked = False

    async def _traced(self, tracer: Tracer, waiting: Waiting) -> Verdict:
        """Tell it within the trace that its mail carries, if the mail is still there."""
        stored = await self._mails.read(waiting.event.mail)
        parent = None if stored is None else trace.of(stored.document)
        if parent is None:
            return await self._outlet.tell(waiting.event)
        with tracer.telling(parent, waiting.event) as carried:
            told = TRACEPARENT.set(carried)
            try:
                return await self._outlet.tell(waiting.event)
            finally:
                TRACEPARENT.reset(told)

    def _report(self, waiting: Waiting, verdict: Heard | Later | Never) -> Report:
        now, jitter = self._clock.now(), self._clock.jitter()
        written = report(waiting.seq, waiting.touchpoint_id, waiting.tries, verdict, now, jitter)
        if written.state == "parked":
            log.warning("an event was parked", event_id=waiting.event.id, why=written.error)
        if written.state != "waiting":
            self._meter.told(written.state, now - waiting.event.occurred_at)
        return written

    async def _write(self, touchpoint: str, reports: Sequence[Report], free_at: int | None) -> None:
        """What became of them; tried again for as long as the store is out of reach."""
        while True:
            try:
                if reports:
                    await self._reports.ask(tuple(reports))
                if free_at is not None or not reports:
                    await self._store.free([(touchpoint, free_at or self._clock.now())])
                return
            except StoreUnavailable as error:
                log.warning("reports wait to be written", why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _settle(self, many: Sequence[tuple[Report, ...]]) -> Sequence[None]:
        await self._store.settle([report for reports in many for report in reports])
        return [None] * len(many)

    async def _leave_in_peace(self, side: _Side, verdict: Down) -> int:
        """The trouble is the side's own: it is told nothing until the pause is over."""
        now = self._clock.now()
        if now >= side.until:
            wait_ms = pause(side.failures, verdict.after_ms, self._clock.jitter())
            side.failures += 1
            side.until, side.why = now + wait_ms, verdict.error
            log.warning("the outlet is paused", side=side.name, why=verdict.error, wait_ms=wait_ms)
            await self._mark()
        return side.until

    async def _at_ease(self, side: _Side) -> None:
        """The side answers again; what was asked before its pause says nothing of that."""
        if side.failures and self._clock.now() >= side.until:
            side.failures, side.until = 0, 0
            self._mark_is_old = True
        if self._mark_is_old:
            await self._mark()

    async def _mark(self) -> None:
        """Write down which side is paused, and why; none of that holds up what was told."""
        self._mark_is_old = False
        last = max(self._sides.values(), key=lambda side: side.until)
        until, why = (last.until, f"{last.name}: {last.why}") if last.failures else (None, None)
        try:
            await self._store.pause(until, why, self._clock.now())
        except StoreUnavailable as error:
            self._mark_is_old = True
            log.warning("a pause could not be written down", why=str(error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tellers.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a teller ended by itself", why=task.exception())
        self._alarm.wake()


class _Side:
    """One side of the outlet: whether it is paused, and whether it is being asked again."""

    __slots__ = ("asked", "failures", "name", "until", "why")

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0
        self.until = 0
        self.why = ""
        self.asked = False

    def held(self, now: int) -> int | None:
        """Until when it is left in peace; after a pause it is asked by one at a time."""
        if now < self.until:
            return self.until
        return now + PROBE_MS if self.failures and self.asked else None
