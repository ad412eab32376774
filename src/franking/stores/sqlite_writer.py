"""The one thread that writes to a SQLite file: callers in the same moment share one commit.

Policy. The thread takes what is queued, the fences before a dot first, and runs it in one
transaction. Calls of the same kind that take a batch are merged into one; where that fails, each
caller runs alone under its savepoint, so that a bad row fails its own caller only. Nobody is
answered before the commit is on disk. Under load the thread waits a moment for neighbours.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from franking.stores.base import AlreadyExists, StoreUnavailable
from franking.stores.queries import Db

MOST_JOBS = 2_000
GATHER_SECONDS = 0.002
LULL_SECONDS = 0.0003
BUSY_JOBS = 3


class Job:
    """One caller's wish: `script(db)`, or `script(db, rows)` where rows may be merged."""

    __slots__ = ("error", "future", "result", "rows", "script", "urgency")

    def __init__(
        self, script: Callable[..., Any], rows: Sequence[Any] | None, urgency: int
    ) -> None:
        self.script = script
        self.rows = rows
        self.urgency = urgency
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """Runs jobs in its own thread, in transactions of many."""

    def __init__(self, connection: sqlite3.Connection, db: Db) -> None:
        self._connection = connection
        self._db = db
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="franking-writer", daemon=True)
        self._never = threading.Event()
        self.commits = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end. Blocks."""
        self._queue.put(None)
        self._thread.join()

    async def call(
        self, script: Callable[..., Any], rows: Sequence[Any] | None = None, urgency: int = 2
    ) -> Any:
        """Run a script and wait for its commit. Urgency 0 goes first."""
        if not self._thread.is_alive():
            raise StoreUnavailable("The database is closed.")
        job = Job(script, rows, urgency)
        self._queue.put(job)
        return await job.future

    def _work(self) -> None:
        last = 0
        while (first := self._queue.get()) is not None:
            jobs = [first]
            ended = self._gather(jobs, GATHER_SECONDS if last >= BUSY_JOBS else 0.0)
            jobs.sort(key=_urgency)
            self._transact(jobs)
            _answer(jobs)
            last = len(jobs)
            if ended:
                return

    def _gather(self, jobs: list[Job], wait_seconds: float) -> bool:
        """Take what else is queued; true where the end was asked for."""
        waited, seen = 0.0, -1
        while waited < wait_seconds and seen < self._queue.qsize() < MOST_JOBS:
            seen = self._queue.qsize()
            self._never.wait(LULL_SECONDS)
            waited += LULL_SECONDS
        while len(jobs) < MOST_JOBS:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return False
            if job is None:
                return True
            jobs.append(job)
        return False

    def _transact(self, jobs: list[Job]) -> None:
        written = self._connection.total_changes
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for group in _groups(jobs):
                self._run(group)
            self._connection.execute("COMMIT")
            self.commits += self._connection.total_changes != written
        except Exception as error:
            self._undo()
            for job in jobs:
                job.error = _told(error)

    def _run(self, group: list[Job]) -> None:
        """One call for the whole group, or each alone where that fails."""
        try:
            self._savepoint(lambda: _merged(self._db, group))
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            if len(group) == 1:
                group[0].error = _told(error)
                return
            for job in group:
                self._run([job])

    def _savepoint(self, do: Callable[[], None]) -> None:
        self._connection.execute("SAVEPOINT caller")
        try:
            do()
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO caller")
                self._connection.execute("RELEASE caller")
            raise
        self._connection.execute("RELEASE caller")

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def explain(error: sqlite3.Error) -> str:
    """What a database's error means and what to do, for a person."""
    words = str(error)
    for sign, meaning in _MEANINGS:
        if sign in words:
            return meaning
    return f"The database can't be used: {words}. Nothing was written."


def _groups(jobs: list[Job]) -> list[list[Job]]:
    groups: list[list[Job]] = []
    for job in jobs:
        same = groups and job.rows is not None and groups[-1][0].script is job.script
        if same:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def _merged(db: Db, group: list[Job]) -> None:
    script = group[0].script
    if group[0].rows is None:
        group[0].result = script(db)
        return
    results = script(db, [row for job in group for row in job.rows or ()])
    place = 0
    for job in group:
        count = len(job.rows or ())
        job.result = results[place : place + count]
        place += count


def _answer(jobs: list[Job]) -> None:
    """Wake the callers: one call into each event loop for all of its jobs."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, told in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _told(error: Exception) -> BaseException:
    if isinstance(error, sqlite3.IntegrityError):
        return AlreadyExists(f"The database holds that already: {error}.")
    if isinstance(error, sqlite3.Error):
        return StoreUnavailable(explain(error))
    return error


def _urgency(job: Job) -> int:
    return job.urgency


_MEANINGS = (
    (
        "database or disk is full",
        "The disk is full: nothing was written. Make room; franking goes on by itself.",
    ),
    ("database is locked", "Another process holds the database. Try again, or stop that process."),
    ("readonly database", "The database is read-only. Let franking write the file and its folder."),
    ("disk I/O error", "The disk failed: nothing was written. Look at the disk, then try again."),
    ("disk image is malformed", "The database file is damaged. Restore it from a backup."),
)
