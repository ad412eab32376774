"""The store in one SQLite file: WAL, `synchronous=FULL`, one writer thread, a few readers.

What a call answers is on disk. Readers see every commit that was answered before they asked.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from franking.stores.base import StoreRefused, StoreUnavailable, Usage
from franking.stores.calls import LAST, PLAIN, StoreCalls
from franking.stores.queries import load, migrations
from franking.stores.sqlite_db import SqliteDb
from franking.stores.sqlite_migration import migrate
from franking.stores.sqlite_session import SqliteSession, explain
from franking.stores.writer import Writer

READERS = 2
BUSY_MS = 5_000
STATEMENTS = 256

# What `franking db backup` writes into a copy ("frBK"), and `franking db after-restore` takes out.
BACKUP_MARK = 0x6672424B
IS_BACKUP = (
    "{} is a backup: what waited when it was made may have been sent since. Run"
    " `franking db after-restore`, which ends that in doubt, then start again."
)

# What `franking db copy` leaves in a file that it moved from ("frMV").
MOVED_MARK = 0x66724D56
NOT_MOVED = (
    "{path} was moved to {place}, and what waits here is sent from there: set"
    " FRANKING_DATABASE_URL. If nothing was ever served there, `franking db reopen` lets this file"
    " be served again; else run `franking db after-restore`, which ends in doubt what waits here."
)

T = TypeVar("T")


class SqliteStore(StoreCalls):
    """`franking.stores.base.Store` on a file; `path` may not exist yet.

    A file that carries the mark of a backup, or was moved to another database, is refused, unless
    what is done is `restoring` it.
    """

    def __init__(self, path: Path | str, *, restoring: bool = False) -> None:
        self._path = Path(path)
        self._backups = restoring
        self._texts = load("sqlite")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="franking-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._writer: Writer | None = None
        self._reading = 0
        super().__init__(self._written, self._looked_up, self._pulse, self._usage, sqlite3.Error)

    async def open(self) -> None:
        connection = await asyncio.to_thread(self._prepare)
        self._opened.append(connection)
        self._writer = Writer(SqliteSession(connection, self._texts))
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

    async def foreign_commits(self) -> int:
        # Only on the connection that writes do its own commits not count as another's.
        return await self._written(_data_version, None, LAST)

    @property
    def commits(self) -> int:
        return self._writer.commits if self._writer is not None else 0

    @property
    def version(self) -> int:
        """The number of the newest migration that this franking knows."""
        return migrations("sqlite")[-1][0]

    async def _pulse(self) -> int:
        foreign = await self.foreign_commits()
        return foreign + self.commits

    def _usage(self) -> Usage:
        writes = self._writer.queued if self._writer is not None else 0
        used = min(self._reading, READERS)
        return Usage(self.commits, READERS, used, self._reading - used, writes)

    def _prepare(self) -> sqlite3.Connection:
        try:
            connection = self._connect()
            if not self._backups:
                self._check(connection)
            migrate(connection)
            return connection
        except sqlite3.Error as error:
            raise StoreRefused(f"{self._path}: {explain(error)}") from error

    def _check(self, connection: sqlite3.Connection) -> None:
        """It is the one that is served, and no copy that was left behind."""
        [mark] = connection.execute("PRAGMA application_id").fetchone()
        if mark == BACKUP_MARK:
            connection.close()
            raise StoreRefused(IS_BACKUP.format(self._path))
        if mark == MOVED_MARK:
            [place] = connection.execute(load("sqlite", "own")["moved_to"]).fetchone()
            connection.close()
            raise StoreRefused(NOT_MOVED.format(path=self._path, place=place))

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

    async def _written(
        self, script: Callable[..., T], batch: Sequence[Any] | None = None, urgency: int = PLAIN
    ) -> T:
        if self._writer is None:
            raise StoreUnavailable("The database is closed.")
        result: T = await self._writer.call(script, batch, urgency)
        return result

    async def _looked_up(self, script: Callable[[SqliteDb], T]) -> T:
        loop = asyncio.get_running_loop()
        self._reading += 1
        try:
            return await loop.run_in_executor(self._readers, self._run_read, script)
        except sqlite3.Error as error:
            raise StoreUnavailable(explain(error)) from error
        except RuntimeError as error:
            raise StoreUnavailable("The database is closed.") from error
        finally:
            self._reading -= 1

    def _run_read(self, script: Callable[[SqliteDb], T]) -> T:
        db: SqliteDb | None = getattr(self._local, "db", None)
        if db is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._opened.append(connection)
            db = self._local.db = SqliteDb(connection, self._texts)
        return script(db)


def _data_version(db: SqliteDb) -> int:
    return db.pragma("data_version")
