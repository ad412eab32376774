"""/healthz: the process answers. /readyz: it can also read its store, and its clock is right."""

from __future__ import annotations

import asyncio

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.clock import Clock
from franking.office import Office
from franking.stores.base import StoreUnavailable

READY_SECONDS = 2


class Health:
    """The handlers of `/healthz` and `/readyz`."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self._office = office
        self._clock = clock

    async def alive(self, request: Ask) -> Answer:
        """GET /healthz."""
        return Answer(200, b'{"status":"ok"}')

    async def ready(self, request: Ask) -> Answer:
        """GET /readyz."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._office.last_event()
        except TimeoutError:
            detail = f"The store did not answer within {READY_SECONDS} seconds."
            raise _not_ready(detail) from None
        except StoreUnavailable as error:
            raise _not_ready(str(error)) from None
        if self._clock.astray():
            off_seconds = self._clock.off_ms() / 1000
            ahead = "ahead of" if off_seconds > 0 else "behind"
            raise _not_ready(
                f"This machine's clock is {abs(off_seconds):.1f} s {ahead} the database's: nothing"
                " is claimed here until it is set."
            )
        return Answer(200, b'{"status":"ready"}')


def _not_ready(detail: str) -> Problem:
    next = "Send requests to another process until this one is ready."
    return Problem(503, "not_ready", detail, next, headers=((b"retry-after", b"2"),))
