"""Hands timers over as mails when they are due, each in one transaction with its mail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from franking.clock import Clock
from franking.core.expiry import NEVER, Expiry
from franking.engine.alarm import Alarm
from franking.office.serving import Server
from franking.stores.base import Store, StoreUnavailable

log = structlog.get_logger()

AT_ONCE = 200
STORE_PAUSE_SECONDS = 1.0


class TimerMails:
    """The timers that make mails; `stirred` is told that there are some to send."""

    def __init__(
        self, store: Store, clock: Clock, stirred: Callable[[], None], expiry: Expiry = NEVER
    ) -> None:
        self._store = store.timers
        self._clock = clock
        self._stirred = stirred
        self._expiry = expiry
        self._alarm = Alarm(clock)

    def wake(self, at: int = 0) -> None:
        """There is a timer due at `at`."""
        self._alarm.wake(at)

    async def run(self) -> None:
        """Serve until cancelled. A store that is out of reach is tried again and again."""
        while True:
            self._alarm.reset()
            try:
                if await self._serve() < AT_ONCE:
                    await self._alarm.sleep(await self._store.next_mail_due())
            except StoreUnavailable as error:
                log.warning("the store is out of reach", why=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            except Exception:
                log.exception("timers could not be served")
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _serve(self) -> int:
        now = self._clock.now()
        count = await self._store.serve_mails(
            now, AT_ONCE, Server(now, self._clock.new_id, self._expiry)
        )
        if count:
            self._stirred()
        return count
