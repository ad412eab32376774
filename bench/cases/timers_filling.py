"""In its own process: fills a store with timers that are due in a day, and one that is due now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bench.cases import child
from franking.clock import SystemClock
from franking.core.timer import HTTP, Callback
from franking.core.timer.lanes import lane
from franking.stores.base import FreshTimer
from franking.stores.sqlite import SqliteStore

DAY_MS = 86_400_000
STEP = 1_000
DATA = msgspec.Raw(b'{"number":0,"words":"as much as an application says of a timer"}')


async def fill(path: str, count: int, uri: str) -> dict[str, Any]:
    """`count` timers that wait for the receiver at `uri`, and one that is due."""
    clock = SystemClock()
    now = clock.now()
    store = SqliteStore(Path(path))
    await store.open()
    callback = Callback(HTTP, "post", uri)
    where = lane(callback)

    def timer(due_at: int) -> FreshTimer:
        return FreshTimer(clock.new_uuid(), callback, where, due_at, now, DATA)

    for first in range(0, count, STEP):
        last = min(first + STEP, count)
        # In no order: an application's timers are not created in the order of their times.
        due = [now + DAY_MS + number * 7_919 % DAY_MS for number in range(first, last)]
        await store.timers.create([timer(at) for at in due])
    await store.timers.create([timer(now)])
    await store.close()
    return {"count": count}


if __name__ == "__main__":
    child.answer(fill)
