"""The child process as its parent holds it: started, asked, and ended."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import msgspec

from franking.compose.templates.limits import HANG_SECONDS, LIMITS, START_SECONDS, Limits
from franking.compose.templates.plan import Catalog

_HEAD_OCTETS = 4
_HERE = files("franking.compose.templates")
HANDLEBARS = files("franking.compose") / "vendor" / "handlebars.min.js"


class NotStarted(Exception):
    """No child could be started; says why."""


class Lost(Exception):
    """The child ended, or was ended since it had hung."""


class Child:
    """One child. What is sent is answered in order; after a limit it ends by itself."""

    def __init__(self, process: Process) -> None:
        self._process = process
        # Whose partials it was told.
        self.catalog: Catalog | None = None

    def send(self, frames: list[bytes]) -> None:
        """Hand over requests, all at once; it takes them when it can."""
        assert self._process.stdin is not None
        heads = (len(frame).to_bytes(_HEAD_OCTETS, "big") for frame in frames)
        with suppress(OSError, RuntimeError):  # it is gone: reading tells
            self._process.stdin.writelines(
                [part for pair in zip(heads, frames, strict=True) for part in pair]
            )

    async def read(self, seconds: float | None = None) -> bytes:
        """The next answer, within HANG_SECONDS if no other time is given. Raises `Lost`."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(HANG_SECONDS if seconds is None else seconds):
                head = await self._process.stdout.readexactly(_HEAD_OCTETS)
                return await self._process.stdout.readexactly(int.from_bytes(head, "big"))
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            raise Lost from None

    async def end(self) -> int:
        """End it, if it has not ended; by which signal it did, negative, or its exit code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()

    async def ended(self) -> int:
        """As `end`, where its output has ended and so it is about to by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return await self._process.wait()
        return await self.end()

    @property
    def pid(self) -> int:
        return self._process.pid


def check() -> None:
    """Raises `NotStarted` where what a build makes is missing."""
    if not HANDLEBARS.is_file():
        raise NotStarted(
            f"{HANDLEBARS.name} is missing: this franking was not built whole. Install it with pip,"
            " which builds it."
        )


async def start(limits: Limits = LIMITS) -> Child:
    """A child that is ready. It inherits three pipes and nothing else: no variable of the
    environment, no open file, no module of ours. Raises `NotStarted`."""
    check()
    told = msgspec.json.encode(limits).decode()
    scripts = (str(HANDLEBARS), str(_HERE / "script.js"))
    # -I: what PYTHONPATH or the working directory hold is not imported.
    command = (sys.executable, "-I", str(_HERE / "child.py"), told, *scripts)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd=Path("/")
        )
    except OSError as error:
        raise NotStarted(str(error)) from None
    child = Child(process)
    try:
        await child.read(START_SECONDS)
    except BaseException as error:
        code = await child.end()
        if isinstance(error, Lost):
            raise NotStarted(f"it ended with {code} before it was ready") from None
        raise
    return child
