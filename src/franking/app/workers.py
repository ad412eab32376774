"""`serve --workers N`: a parent that does nothing but keep N processes of `serve` running.

Policy. Each worker is a whole `serve` with the parent's roles, and listens at a port of its own:
HTTP's and gRPC's, counted up. One that ends is begun again, after a pause that grows while it keeps
ending soon; but one that was refused before it ever served ends all, with its code, for what is
wrong with the settings does not mend itself. A worker stops when its standard input ends: so it
stops in peace when the parent is asked to, and also when the parent is gone, however it ended. It
is not signalled for that, for whoever signals a whole group (a terminal, systemd) has signalled it
already, and a second signal would cut it short. A second one to the parent kills.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable

import structlog
from msgspec.structs import replace

from franking.app import logs
from franking.app.roles import chosen
from franking.clock import Clock, SystemClock
from franking.config import PREFIX, Address, SettingRefused, Settings

PORT_MAX = 65_535
FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 30_000
# Who ran for so long has not ended soon.
STEADY_MS = 60_000
# Beyond STOP_SECONDS, in which a worker ends by itself.
PATIENCE_SECONDS = 30
# Exit codes: the arguments, the settings, the database.
REFUSED = (2, 3, 4)

_log = structlog.get_logger("franking.app")


class NeverServed(Exception):
    """A worker was refused, and has said why; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a worker ended with code {code} before it served")
        self.code = code


async def serve(
    settings: Settings, say: Callable[[str], None], only: str | None, count: int
) -> None:
    """Keep `count` workers until a signal asks to stop. Raises `SettingRefused`, `NeverServed`."""
    logs.configure(settings.log_format, settings.log_level)
    chosen(only)
    _check(settings, count)
    stop, kill = _asked()
    say(f"franking runs {count} workers on {settings.database_name} (process {os.getpid()}).")
    workers = [
        Worker(_environment(settings, number), only, say, SystemClock()) for number in range(count)
    ]
    tasks = [asyncio.create_task(worker.keep(stop)) for worker in workers]
    killing = asyncio.create_task(_kill(kill, settings.stop_seconds, stop, workers))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        killing.cancel()
    for task in done:
        task.result()


class Worker:
    """One worker, and its successors; `say` is told what it says."""

    def __init__(
        self,
        environment: dict[str, str],
        only: str | None,
        say: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._environment = environment
        self._arguments = ["serve", "--held", *(() if only is None else ("--only", only))]
        self._say = say
        self._clock = clock
        self._process: Process | None = None
        self._served = False

    async def keep(self, stop: asyncio.Event) -> None:
        """Run one after another until asked to stop. Raises `NeverServed`."""
        pause_ms = FIRST_PAUSE_MS
        while not stop.is_set():
            began_at = self._clock.steady_ms()
            code = await self._run(stop)
            if stop.is_set():
                return
            if code in REFUSED and not self._served:
                raise NeverServed(code)
            lived_ms = self._clock.steady_ms() - began_at
            pause_ms = FIRST_PAUSE_MS if lived_ms >= STEADY_MS else pause_ms
            _log.error("a worker ended", code=code, lived_ms=lived_ms, again_in_ms=pause_ms)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_ms / 1000):
                    await stop.wait()
            pause_ms = min(pause_ms * 2, LONGEST_PAUSE_MS)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _run(self, stop: asyncio.Event) -> int:
        """One process from its beginning to its end; its exit code."""
        # A group of its own: what a terminal signals is for the parent.
        command = (sys.executable, "-m", "franking", *self._arguments)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=self._environment, start_new_session=True
        )
        self._process = process
        letting_go = asyncio.create_task(_let_go(process, stop))
        try:
            assert process.stdout is not None
            while line := await process.stdout.readline():
                self._served = True
                self._say(line.decode(errors="replace").rstrip("\n"))
            return await process.wait()
        finally:
            letting_go.cancel()
            self.kill()


async def _let_go(process: Process, stop: asyncio.Event) -> None:
    """Have it stop in peace when that is asked for."""
    await stop.wait()
    if process.stdin is not None:
        process.stdin.close()


async def _kill(
    kill: asyncio.Event, stop_seconds: int, stop: asyncio.Event, workers: list[Worker]
) -> None:
    """End those that won't end, or at once where that is asked for."""
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(stop_seconds + PATIENCE_SECONDS):
            await kill.wait()
    for worker in workers:
        worker.kill()


def _asked() -> tuple[asyncio.Event, asyncio.Event]:
    """Set by the first SIGTERM or SIGINT, and by the second."""
    stop, kill = asyncio.Event(), asyncio.Event()

    def asked() -> None:
        (kill if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop, kill


def _check(settings: Settings, count: int) -> None:
    if not settings.postgresql:
        raise SettingRefused(
            f"--workers is {count}, and a SQLite file is used by one process: set"
            f" {PREFIX}DATABASE_URL to a postgresql:// URL, or leave --workers out."
        )
    for name, address in (("HTTP", settings.http), ("GRPC", settings.grpc)):
        if address.port and address.port + count - 1 > PORT_MAX:
            raise SettingRefused(
                f"{PREFIX}{name} is '{address}', from where {count} workers count beyond port"
                f" {PORT_MAX}."
            )


def _environment(settings: Settings, number: int) -> dict[str, str]:
    """The parent's, with ports of its own; the environment goes before a file."""
    ports = {f"{PREFIX}HTTP": settings.http, f"{PREFIX}GRPC": settings.grpc}
    return {**os.environ, **{name: str(_at(place, number)) for name, place in ports.items()}}


def _at(address: Address, number: int) -> Address:
    return replace(address, port=address.port + number if address.port else 0)
