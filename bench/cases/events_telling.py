"""In its own process: a backlog of events in a store, and the outbox that tells them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

from bench.cases import child
from franking.clock import SystemClock
from franking.core.reporting import Heard, Verdict
from franking.engine.outbox import Outbox
from franking.stores.base import StoredEvent
from franking.stores.sqlite import SqliteStore

_INSERT = """
INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)
VALUES (?, 'email_Error', ?, ?, ?, 0, ?)
"""
_BODY = '{"event":"email_Error","error":{"message":"as much as an event says of itself"}}'


class Slow:
    """An outlet that takes its time, and notes what came out of order; `done` after so many."""

    def __init__(self, takes_seconds: float, events: int) -> None:
        self._takes_seconds = takes_seconds
        self._left = events
        self.done = asyncio.Event()
        self._last: dict[str, int] = {}
        self.out_of_order = 0

    def side(self, event: StoredEvent) -> str:
        return "slow"

    async def tell(self, event: StoredEvent) -> Verdict:
        await asyncio.sleep(self._takes_seconds)
        touchpoint, sequence = event.touchpoint_id or "", event.sequence or 0
        self.out_of_order += self._last.get(touchpoint, 0) != sequence - 1
        self._last[touchpoint] = sequence
        self._left -= 1
        if not self._left:
            self.done.set()
        return Heard()

    async def close(self) -> None:
        """There is nothing to hang up."""


async def tell(
    path: str, events: int, touchpoints: int, connections: int, takes_seconds: float
) -> dict[str, Any]:
    """Tell them all; how long it took."""
    store = SqliteStore(Path(path))
    await store.open()
    _fill(path, events, touchpoints)
    outlet = Slow(takes_seconds, events)
    outbox = Outbox(store, SystemClock(), outlet, connections=connections)
    began = time.perf_counter()
    running = asyncio.create_task(outbox.run())
    await outlet.done.wait()
    seconds = time.perf_counter() - began
    await outbox.stop(5)
    await running
    counts = await store.outbox.counts()
    await store.close()
    if counts.waiting:
        raise RuntimeError(f"{counts.waiting} events wait still")
    return {
        "seconds": seconds,
        "out_of_order": outlet.out_of_order,
        "peak_bytes": child.peak_bytes(),
    }


def _fill(path: str, events: int, touchpoints: int) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            _INSERT,
            (
                (f"e{n}", f"m{n % touchpoints}", f"t{n % touchpoints}", n // touchpoints + 1, _BODY)
                for n in range(events)
            ),
        )
    connection.close()


if __name__ == "__main__":
    child.answer(tell)
