"""Calls the receivers of timers when they are due, under a lease.

Policy. A receiver has LANE_PLACES calls under way at most, one whose last call took long
SLOW_PLACES, so that none, however slow, holds up another. Each call is counted on disk before it
is made, and its lease is renewed while it is under way; one whose lease is over by our own count
is not begun. A stop waits for the calls under way; what it has to cut off has lost a try.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import structlog

from franking.clock import Clock
from franking.core.attempt import Lease
from franking.core.timer import Timer, TimerEnd
from franking.core.timer.calls import MOST_TRIES, WORKER_LOST, Called, ended
from franking.core.timer.lanes import lane
from franking.engine.alarm import Alarm
from franking.engine.batch import Batch
from franking.engine.meter import Meter
from franking.stores.base import Store, StoreUnavailable
from franking.transports.base import Caller

log = structlog.get_logger()

PLACES = 512
LANE_PLACES = 64
SLOW_PLACES = 4
# A call that took so long makes its receiver a slow one.
SLOW_MS = 5_000
MOST_SLOW = 1_000
CLAIMED_AT_ONCE = 256
# A place that becomes free where there was none waits so long for others to be claimed for.
REFILL_SECONDS = 0.004
STORE_PAUSE_SECONDS = 1.0
RENEWALS_IN_LEASE = 4
BROKEN = "Something went wrong inside franking."


class Timers:
    """The timers of one process that call out; `callers` are by transport."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        callers: Mapping[str, Caller],
        *,
        lease_ms: int,
        meter: Meter | None = None,
    ) -> None:
        self._meter = meter or Meter()
        self._store = store.timers
        self._clock = clock
        self._callers = callers
        self._lease_ms = lease_ms
        self._busy: Counter[str] = Counter()
        self._slow: set[str] = set()
        self._calls: dict[asyncio.Task[None], _Held] = {}
        self._ends: Batch[TimerEnd, bool] = Batch(self._store.end)
        self._refilling: set[str] = set()
        self._alarm = Alarm(clock)
        self._stopping = False

    def wake(self, at: int = 0) -> None:
        """There is a timer due at `at`."""
        self._alarm.wake(at)

    async def run(self) -> None:
        """Serve until `stop`. A store that is out of reach is tried again and again."""
        while not self._stopping:
            self._alarm.reset()
            try:
                limit = min(CLAIMED_AT_ONCE, PLACES - len(self._calls))
                if limit <= 0 or await self._serve(limit) < limit:
                    await self._rest()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            except Exception:
                log.exception("timers could not be claimed")
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def renew(self) -> None:
        """Move the end of our own leases, again and again until cancelled."""
        while True:
            await asyncio.sleep(self._lease_ms / 1000 / RENEWALS_IN_LEASE)
            try:
                await self._renew()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))

    async def stop(self, stop_seconds: float) -> None:
        """Finish the calls under way; what takes longer is cut off. No lease is left."""
        self._stopping = True
        self._alarm.wake()
        await self._ended(stop_seconds)
        for task in list(self._calls):
            task.cancel()
        await self._ended(stop_seconds)

    async def _serve(self, limit: int) -> int:
        """Claim due timers and begin their calls; how many."""
        if self._clock.astray():
            return 0
        asked_at = self._clock.steady_ms()
        now = self._clock.now()
        timers = await self._store.claim(now, limit, self._lease_ms, self._room(), LANE_PLACES)
        for timer in timers:
            held = _Held(timer, lane(timer.callback), asked_at + self._lease_ms)
            self._busy[held.lane] += 1
            task = asyncio.create_task(self._deliver(held))
            self._calls[task] = held
            task.add_done_callback(self._free)
        return len(timers)

    async def _rest(self) -> None:
        """Sleep until a timer is due that has a place, or a place becomes free."""
        if self._stopping or self._alarm.rung:
            return
        if len(self._calls) >= PLACES or self._clock.astray():
            await self._alarm.sleep(None)
            return
        full = [lane for lane, free in self._room().items() if free <= 0]
        await self._alarm.sleep(await self._store.next_due(full))

    def _room(self) -> dict[str, int]:
        """How many more calls each lane may have, where that is not LANE_PLACES."""
        return {name: self._free_places(name) for name in self._busy.keys() | self._slow}

    def _free_places(self, lane: str) -> int:
        if lane in self._refilling:
            return 0
        return (SLOW_PLACES if lane in self._slow else LANE_PLACES) - self._busy[lane]

    async def _deliver(self, held: _Held) -> None:
        """One call, and its end written down."""
        began_at = self._clock.steady_ms()
        try:
            called = await self._call(held)
        except asyncio.CancelledError:
            called = Called(WORKER_LOST, again=True)
        except Exception:
            log.exception("a timer could not be served", timer=held.timer.id)
            called = Called(BROKEN, again=True)
        if called is None:
            return
        self._judge(held.lane, self._clock.steady_ms() - began_at)
        end = ended(held.timer, called, self._clock.now(), self._clock.jitter())
        self._meter.timers["again" if end.next_at is not None else str(end.state)] += 1
        await self._end(held, end)

    async def _call(self, held: _Held) -> Called | None:
        """What the call came to; None where it was not ours to make any more."""
        if len(held.timer.tries) >= MOST_TRIES:
            return Called(held.timer.tries[-1].error)
        if self._clock.steady_ms() >= held.deadline_ms:
            return None
        return await self._callers[held.timer.callback.transport].call(held.timer)

    async def _end(self, held: _Held, end: TimerEnd) -> None:
        """Written, however long the store is out of reach: the receiver has answered. Whose lease
        is over changes nothing."""
        while True:
            try:
                await self._ends.ask(end)
            except StoreUnavailable as error:
                log.warning("an end waits to be written", timer=held.timer.id, why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
                continue
            if end.next_at is not None:
                self._alarm.wake(end.next_at)
            return

    def _judge(self, lane: str, took_ms: int) -> None:
        if took_ms < SLOW_MS:
            self._slow.discard(lane)
        elif len(self._slow) < MOST_SLOW:
            self._slow.add(lane)

    def _free(self, task: asyncio.Task[None]) -> None:
        held = self._calls.pop(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a call's end was not written", timer=held.timer.id, why=task.exception())
        was_full = len(self._calls) + 1 >= PLACES or self._free_places(held.lane) <= 0
        self._busy[held.lane] -= 1
        if not self._busy[held.lane]:
            del self._busy[held.lane]
        if was_full:
            self._refill(held.lane)

    def _refill(self, lane: str) -> None:
        """Claim for a place that became free, soon, and for those that do until then."""
        if not self._refilling:
            asyncio.get_running_loop().call_later(REFILL_SECONDS, self._refilled)
        self._refilling.add(lane)

    def _refilled(self) -> None:
        self._refilling.clear()
        self._alarm.wake()

    async def _renew(self) -> None:
        asked_at = self._clock.steady_ms()
        soon = asked_at + self._lease_ms * 2 // 3
        held = [h for h in self._calls.values() if asked_at < h.deadline_ms <= soon]
        if not held:
            return
        leases = [Lease(h.timer.seq, h.timer.epoch) for h in held]
        kept = await self._store.renew(leases, self._clock.now() + self._lease_ms)
        for one, still in zip(held, kept, strict=True):
            one.deadline_ms = asked_at + self._lease_ms if still else 0

    async def _ended(self, seconds: float) -> None:
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=seconds)


class _Held:
    """A timer that is ours to call, until `deadline_ms` of the steady clock."""

    __slots__ = ("deadline_ms", "lane", "timer")

    def __init__(self, timer: Timer, lane: str, deadline_ms: int) -> None:
        self.timer = timer
        self.lane = lane
        self.deadline_ms = deadline_ms
