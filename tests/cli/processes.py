"""Real processes of franking, for tests: started, spoken to, stopped, killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from franking.transports.capture import Capture

from .forked import Forked, fork

DEADLINE_SECONDS = 30.0


class Ended(msgspec.Struct, frozen=True):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> list[Any]:
        """The JSON values that it printed, one on a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Serving(msgspec.Struct, frozen=True):
    """A `serve` that listens."""

    process: Forked
    url: str
    grpc: str = ""

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait for its end; the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.process.wait()


async def started(folder: Path, *arguments: str, **settings: str) -> Forked:
    """A franking that runs in a folder, with these settings and none of ours; gRPC anywhere."""
    environment = {name: value for name, value in os.environ.items() if "FRANKING" not in name}
    environment["FRANKING_GRPC"] = "127.0.0.1:0"
    environment |= {f"FRANKING_{name.upper()}": value for name, value in settings.items()}
    environment |= {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    return await fork(folder, environment, arguments)


async def franking(folder: Path, *arguments: str, stdin: bytes = b"", **settings: str) -> Ended:
    """Run a command to its end."""
    process = await started(folder, *arguments, **settings)
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate(stdin)
    return Ended(await process.wait(), out.decode(), err.decode())


@asynccontextmanager
async def serving(
    folder: Path, smtp_port: int, only: str | None = None, **settings: str
) -> AsyncIterator[Serving]:
    """A `serve` on a free port, sending to a port of this machine; killed at the end."""
    given = {
        "http": "127.0.0.1:0",
        "smtp_connection_uri": f"smtp://127.0.0.1:{smtp_port}",
        "default_from": "franking <franking@example.com>",
        **settings,
    }
    roles = () if only is None else ("--only", only)
    process = await started(folder, "serve", *roles, **given)
    # Nobody reads its log, which must not stop it.
    log = asyncio.create_task(process.stderr.read())
    try:
        line = await until_line(process, "franking listens on ")
        words = [word.rstrip(",") for word in line.split()]
        grpc = words[words.index("gRPC") + 2] if "gRPC" in words else ""
        yield Serving(process, words[3], grpc)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await log


async def until_line(process: Forked, beginning: str) -> str:
    """The first line of a process's output that begins so."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(beginning):
                return line
    raise AssertionError(f"it ended before it said {beginning!r}")


@asynccontextmanager
async def mailbox(**options: Any) -> AsyncIterator[Capture]:
    """A real SMTP server in this process."""
    capture = Capture("127.0.0.1", 0, **options)
    await capture.start()
    try:
        yield capture
    finally:
        await capture.stop()
