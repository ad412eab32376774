"""The one thread of a process that writes: callers in the same moment share one commit.

Policy. The thread takes what is queued, the fences before a dot first, and runs it in one
transaction. Calls of the same kind that take a batch are merged into one; where that fails, each
caller runs alone under its savepoint, so that a bad row fails its own caller only. Where a
savepoint is a journey to another host, nobody has one until something has failed. Nobody is
answered before the commit is on disk. What failed through no fault of its own, in a deadlock or
with the connection, is run again, so often; what was being committed when the connection went is
not, for nobody knows.
Under load the thread waits a moment for neighbours.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from franking.stores.base import StoreUnavailable
from franking.stores.queries import Db

MOST_JOBS = 2_000
GATHER_SECONDS = 0.002
LULL_SECONDS = 0.0003
BUSY_JOBS = 3


class Session(Protocol):
    """The writer's connection: its transactions, and what its errors mean."""

    @property
    def db(self) -> Db:
        """In which scripts run, between `begin` and `commit`."""

    @property
    def near(self) -> bool:
        """Does a savepoint cost nothing, so that each caller may have one?"""

    def begin(self) -> None:
        """Begin a transaction, over a new connection where there is none."""

    def commit(self) -> bool:
        """Commit; was anything written? Raises `Unsure`, or what the database says."""

    def undo(self) -> None:
        """Roll back what was begun, if anything; raises nothing."""

    def apart(self, do: Callable[[], None]) -> None:
        """Run `do` under a savepoint: what it raises is raised, and changed nothing."""

    @property
    def begun(self) -> bool:
        """Is there a transaction that can go on?"""

    def again(self, error: Exception, tries: int) -> bool:
        """After so many tries that ended so, is one more worth it?"""

    def told(self, error: Exception) -> BaseException:
        """What the caller is told of an error."""

    def rest(self, busy: bool) -> None:
        """Everyone was answered, and more is queued where it is busy; raises nothing."""


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

    def __init__(self, session: Session) -> None:
        self._session = session
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

    @property
    def queued(self) -> int:
        """How many calls wait to be taken into a transaction."""
        return self._queue.qsize()

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
            self._session.rest(not self._queue.empty())
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
        """One transaction for all, again and apart where that helps."""
        apart, tries = self._session.near, 1
        while (error := self._tried(jobs, apart)) is not None:
            hopeless = isinstance(error, StoreUnavailable)
            if not hopeless and not apart and len(jobs) > 1:
                apart = True
            elif not hopeless and self._session.again(error, tries):
                tries += 1
            else:
                for job in jobs:
                    job.error = self._session.told(error)
                return

    def _tried(self, jobs: list[Job], apart: bool) -> Exception | None:
        for job in jobs:
            job.error = None
        try:
            self._session.begin()
            for group in _groups(jobs):
                if apart:
                    self._run(group)
                else:
                    _merged(self._session.db, group)
            self.commits += self._session.commit()
        except Exception as error:
            self._session.undo()
            return error
        return None

    def _run(self, group: list[Job]) -> None:
        """One call for the whole group, or each alone where that fails."""
        tries = 1
        while True:
            try:
                return self._session.apart(lambda: _merged(self._session.db, group))
            except Exception as error:
                if not self._session.begun:
                    raise
                if len(group) > 1:
                    break
                if not self._session.again(error, tries):
                    group[0].error = self._session.told(error)
                    return None
                tries += 1
        for job in group:
            self._run([job])
        return None


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


def _urgency(job: Job) -> int:
    return job.urgency
