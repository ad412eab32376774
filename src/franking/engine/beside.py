"""Composing in a process beside this one, where many mails are to be composed at once.

Policy. Composing is a third of what a mail costs here, and Python runs on one core; so a second
process takes it over as soon as there is much of it. A few mails are composed at once where they
are, and so is everything while that process starts, or when it was lost: nothing waits for it to be
made, and no mail fails by it. After a while without work it is ended, for the sake of its memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence

import msgspec
import structlog

from franking.clock import Clock
from franking.compose.job import Job, Made, make
from franking.compose.piped import Lost, Piped
from franking.engine.batch import Batch

log = structlog.get_logger()

# Fewer than these are composed where they are.
MANY = 8
# So many go in one frame: the first are sent while the last are composed.
MOST = 16
START_SECONDS = 30.0
HANG_SECONDS = 20.0
IDLE_SECONDS = 60.0
# How long after one was lost the next is made.
AGAIN_MS = 5_000
_COMMAND = (sys.executable, "-P", "-m", "franking.compose.composer")


def several_cores() -> bool:
    """May this process use more than one? On one alone it would gain nothing."""
    return len(os.sched_getaffinity(0)) > 1


class Beside:
    """One process that composes for this one, made when it is first needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._batch: Batch[Job, Made] = Batch(self._made, MOST)
        self._child: Piped | None = None
        self._starting: asyncio.Task[None] | None = None
        self._not_before = 0
        self._reading = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[int]] = set()

    def made(self, job: Job) -> asyncio.Future[Made]:
        """What comes of a job."""
        return self._batch.ask(job)

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._child is None else self._child.pid

    @property
    def starting(self) -> bool:
        """Is it being made?"""
        return self._starting is not None

    async def stop(self) -> None:
        """End the process, if there is one."""
        self._not_before = sys.maxsize
        if self._starting is not None:
            await asyncio.wait([self._starting])
        self._end()
        if self._ending:
            await asyncio.wait(list(self._ending))

    async def _made(self, jobs: Sequence[Job]) -> Sequence[Made]:
        if len(jobs) >= MANY and self._child is None:
            self._start()
        if len(jobs) < MANY or self._child is None:
            return [make(job) for job in jobs]
        try:
            return await self._asked(self._child, jobs)
        except Lost:
            log.warning("the process that composes was lost; its mails are composed here")
            self._end()
            self._not_before = max(self._not_before, self._clock.steady_ms() + AGAIN_MS)
            return [make(job) for job in jobs]

    async def _asked(self, child: Piped, jobs: Sequence[Job]) -> Sequence[Made]:
        child.send([_encode(jobs)])
        self._rest()
        # Whoever asked first waits first, so each reads the answer to what it sent.
        async with self._reading:
            found = _decode(await child.read())
        self._rest()
        return found

    def _start(self) -> None:
        if self._starting is None and self._clock.steady_ms() >= self._not_before:
            self._starting = asyncio.create_task(self._started())
            self._starting.add_done_callback(self._has_started)

    async def _started(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, cwd="/"
        )
        child = Piped(process, HANG_SECONDS)
        try:
            await child.read(START_SECONDS)
        except BaseException:
            await child.end()
            raise
        self._child = child
        self._rest()

    def _has_started(self, task: asyncio.Task[None]) -> None:
        self._starting = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("no process that composes could be started", why=repr(error))
            self._not_before = self._clock.steady_ms() + AGAIN_MS

    def _rest(self) -> None:
        """End it when it has had nothing to do for so long from now on."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._tire)

    def _tire(self) -> None:
        if not self._reading.locked():
            self._end()

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        child, self._child = self._child, None
        if child is not None:
            task = asyncio.create_task(child.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Made]).decode
