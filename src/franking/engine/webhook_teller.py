"""Tells one webhook of its events: in order for each mail, several mails at a time.

Policy. What follows from a call is `core/webhook`'s. While the receiver is left in peace nothing is
claimed for it; then one mail's event is told first, and the others once that was taken. A teller
that dies after the receiver has an event tells it again, under the same id, once its claim is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

import structlog
from msgspec.structs import replace

from franking.clock import Clock
from franking.core.webhook import (
    FAILED_MAILS,
    GIVE_UP_MS,
    HookReport,
    Posted,
    Webhook,
    asked_ms,
    pause,
    report,
)
from franking.engine.alarm import Alarm
from franking.engine.batch import Batch
from franking.stores.base import Queued, StoreUnavailable, WebhookStore

log = structlog.get_logger()

CONNECTIONS = 8
EACH = 5
# A teller tells EACH events within that, or another may tell them too.
CLAIM_MS = 2 * 60_000
STORE_PAUSE_SECONDS = 1.0
LONGEST_SLEEP_MS = 5_000
GONE = "The receiver answered 410 Gone: it wants no more events."
GIVEN_UP = "The receiver took nothing for three days. The last error: {}"
BROKEN = "Something went wrong inside franking while the event was told."

Tell = Callable[[Webhook, Queued], Awaitable[Posted]]


class Teller:
    """The events of one webhook, as of a version of its settings. `tell` makes the call."""

    def __init__(
        self, store: WebhookStore, clock: Clock, hook: Webhook, tell: Tell, claim_ms: int = CLAIM_MS
    ) -> None:
        self._store = store
        self._clock = clock
        self._tell = tell
        self._claim_ms = claim_ms
        self.hook = hook
        self._failed: set[str] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._reports: Batch[tuple[HookReport, ...], None] = Batch(self._settle)
        self._alarm = Alarm(clock)
        self._claiming = asyncio.Lock()
        self._stopping = False

    def wake(self) -> None:
        """There may be something new to tell."""
        self._alarm.wake()

    async def run(self) -> None:
        """Tell until `stop`, or until the webhook is disabled. A store that is out of reach is
        tried again and again."""
        while not self._stopping and self.hook.state != "disabled":
            self._alarm.reset()
            try:
                room = self._room()
                if room <= 0 or await self._claim(room) < room:
                    await self._rest()
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            except Exception:
                log.exception("a webhook's events could not be claimed", webhook=self.hook.id)
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def stop(self, stop_seconds: float) -> None:
        """Finish what is being told; what takes longer is told again by the next process."""
        self._stopping = True
        self._alarm.wake()
        # What is being claimed is ours to give back too, once it is being told.
        async with self._claiming:
            await asyncio.sleep(0)
        for _ in range(2):
            if self._calls:
                await asyncio.wait(list(self._calls), timeout=stop_seconds)
            for task in list(self._calls):
                task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _held(self) -> bool:
        return self._clock.now() < (self.hook.paused_until or 0)

    def _room(self) -> int:
        """How many mails may be told of now: none in a pause, one after it, or as many as fit."""
        if self._held() or self._stopping or self._clock.astray():
            return 0
        return (1 if self.hook.pauses else CONNECTIONS) - len(self._calls)

    async def _claim(self, room: int) -> int:
        async with self._claiming:
            if self._stopping:
                return 0
            now = self._clock.now()
            queued = await self._store.claim(self.hook.id, now, room, EACH, now + self._claim_ms)
            count = 0
            for _, events in groupby(queued, lambda one: one.mail):
                task = asyncio.create_task(self._tell_mail(list(events)))
                self._calls.add(task)
                task.add_done_callback(self._ended)
                count += 1
            return count

    async def _rest(self) -> None:
        if self._stopping or self.hook.state == "disabled":
            return
        now = self._clock.now()
        longest = now + LONGEST_SLEEP_MS
        due: int | None
        if self._held():
            due = self.hook.paused_until
        else:
            due = await self._store.next_due(self.hook.id) if self._room() > 0 else None
        await self._alarm.sleep(longest if due is None else min(due, longest))

    async def _tell_mail(self, events: Sequence[Queued]) -> None:
        """One mail's events, until one has to wait; then they are written down together."""
        reports: list[HookReport] = []
        try:
            finished = await self._tell_each(events, reports)
        except asyncio.CancelledError:
            # `stop` waits no longer: whoever comes next may tell the rest at once.
            finished = False
        await self._write(events[0].mail, reports, finished)

    async def _tell_each(self, events: Sequence[Queued], reports: list[HookReport]) -> bool:
        """Adds what became of each; false where the rest is left for later."""
        for queued in events:
            if self._stopping or self._held() or self.hook.state == "disabled":
                return False
            posted = await self._told(queued)
            now = self._clock.now()
            written = report(
                queued.seq,
                queued.mail,
                queued.tries,
                queued.occurred_at,
                posted,
                now,
                self._clock.jitter(),
            )
            reports.append(written)
            await self._stands(queued, posted)
            if written.state == "waiting":
                return True
        return True

    async def _told(self, queued: Queued) -> Posted:
        try:
            return await self._tell(self.hook, queued)
        except StoreUnavailable as error:
            return Posted(str(error))
        except Exception:
            log.exception("an event could not be told", event_seq=queued.seq)
            return Posted(BROKEN)

    async def _stands(self, queued: Queued, posted: Posted) -> None:
        """What a call says of the receiver itself."""
        now, hook = self._clock.now(), self.hook
        if self._held() and not posted.gone:
            return  # it was asked before its pause, which says all there is
        if posted.error is None:
            self._failed.clear()
            if hook.paused_until is not None or hook.since is not None:
                await self._stand(_at_ease(hook))
        elif posted.gone:
            await self._stand(_disabled(hook, GONE, now))
        else:
            if len(self._failed) < FAILED_MAILS:
                self._failed.add(queued.mail)
            failing = posted.down or hook.pauses or len(self._failed) >= FAILED_MAILS
            if posted.after_ms or failing:
                await self._hold(posted.error, asked_ms(posted), now)

    async def _hold(self, error: str, asked_ms: int, now: int) -> None:
        """Leave the receiver in peace: for as long as it asks, or ever longer; not for ever."""
        hook = self.hook
        if hook.since is not None and now - hook.since >= GIVE_UP_MS:
            await self._stand(_disabled(hook, GIVEN_UP.format(error), now))
            return
        until = now + (asked_ms or pause(hook.pauses, self._clock.jitter()))
        pauses = hook.pauses if asked_ms else hook.pauses + 1
        await self._stand(_paused(hook, error, now, until, pauses))

    async def _stand(self, hook: Webhook) -> None:
        """Go by it from now on, and write it down; that holds up nothing that was told."""
        self.hook = hook
        if hook.state != "ok":
            log.warning("a webhook is held", webhook=hook.id, state=hook.state, why=hook.reason)
        try:
            await self._store.stand(hook)
        except StoreUnavailable as error:
            log.warning("how a webhook stands could not be written", why=str(error))

    async def _write(self, mail: str, reports: Sequence[HookReport], finished: bool) -> None:
        """What became of them; tried again for as long as the store is out of reach."""
        while True:
            try:
                if reports:
                    await self._reports.ask(tuple(reports))
                if not finished and not (reports and reports[-1].state == "waiting"):
                    await self._store.free(self.hook.id, [(mail, self._clock.now())])
                return
            except StoreUnavailable as error:
                log.warning("reports wait to be written", why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _settle(self, many: Sequence[tuple[HookReport, ...]]) -> Sequence[None]:
        await self._store.settle(self.hook.id, [one for reports in many for one in reports])
        return [None] * len(many)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a teller ended by itself", why=task.exception())
        self._alarm.wake()


def _at_ease(hook: Webhook) -> Webhook:
    return replace(hook, state="ok", paused_until=None, pauses=0, reason=None, since=None)


def _paused(hook: Webhook, error: str, now: int, until: int, pauses: int) -> Webhook:
    since = now if hook.since is None else hook.since
    return replace(
        hook, state="paused", paused_until=until, pauses=pauses, reason=error, since=since
    )


def _disabled(hook: Webhook, reason: str, now: int) -> Webhook:
    return replace(hook, state="disabled", paused_until=None, pauses=0, reason=reason, since=now)
