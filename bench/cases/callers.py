"""In its own process: callers who each submit one document at a time, and wait for its commit."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.cases import child
from bench.cases.documents import document
from franking.clock import SystemClock
from franking.office import Office
from franking.stores.sqlite import SqliteStore


async def accept(path: str, callers: int, count: int) -> dict[str, Any]:
    """`callers` submit `count` mails between them, through the office."""
    store = SqliteStore(Path(path))
    await store.open()
    office = Office(store, SystemClock(), lambda: None)
    documents = iter([document(number) for number in range(count)])

    async def call() -> None:
        for given in documents:
            await office.submit([given])

    commits, began = store.commits, time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    seconds = time.perf_counter() - began
    commits = store.commits - commits
    await store.close()
    return {"seconds": seconds, "commits": commits}


if __name__ == "__main__":
    child.answer(accept)
