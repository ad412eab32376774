"""In its own process: hands mails in, in batches, so that there is something to drain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.cases import child
from bench.cases.documents import document
from franking.clock import SystemClock
from franking.office import Office
from franking.stores.sqlite import SqliteStore

BATCH = 500


async def fill(path: str, count: int) -> dict[str, Any]:
    """Submit `count` mails to the store at `path`."""
    store = SqliteStore(Path(path))
    await store.open()
    office = Office(store, SystemClock(), lambda: None)
    for first in range(0, count, BATCH):
        last = min(first + BATCH, count)
        await office.submit([document(number) for number in range(first, last)])
    await store.close()
    return {"count": count}


if __name__ == "__main__":
    child.answer(fill)
