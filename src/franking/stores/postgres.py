"""The store in PostgreSQL: a connection that writes, a few that read, one that listens.

Any number of processes work on one database, each with a store of its own. What a call answers is
on disk there. Readers see every commit that was answered before they asked.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from msgspec.structs import replace

from franking.clock import Clock, Sighting
from franking.stores.base import StoreRefused, StoreUnavailable, Usage
from franking.stores.calls import PLAIN, StoreCalls
from franking.stores.postgres_link import BEGIN_READING, Link, begun, connect, explain, lost, target
from franking.stores.postgres_listener import Listener
from franking.stores.postgres_migration import migrate
from franking.stores.postgres_session import PostgresDb, PostgresSession, unreachable
from franking.stores.queries import load, migrations
from franking.stores.writer import Writer

READERS = 3
MOST_TRIES = 3

T = TypeVar("T")


class PostgresStore(StoreCalls):
    """`franking.stores.base.Store` on a database; `url` as in DATABASE_URL. Others see `name` in
    the database's lists."""

    def __init__(self, url: str, name: str = "franking") -> None:
        self._target = target(url, name)
        self._texts = {**load("postgres"), **load("postgres", "own")}
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="franking-reader")
        self._local = threading.local()
        self._reading: list[PostgresDb] = []
        self._asked = 0
        self._session: PostgresSession | None = None
        self._writer: Writer | None = None
        self._listener: Listener | None = None
        self._heard: Callable[[], None] = _nothing
        super().__init__(self._written, self._looked_up, self._pulse, self._usage, psycopg.Error)

    async def open(self) -> None:
        me = await asyncio.to_thread(self._prepare)
        self._session = PostgresSession(self._target, self._texts, me)
        self._writer = Writer(self._session)
        self._writer.start()
        self._listener = Listener(self._target, me, lambda: self._heard())
        await asyncio.to_thread(self._listener.start)

    async def close(self) -> None:
        # Who comes from now on is refused at once; who came before is in the queue.
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.stop)
        if self._session is not None:
            self._session.close()
        listener, self._listener = self._listener, None
        if listener is not None:
            await asyncio.to_thread(listener.stop)
        self._readers.shutdown(wait=True)
        for db in self._reading:
            if db.link is not None:
                db.link.close()
        self._reading.clear()

    def on_foreign(self, heard: Callable[[], None]) -> None:
        """Call this, in another thread, each time that another process has committed."""
        self._heard = heard

    async def time(self, clock: Clock) -> Sighting:
        """What time it is there. Raises `StoreUnavailable`."""

        def seen(db: PostgresDb) -> Sighting:
            before = clock.steady_ms()
            return Sighting(before, db.value("time_there"), clock.steady_ms())

        return await self._looked_up(seen)

    @property
    def connects(self) -> int:
        """A number that grows each time that the connection which writes is made anew."""
        return self._session.connects if self._session is not None else 0

    async def foreign_commits(self) -> int:
        return self._listener.foreign if self._listener is not None else 0

    @property
    def commits(self) -> int:
        return self._writer.commits if self._writer is not None else 0

    @property
    def version(self) -> int:
        """The number of the newest migration that this franking knows."""
        return migrations("postgres")[-1][0]

    async def _pulse(self) -> int:
        return await self.foreign_commits() + self.commits

    def _usage(self) -> Usage:
        writes = self._writer.queued if self._writer is not None else 0
        used = min(self._asked, READERS)
        return Usage(self.commits, READERS, used, self._asked - used, writes)

    def _prepare(self) -> str:
        """Migrate, and find out who we are."""
        db = PostgresDb(self._texts)
        try:
            db.link = connect(replace(self._target, prepare=False))
        except psycopg.Error as error:
            raise StoreRefused(unreachable(self._target, error)) from error
        try:
            _check(db.link)
            migrate(db)
            me: str = db.value("whoever")
            return me
        except psycopg.Error as error:
            raise StoreRefused(f"{self._target.name}: {explain(error)}") from error
        finally:
            db.link.close()

    async def _written(
        self, script: Callable[..., T], batch: Sequence[Any] | None = None, urgency: int = PLAIN
    ) -> T:
        if self._writer is None:
            raise StoreUnavailable("The database is closed.")
        result: T = await self._writer.call(script, batch, urgency)
        return result

    async def _looked_up(self, script: Callable[[PostgresDb], T]) -> T:
        loop = asyncio.get_running_loop()
        self._asked += 1
        try:
            return await loop.run_in_executor(self._readers, self._run_read, script)
        except psycopg.Error as error:
            raise StoreUnavailable(explain(error)) from error
        except RuntimeError as error:
            raise StoreUnavailable("The database is closed.") from error
        finally:
            self._asked -= 1

    def _run_read(self, script: Callable[[PostgresDb], T]) -> T:
        """On what was committed by now; over a new connection where one was lost."""
        db: PostgresDb | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = PostgresDb(self._texts)
            self._reading.append(db)
        for tries in range(1, MOST_TRIES + 1):
            if lost(db.link):
                db.link = self._connected()
            try:
                return _read(db, script)
            except psycopg.Error:
                if not lost(db.link) or tries == MOST_TRIES:
                    raise
        raise AssertionError

    def _connected(self) -> Link:
        try:
            return connect(self._target)
        except psycopg.Error as error:
            raise StoreUnavailable(unreachable(self._target, error)) from error


def _read(db: PostgresDb, script: Callable[[PostgresDb], T]) -> T:
    db.say(BEGIN_READING)
    try:
        found = script(db)
    finally:
        if begun(db.link):
            db.say("ROLLBACK")
    return found


def _check(link: Link) -> None:
    """What is answered must be on disk."""
    [found] = link.execute("SHOW synchronous_commit").fetchone() or ["off"]
    if found == "off":
        raise StoreRefused(
            "synchronous_commit is off here, so that a crash would lose what was answered. Turn it"
            " on for this database, role and server: ALTER DATABASE … SET synchronous_commit = on."
        )


def _nothing() -> None:
    """Nobody wants to hear."""
