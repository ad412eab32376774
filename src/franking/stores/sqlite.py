"""The store in one SQLite file: WAL, `synchronous=FULL`, one writer thread, a few readers.

What a call answers is on disk. Readers see every commit that was answered before they asked.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from franking.core.attempt import Attempt, Lease, Settlement
from franking.stores import claims, journal, reads, rows, writes
from franking.stores.accounts import AccountRows
from franking.stores.base import (
    Claimed,
    Counts,
    Decide,
    Filter,
    Lapse,
    Mail,
    NewMail,
    Once,
    Replay,
    Stored,
    StoredEvent,
    StoreRefused,
    StoreUnavailable,
)
from franking.stores.bounces import ReturnRows
from franking.stores.cadence import CadenceRows
from franking.stores.collections import CollectionRows, TemplateRows
from franking.stores.keys import KeyRows
from franking.stores.look import LookRows
from franking.stores.outbox import OutboxRows
from franking.stores.queries import load, migrations
from franking.stores.returns import Returns
from franking.stores.sessions import SessionRows
from franking.stores.sqlite_migration import migrate
from franking.stores.sqlite_writer import Writer, explain
from franking.stores.timers import TimerRows
from franking.stores.webhooks import WebhookRows

READERS = 2
BUSY_MS = 5_000
STATEMENTS = 256
FENCE, END, PLAIN, LAST = 0, 1, 2, 3

T = TypeVar("T")


class SqliteStore:
    """`franking.stores.base.Store` on a file; `path` may not exist yet."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._texts = load("sqlite")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="franking-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._writer: Writer | None = None
        self.keys = KeyRows(self._write, self._read)
        self.sessions = SessionRows(self._write, self._read)
        self.returns: Returns = ReturnRows(self._write, self._read)
        self.accounts = AccountRows(self._write, self._read)
        self.timers = TimerRows(self._write, self._read)
        self.outbox = OutboxRows(self._write, self._read)
        self.webhooks = WebhookRows(self._write, self._read)
        self.cadence = CadenceRows(self._write, self._read)
        self.look = LookRows(self._write, self._read, self._pulse)
        self.templates = TemplateRows(self._write, self._read)
        self.users = CollectionRows(self._write, self._read, "users")

    async def open(self) -> None:
        connection = await asyncio.to_thread(self._prepare)
        self._opened.append(connection)
        self._writer = Writer(connection, SqliteDb(connection, self._texts))
        self._writer.start()

    async def close(self) -> None:
        # Who comes from now on is refused at once; who came before is in the queue.
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.stop)
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def submit(
        self, mails: Sequence[NewMail], once: Once | None = None
    ) -> list[Mail] | Replay:
        if once is None:
            return await self._write(rows.insert, mails)
        key, ids = once, [m.id for m in mails]
        return await self._write(
            lambda db: writes.once(db, key, ids, lambda: rows.insert(db, mails))
        )

    async def change(
        self, ids: Sequence[str], decide: Decide, once: Once | None = None
    ) -> list[Stored | Exception | None] | Replay:
        def script(db: SqliteDb) -> list[Stored | Exception | None]:
            return [_tried(lambda id=id: writes.change(db, id, decide)) for id in ids]  # type: ignore[misc]

        if once is None:
            return await self._write(script)
        key = once
        return await self._write(lambda db: writes.once(db, key, ids, lambda: script(db)))

    async def claim(self, now: int, limit: int, lease_ms: int) -> list[Claimed]:
        return await self._write(lambda db: claims.claim(db, now, limit, lease_ms))

    async def claim_alone(self, now: int, lease_ms: int) -> Claimed | None:
        return await self._write(lambda db: claims.claim_alone(db, now, lease_ms))

    async def suspects(self, now: int) -> bool:
        return await self._read(lambda db: bool(db.value("suspect", now=now)))

    async def transmitting(self, leases: Sequence[Lease], now: int) -> list[bool]:
        return await self._write(journal.transmitting, [(e, now) for e in leases], FENCE)

    async def renew(self, leases: Sequence[Lease], expires_at: int) -> list[bool]:
        return await self._write(journal.renew, [(e, expires_at) for e in leases], FENCE)

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        return await self._write(journal.settle, settlements, END)

    async def sweep(self, now: int, limit: int, lapse: Lapse) -> int:
        return await self._write(lambda db: journal.sweep(db, now, limit, lapse), None, LAST)

    async def give_up(self, now: int, limit: int, decide: Decide) -> int:
        return await self._write(lambda db: journal.give_up(db, now, limit, decide), None, LAST)

    async def give_up_held(
        self, limited_before: int, disconnected_before: int, limit: int, decide: Decide
    ) -> int:
        def script(db: SqliteDb) -> int:
            return journal.give_up_held(db, limited_before, disconnected_before, limit, decide)

        return await self._write(script, None, LAST)

    async def delete_expired(self, now: int, limit: int) -> int:
        return await self._write(lambda db: journal.delete_expired(db, now, limit), None, LAST)

    async def forget_answers(self, before: int, limit: int) -> int:
        return await self._write(
            lambda db: db.run("forget_answers", before=before, limit=limit), None, LAST
        )

    async def next_due(self) -> int | None:
        return await self._read(lambda db: db.value("next_due"))

    async def read(self, id: str) -> Stored | None:
        return await self._read(lambda db: reads.read(db, id))

    async def page(self, filter: Filter, limit: int) -> list[Stored]:
        return await self._read(lambda db: reads.page(db, filter, limit))

    async def matching(self, filter: Filter, limit: int) -> list[tuple[int, str]]:
        return await self._read(lambda db: reads.matching(db, filter, limit))

    async def timeline(self, id: str) -> list[Attempt]:
        return await self._read(lambda db: reads.timeline(db, id))

    async def events(self, after: int, limit: int) -> list[StoredEvent]:
        return await self._read(lambda db: reads.events(db, after, limit))

    async def last_event(self) -> int:
        return await self._read(lambda db: db.value("last_event"))

    async def counts(self, now: int, grace_ms: int) -> Counts:
        return await self._read(lambda db: reads.counts(db, now, grace_ms))

    async def foreign_commits(self) -> int:
        # Only on the connection that writes do its own commits not count as another's.
        return await self._write(lambda db: db.pragma("data_version"), None, LAST)

    async def _pulse(self) -> int:
        foreign = await self.foreign_commits()
        return foreign + self.commits

    @property
    def commits(self) -> int:
        return self._writer.commits if self._writer is not None else 0

    @property
    def version(self) -> int:
        """The number of the newest migration that this franking knows."""
        return migrations("sqlite")[-1][0]

    def _prepare(self) -> sqlite3.Connection:
        try:
            connection = self._connect()
            migrate(connection)
            return connection
        except sqlite3.Error as error:
            raise StoreRefused(f"{self._path}: {explain(error)}") from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        return connection

    async def _write(
        self, script: Callable[..., T], batch: Sequence[Any] | None = None, urgency: int = PLAIN
    ) -> T:
        if self._writer is None:
            raise StoreUnavailable("The database is closed.")
        result: T = await self._writer.call(script, batch, urgency)
        return result

    async def _read(self, script: Callable[[SqliteDb], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, self._run_read, script)
        except sqlite3.Error as error:
            raise StoreUnavailable(explain(error)) from error
        except RuntimeError as error:
            raise StoreUnavailable("The database is closed.") from error

    def _run_read(self, script: Callable[[SqliteDb], T]) -> T:
        db: SqliteDb | None = getattr(self._local, "db", None)
        if db is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._opened.append(connection)
            db = self._local.db = SqliteDb(connection, self._texts)
        return script(db)


class SqliteDb:
    """`franking.stores.queries.Db` on one connection."""

    def __init__(self, connection: sqlite3.Connection, texts: Mapping[str, str]) -> None:
        self._execute = connection.execute
        self._texts = texts

    def run(self, name: str, **values: Any) -> int:
        return self._execute(self._texts[name], values).rowcount

    def value(self, name: str, **values: Any) -> Any:
        row = self.row(name, **values)
        return row[0] if row is not None else None

    def row(self, name: str, **values: Any) -> tuple[Any, ...] | None:
        cursor = self._execute(self._texts[name], values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        if row is not None:
            cursor.fetchone()  # ends the statement, so that it holds no lock
        return row

    def alone(self, do: Callable[[], None]) -> Exception | None:
        self._execute("SAVEPOINT alone")
        try:
            do()
        except Exception as error:
            self._execute("ROLLBACK TO alone")
            return error
        finally:
            self._execute("RELEASE alone")
        return None

    def pragma(self, name: str) -> int:
        return int(self._execute(f"PRAGMA {name}").fetchone()[0])


def _tried(do: Callable[[], Stored | None]) -> Stored | Exception | None:
    try:
        return do()
    except sqlite3.Error:
        raise
    except Exception as error:
        return error
