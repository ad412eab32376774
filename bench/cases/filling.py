"""In its own process: hands mails in, in batches, so that there is something to drain."""

from __future__ import annotations

from typing import Any

from bench.cases import child
from bench.cases.documents import document
from bench.cases.stores import opened
from franking.clock import SystemClock
from franking.office import Office

BATCH = 500


async def fill(path: str, count: int) -> dict[str, Any]:
    """Submit `count` mails to the store at `path`."""
    store = await opened(path)
    office = Office(store, SystemClock(), lambda: None)
    for first in range(0, count, BATCH):
        last = min(first + BATCH, count)
        await office.submit([document(number) for number in range(first, last)])
    await store.close()
    return {"count": count}


if __name__ == "__main__":
    child.answer(fill)
