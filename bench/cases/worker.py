"""In its own process: an engine that delivers what a store holds, until so many were sent."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.cases import child
from bench.cases.documents import SENDER
from franking.clock import SystemClock
from franking.engine.beside import several_cores
from franking.engine.loop import Engine, EngineSettings
from franking.stores.sqlite import SqliteStore
from franking.transports.smtp import Smtp
from franking.transports.smtp_settings import SmtpSettings

LOOK_SECONDS = 0.1
STALL_SECONDS = 60


async def drain(path: str, port: int, connections: int, count: int) -> dict[str, Any]:
    """Send `count` mails of the store to the sink at `port`; each reports one event."""
    store = SqliteStore(Path(path))
    await store.open()
    smtp = Smtp(SmtpSettings(host="127.0.0.1", port=port), connections=connections)
    settings = EngineSettings(default_from=SENDER, connections=connections, beside=several_cores())
    engine = Engine(store, _OneRoute(smtp), SystemClock(), settings)
    events, commits = await store.last_event(), store.commits
    began, cpu = time.perf_counter(), time.process_time()
    engine.start()
    sent = await _until(store, events + count) - events
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    commits = store.commits - commits
    await engine.stop(10)
    await smtp.close()
    states = (await store.counts(SystemClock().now(), 0)).states
    await store.close()
    return {
        "sent": sent,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "commits": commits,
        "states": states,
        "peak_bytes": child.peak_bytes(),
    }


class _OneRoute:
    """Every account goes through one transport."""

    def __init__(self, transport: Smtp) -> None:
        self._transport = transport

    async def route(self, account: str) -> Smtp:
        return self._transport


async def _until(store: SqliteStore, last: int) -> int:
    """Wait for so many events, while there are any new ones; the number of the newest."""
    found, moved = 0, time.monotonic()
    while found < last and time.monotonic() - moved < STALL_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        before, found = found, await store.last_event()
        moved = time.monotonic() if found != before else moved
    return found


if __name__ == "__main__":
    child.answer(drain)
