"""All webhooks of one process: a teller each, so that a receiver that fails slows no other.

It looks which webhooks there are when one was changed here, and every few seconds, for another
process may have changed one. And it forgets events that all have heard, once nobody who listens
could still come back for them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from franking.clock import Clock
from franking.core.webhook import Posted, Webhook
from franking.engine.webhook_teller import CLAIM_MS, Teller
from franking.office.cloud_events import letter
from franking.stores.base import Queued, Store, StoreUnavailable
from franking.transports.base import Poster

log = structlog.get_logger()

LOOK_SECONDS = 5.0
FORGET_SECONDS = 60.0
# So long may a listener be away and miss nothing.
KEPT_MS = 3_600_000
AT_ONCE = 500
MOST_ROUNDS = 200
# What a teller that is no more wanted is telling may end.
ASIDE_SECONDS = 20.0
# An event that is gone was forgotten: there is nothing to tell of it.
FORGOTTEN = Posted()

Running = dict[str, tuple[Teller, asyncio.Task[None]]]


class Webhooks:
    """Starts and stops the tellers, as webhooks come and go."""

    def __init__(
        self, store: Store, clock: Clock, poster: Poster, *, claim_ms: int = CLAIM_MS
    ) -> None:
        self._store = store.webhooks
        self._clock = clock
        self._poster = poster
        self._claim_ms = claim_ms
        self._running: Running = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._installation = ""
        self._changed = asyncio.Event()
        self._cursor = 0
        self._forget_at = 0
        self._stopping = False

    def wake(self) -> None:
        """There may be something new to tell."""
        for teller, _ in self._running.values():
            teller.wake()

    def changed(self) -> None:
        """A webhook was set or removed, or something waits again."""
        self._changed.set()
        self.wake()

    async def run(self) -> None:
        """Until cancelled. A store that is out of reach is tried again and again."""
        while True:
            self._changed.clear()
            try:
                await self._look()
                await self._forget()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
            except Exception:
                log.exception("webhooks could not be looked at")
            await self._sleep()

    async def stop(self, stop_seconds: float) -> None:
        """Finish what is being told; no claim is left behind."""
        self._stopping = True
        tellers = [self._end(id, stop_seconds) for id in list(self._running)]
        await asyncio.gather(*tellers, *self._ending)

    async def _look(self) -> None:
        if not self._installation:
            self._installation = await self._store.installation()
        hooks = {hook.id: hook for hook in await self._store.every()}
        for id, (teller, _) in list(self._running.items()):
            hook = hooks.get(id)
            if hook is None or hook.state == "disabled" or hook.version != teller.hook.version:
                # What it is telling may take a while, and holds up nobody.
                self._aside(self._retire(id, hook is None))
        for hook in hooks.values():
            free = hook.id not in self._running and not self._stopping
            if hook.state != "disabled" and free:
                self._begin(hook)

    def _begin(self, hook: Webhook) -> None:
        teller = Teller(self._store, self._clock, hook, self._tell, self._claim_ms)
        task = asyncio.create_task(teller.run(), name=f"webhook {hook.id}")
        self._running[hook.id] = teller, task

    def _aside(self, do: asyncio.Task[None]) -> None:
        self._ending.add(do)
        do.add_done_callback(self._ending.discard)

    def _retire(self, id: str, removed: bool) -> asyncio.Task[None]:
        teller, task = self._running.pop(id)

        async def retired() -> None:
            await _ended(teller, task, ASIDE_SECONDS)
            if removed:
                await self._poster.drop(id)

        return asyncio.create_task(retired())

    async def _end(self, id: str, stop_seconds: float) -> None:
        teller, task = self._running.pop(id)
        await _ended(teller, task, stop_seconds)

    async def _tell(self, hook: Webhook, queued: Queued) -> Posted:
        """Tell the receiver of one event, as it was when it happened."""
        event = await self._store.event(queued.seq)
        if event is None:
            return FORGOTTEN
        content = letter(event, self._installation, hook.include)
        return await self._poster.post(hook, event.id, content)

    async def _forget(self) -> None:
        """Of the events that happened long enough ago, those that all have heard."""
        now = self._clock.steady_ms()
        if now < self._forget_at:
            return
        self._forget_at = now + int(FORGET_SECONDS * 1000)
        before = self._clock.now() - KEPT_MS
        for _ in range(MOST_ROUNDS):
            # What somebody has yet to hear is passed, and come back to from the beginning.
            cursor = await self._store.forget(self._cursor, before, AT_ONCE)
            self._cursor = cursor or 0
            if cursor is None:
                return

    async def _sleep(self) -> None:
        # Not `wait_for`: in Python 3.11 it can lose a cancellation, and nobody would ever stop.
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._changed.wait()


async def _ended(teller: Teller, task: asyncio.Task[None], stop_seconds: float) -> None:
    await teller.stop(stop_seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
