"""In its own process: a worker that claims, and does nothing else, until there is nothing left."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from bench.cases import child
from bench.cases.claims import LEASE_MS, LIMIT
from bench.cases.stores import opened
from franking.clock import Clock, SystemClock
from franking.engine.deliveries import BLOCKED_SECONDS
from franking.stores.base import Claimed
from franking.stores.postgres import PostgresStore
from franking.stores.sqlite import SqliteStore

# From the sixth run on a statement's plan is kept.
WARMED = 8


async def claimer(url: str) -> dict[str, Any]:
    """Say that it is ready, wait for the end of standard input, then claim. As one that has run for
    a while it has claimed before, and the database has planned its statements."""
    store, clock = await opened(url), SystemClock()
    found: list[int] = []
    for _ in range(WARMED):
        found += [each.mail.seq for each in await store.claim(clock.now(), 1, LEASE_MS)]
    child.tell({"ready": True})
    await asyncio.to_thread(sys.stdin.read)
    ended_at = 0.0
    while claimed := await store.claim(clock.now(), LIMIT, LEASE_MS) or await _later(store, clock):
        found += [each.mail.seq for each in claimed]
        ended_at = time.time()
    await store.close()
    return {"claimed": found, "ended_at": ended_at}


async def _later(store: SqliteStore | PostgresStore, clock: Clock) -> list[Claimed]:
    """Others may hold what is left for a moment, until they have committed."""
    while await store.next_due() is not None:
        if claimed := await store.claim(clock.now(), LIMIT, LEASE_MS):
            return claimed
        await asyncio.sleep(BLOCKED_SECONDS)
    return []


if __name__ == "__main__":
    child.answer(claimer)
