"""A scene with two workers on one file: a real one that is stopped, and one that the test plays."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from eventually import eventually
from franking.clock import SystemClock
from franking.core.attempt import Lease
from franking.core.delivery import Bounds
from franking.engine.conclude import Concluder
from franking.engine.loop import Engine, EngineSettings
from franking.office import Office
from franking.stores.sqlite import SqliteStore
from franking.transports.smtp import Smtp
from franking.transports.smtp_uri import parse_uri
from installation import OneRoute
from kill.documents import Documents
from kill.ledger import Attempt, Ledger, Row
from kill.process import Process
from kill.sink import Sink

LEASE_SECONDS = 1
LONG_MS = 60_000


class Scene:
    """`process` is the worker; `store` the file as another worker has it; one mail, `id`."""

    def __init__(self, process: Process, sink: Sink, store: SqliteStore) -> None:
        self.process = process
        self.sink = sink
        self.store = store
        self.clock = SystemClock()
        self.id = ""
        self._concluder = Concluder(self.clock, Bounds(retry_base_ms=100), "another")

    async def submit(self, on_unknown: str = "ask") -> None:
        """Hand in the one mail."""
        document = Documents().one(onUnknown=on_unknown)
        answer = await self.process.ask("POST", "/v1/mail", document)
        assert answer is not None
        self.id = answer.json()["id"]

    async def stop(self) -> None:
        """SIGSTOP, at a moment when the worker holds no lock of the file."""
        while True:
            self.process.send(signal.SIGSTOP)
            await self.stopped()
            if self._unlocked():
                return
            self.process.send(signal.SIGCONT)

    async def stopped(self) -> None:
        """Until the worker stands still."""
        await eventually(self._still)

    def go_on(self) -> None:
        self.process.send(signal.SIGCONT)

    async def sweep(self, ahead_ms: int = 0) -> None:
        """Another worker's sweeper, by a clock that may be ahead, once the lease is over."""
        await eventually(lambda: self._swept(ahead_ms))

    async def over(self) -> None:
        """Until the lease on disk has ended."""
        await eventually(self._over)

    async def claim(self) -> Lease:
        """Another worker's claim."""
        [claimed] = await self.store.claim(self.clock.now(), 10, LONG_MS)
        return claimed.lease

    async def transmitting(self, lease: Lease) -> None:
        """Another worker is about to send the dot."""
        assert await self.store.transmitting([lease], self.clock.now()) == [True]

    async def retry(self) -> None:
        """A person asks for it all the same."""
        await Office(self.store, self.clock, lambda: None).retry(self.id, force=True)

    async def delete(self) -> None:
        """A person removes it."""
        await Office(self.store, self.clock, lambda: None).delete(self.id)

    @asynccontextmanager
    async def another(self) -> AsyncIterator[None]:
        """Another worker, whole."""
        smtp = Smtp(parse_uri(f"smtp://127.0.0.1:{self.sink.port}"))
        settings = EngineSettings(default_from="default@example.com", lease_ms=LONG_MS)
        engine = Engine(self.store, OneRoute(smtp), self.clock, settings)
        engine.start()
        yield
        await engine.stop(5)
        await smtp.close()

    async def late(self) -> dict[str, Any]:
        """The late evidence, once the worker has told it."""
        return await eventually(self._late)

    async def ended(self) -> Row:
        """The mail, once it is SUCCESS or ERROR."""
        await eventually(self._ended)
        return self.row

    @property
    def row(self) -> Row:
        [row] = Ledger(self.process.database).rows
        return row

    @property
    def attempts(self) -> list[Attempt]:
        return Ledger(self.process.database).attempts

    @property
    def times(self) -> int:
        """How often the mail was taken."""
        return sum(self.sink.taken.values())

    async def _still(self) -> bool:
        return self.process.state == "T"

    async def _ended(self) -> bool:
        return not Ledger(self.process.database).unended

    async def _swept(self, ahead_ms: int) -> bool:
        return await self.store.sweep(self.clock.now() + ahead_ms, 10, self._concluder.lapse) == 1

    async def _over(self) -> bool:
        stored = await self.store.read(self.id)
        assert stored is not None
        return self.clock.now() > (stored.mail.delivery.lease_expires_at or 0)

    async def _late(self) -> dict[str, Any] | None:
        return next(
            (a.late for a in await self.store.timeline(self.id) if a.late is not None), None
        )

    def _unlocked(self) -> bool:
        connection = sqlite3.connect(self.process.database, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return True


@asynccontextmanager
async def scene(folder: Path, at: str = "") -> AsyncIterator[Scene]:
    """A worker that runs, its sink, and the store as another worker has it."""
    async with Sink() as sink, Process(folder, sink.port, lease_seconds=LEASE_SECONDS) as process:
        await process.start(at)
        store = SqliteStore(process.database)
        await store.open()
        try:
            yield Scene(process, sink, store)
        finally:
            await store.close()
