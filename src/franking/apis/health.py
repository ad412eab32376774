"""/healthz: the process answers. /readyz: it can also read its store."""

from __future__ import annotations

import asyncio

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.office import Office
from franking.stores.base import StoreUnavailable

READY_SECONDS = 2


class Health:
    """The handlers of `/healthz` and `/readyz`."""

    def __init__(self, office: Office) -> None:
        self._office = office

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
        return Answer(200, b'{"status":"ready"}')


def _not_ready(detail: str) -> Problem:
    next = "Send requests to another process until this one is ready."
    return Problem(503, "not_ready", detail, next, headers=((b"retry-after", b"2"),))
