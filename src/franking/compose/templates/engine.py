"""One child process, the requests that wait for it, and what becomes of those when it ends.

Many callers share it: what is asked in one turn of the event loop is handed over at once, up to a
window. Answers come in order, so the one that is being rendered is always known. When the child
ends after a limit, that request has its answer and the others go to the next child. When it ends
without a word, the one in hand is tried once more, since somebody else may have ended it (an
operator, a machine without memory); the second time it was the request.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog

from franking.compose.piped import Lost
from franking.compose.templates.job import Answer, Job
from franking.compose.templates.limits import (
    CONFUSED,
    LIMITS,
    LOST,
    NOT_STARTED,
    TEXTS,
    TOO_DEEP,
    Limits,
)
from franking.compose.templates.process import Child, NotStarted, start

# How much a child has before it; the first is handed over however large it is.
WINDOW = 32
WINDOW_BYTES = 4 * 1024 * 1024
# A child that nobody asked anything for so long is ended, for the sake of its memory.
IDLE_SECONDS = 300.0
TRIES = 2
_FENCED = -signal.SIGPROF


class Spent(Exception):
    """The child said which limit was met, and ends."""


class Engine:
    """`on_limit` hears the key of each plan that met a limit."""

    def __init__(self, on_limit: Callable[[str], None], limits: Limits = LIMITS) -> None:
        self._on_limit = on_limit
        self._limits = limits
        self._waiting: deque[Job] = deque()
        self._sent: deque[tuple[Job, int]] = deque()
        self._child: Child | None = None
        self._asked = asyncio.Event()
        self._filling = False
        self._offenders: list[tuple[Job, Answer]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child is not None else None

    @property
    def waiting(self) -> int:
        """How many have no answer yet."""
        return len(self._waiting) + len(self._sent)

    def put(self, job: Job) -> None:
        """Have it rendered when its turn comes."""
        self._waiting.append(job)
        self._asked.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        if self._child is not None and not self._filling:
            self._filling = True
            asyncio.get_running_loop().call_soon(self._fill)

    def give_up(self, key: str) -> list[Job]:
        """The jobs of a plan that no child has yet; they are somebody else's now."""
        found = [job for job in self._waiting if job.plan.key == key]
        self._waiting = deque(job for job in self._waiting if job.plan.key != key)
        return found

    async def close(self) -> None:
        """End the child; what waits has an error for an answer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._refuse_all()

    async def _run(self) -> None:
        while True:
            await self._asked.wait()
            if not self._waiting:
                self._asked.clear()
                continue
            try:
                child = await start(self._limits)
            except NotStarted as error:
                _log.error("no template engine", why=str(error))
                self._refuse_all()
                continue
            try:
                await self._serve(child)
            except Exception:
                _log.exception("the template engine's parent failed")
                self._refuse_all()

    async def _serve(self, child: Child) -> None:
        """Ask this child until it ends, or nobody asks."""
        self._child = child
        try:
            while await self._has_work():
                self._heard(_answer.decode(await child.read()))
                self._fill()
        except (Lost, msgspec.DecodeError):
            self._blame(await child.ended())
        except Spent:
            pass
        finally:
            self._child = None
            await child.end()
            self._take_back()

    async def _has_work(self) -> bool:
        """Wait until the child has something before it; False once nobody asked for long."""
        self._fill()
        while not self._sent:
            self._asked.clear()
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                return False
            self._fill()
        return True

    def _fill(self) -> None:
        """Hand over what waits, as the window has room."""
        self._filling = False
        if self._child is None:
            return
        frames = []
        room = WINDOW_BYTES - sum(size for _, size in self._sent)
        while self._waiting and len(self._sent) < WINDOW and (room > 0 or not self._sent):
            job = self._waiting.popleft()
            if job.done.done():
                continue
            frame = self._frame(self._child, job)
            if frame is not None:
                frames.append(frame)
                self._sent.append((job, len(frame)))
                room -= len(frame)
        if frames:
            self._child.send(frames)

    def _frame(self, child: Child, job: Job) -> bytes | None:
        """The request; None where none can be made of it, and then it has its answer."""
        try:
            frame = job.frame(child.catalog is not job.catalog)
        except RecursionError:
            job.settle(Answer(error=TOO_DEEP))
            return None
        except Exception as error:
            job.settle(Answer(error=f"Error: The template's data is not JSON: {error}"))
            return None
        if len(frame) > self._limits.render_bytes:
            job.settle(Answer(error=TEXTS["memory"]))
            return None
        child.catalog = job.catalog
        return frame

    def _heard(self, answer: Answer) -> None:
        """Raises `Spent` where the child ends after this answer."""
        job, _ = self._sent.popleft()
        if answer.need is not None:
            if job.lacks(answer.need):
                self._waiting.appendleft(job)
            else:
                job.settle(Answer(error=CONFUSED))
        elif answer.limit is None:
            job.settle(answer)
        elif answer.limit == "size":
            job.settle(Answer(error=TEXTS["size"]))
        else:
            self._offenders.append((job, Answer(error=TEXTS[answer.limit])))
            raise Spent

    def _blame(self, code: int) -> None:
        """The child ended without a word on what it had in hand, if anything."""
        if not self._sent:
            return
        job, _ = self._sent[0]
        job.lost += 1
        if code == _FENCED or job.lost >= TRIES:
            self._sent.popleft()
            answer = Answer(error=TEXTS["render"] if code == _FENCED else LOST)
            self._offenders.append((job, answer))

    def _take_back(self) -> None:
        """What the child did not answer goes to the next; who met a limit is told of."""
        self._waiting.extendleft(job for job, _ in reversed(self._sent))
        self._sent.clear()
        if self._waiting:
            self._asked.set()
        while self._offenders:
            job, answer = self._offenders.pop()
            self._on_limit(job.plan.key)
            job.settle(answer)

    def _refuse_all(self) -> None:
        while self._waiting:
            self._waiting.popleft().settle(Answer(error=NOT_STARTED))


_answer = msgspec.json.Decoder(Answer)
_log = structlog.get_logger("franking.compose")
