"""An API and three workers on one database in PostgreSQL, any of which is killed, and so is it.

Each is a process of its own. Whoever was killed is started again, and the server of the database is
as soon as it is gone. An answer of 503 is none: what was asked is asked again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from cli.forked import Forked, fork
from eventually import eventually
from franking.clock import SystemClock
from kill import nursery
from kill.client import Client, environment
from kill.sockets import owner
from postgres import Cluster

API = "api"
ROLES = {API: "api,proxy,cadence"} | {f"worker-{n}": "worker,timers,outbox" for n in (1, 2, 3)}
LISTENS = b"franking listens on "
START_SECONDS = 30.0
END_SECONDS = 30.0


class Fleet:
    """`async with Fleet(…) as fleet`. Parameters as `kill.process.Process` has them; `chance` draws
    who is killed by time."""

    # Of four processes and a server on few cores.
    patience = 4

    def __init__(
        self,
        folder: Path,
        smtp_port: int,
        cluster: Cluster,
        chance: random.Random,
        waits_ms: Sequence[int] = (),
        claim_ms: int = 0,
        **settings: Any,
    ) -> None:
        self.killed: list[str] = []
        self.crashes = 0
        self.crashed_at: int | None = None
        self._folder = folder
        self._cluster = cluster
        self._chance = chance
        self._name = cluster.create()
        self._spot = folder / "spot"
        self._at = ""
        self._alive_at = 0
        given = {"database_url": self.database, **settings}
        self._environment = {
            **environment(smtp_port, waits_ms, claim_ms, given),
            "KILL_SPOT": str(self._spot),
            "KILL_SERVER": str(cluster.pid_file),
        }
        self._client = Client(smtp_port)
        self._members: dict[str, Forked] = {}
        self._logs: dict[str, bytes] = dict.fromkeys(ROLES, b"")
        self._reading: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Fleet:
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self._members.values():
            member.kill()
            await member.wait()
        await asyncio.gather(*self._reading)
        await self._client.close()
        if not self._cluster.alive:
            await self._restarted()
        self._cluster.drop(self._name)

    @property
    def database(self) -> str:
        return self._cluster.url(self._name)

    @property
    def running(self) -> bool:
        return self._cluster.alive and len(self._alive) == len(ROLES)

    @property
    def pids(self) -> list[int]:
        return [member.pid for member in self._alive.values()]

    @property
    def log(self) -> str:
        return "\n".join(log.decode() for log in self._logs.values())

    @property
    def summary(self) -> str:
        """One line: who was killed how often."""
        count = Counter(name.partition("-")[0] for name in self.killed)
        return f"killed: {count[API]} times the API, {count['worker']} a worker; " + (
            f"the database crashed {self.crashes} times"
        )

    async def start(self, at: str = "") -> bool:
        """Start whoever was killed; whoever comes by the spot first takes it."""
        self._clear()
        self.crashed_at, self._alive_at = None, SystemClock().now()
        if not self._cluster.alive:
            await self._restarted()
        down = [name for name in ROLES if name not in self._alive]
        for name in down:
            self._bury(name)
        await asyncio.gather(*(self._begin(name) for name in down))
        self._at = at
        if at:
            told = self._spot.with_suffix(".told")
            told.write_text(at)
            told.rename(self._spot)
        return True

    def strike(self, act: str = "kill", port: int = 0) -> None:
        """Kill whose port it is, else somebody by chance, or crash the server."""
        if act == "crash":
            self._cluster.quit()
        elif pids := self.pids:
            os.kill(owner(port, pids) or self._chance.choice(pids), signal.SIGKILL)

    async def kill(self) -> None:
        self.strike()
        await self.gone()

    async def gone(self, seconds: float = END_SECONDS) -> int:
        """Wait until one was killed, the server has crashed and is up again, or a connection was
        lost at the spot."""
        async with asyncio.timeout(seconds):
            await eventually(self._struck, seconds + END_SECONDS)
        if not self._cluster.alive:
            await self._restarted()
        return 0

    async def stop(self) -> int:
        for member in self._alive.values():
            member.terminate()
        async with asyncio.timeout(END_SECONDS):
            codes = [await member.wait() for member in self._members.values()]
        return max(codes, key=abs)

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response | None:
        """The answer; None where none came, or the database could not be reached."""
        answer = await self._client.ask(method, path, body, key, **headers)
        return None if answer is not None and answer.status_code == 503 else answer

    async def set_account(self, name: str) -> None:
        await self._client.set_account(name)

    async def doctor(self) -> tuple[int, str]:
        process = await fork(self._folder, self._environment, ("doctor",), nursery.__file__)
        out, err = await process.communicate()
        return await process.wait(), (out + err).decode()

    @property
    def _alive(self) -> dict[str, Forked]:
        return {name: one for name, one in self._members.items() if one.returncode is None}

    async def _struck(self) -> bool:
        now = SystemClock().now()
        if self._cluster.alive:
            self._alive_at = now
        lost = self._at.endswith(":lose") and self._spot.with_suffix(".taken").exists()
        return lost or not self.running

    async def _restarted(self) -> None:
        """The server anew; what was committed is there."""
        self.crashes += 1
        self.crashed_at = self._alive_at
        self._clear()
        await asyncio.to_thread(self._cluster.stop)
        await asyncio.to_thread(self._cluster.start)

    def _clear(self) -> None:
        self._at = ""
        for name in (".taken", ""):
            self._spot.with_suffix(name).unlink(missing_ok=True)

    def _bury(self, name: str) -> None:
        """Nobody ends by itself."""
        if name in self._members:
            code = self._members[name].returncode
            assert code == -signal.SIGKILL, f"{name} ended with {code}: {self.log[-3000:]}"
            self.killed.append(name)

    async def _begin(self, name: str) -> None:
        arguments = ("serve", "--only", ROLES[name])
        process = await fork(self._folder, self._environment, arguments, nursery.__file__)
        self._members[name] = process
        self._keep(asyncio.create_task(self._read_log(name, process)))
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert line.startswith(LISTENS), (name, line, self.log[-3000:])
        if name == API:
            self._client.url = line.split()[3].rstrip(b",").decode()

    async def _read_log(self, name: str, process: Forked) -> None:
        while line := await process.stderr.readline():
            self._logs[name] += line

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
