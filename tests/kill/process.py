"""A `franking serve` in a process of its own, that is started, asked, and ended in every way."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from kill.client import Client, environment

TESTS = Path(__file__).parent.parent
START_SECONDS = 30.0
END_SECONDS = 30.0
_URL = re.compile(rb"listens on (http://[^\s,]+)")


class Process:
    """One installation in `folder` that sends through `smtp_port`; it may be started many times.

    `settings` are franking's, by their names in lower case; `waits_ms` a webhook's between tries;
    `claim_ms` how long a teller or a completion that is gone is waited for.
    """

    patience = 1

    def __init__(
        self,
        folder: Path,
        smtp_port: int,
        waits_ms: Sequence[int] = (),
        claim_ms: int = 0,
        **settings: Any,
    ) -> None:
        self.database = folder / "franking.db"
        self.full = folder / "full"
        self._log = folder / "log"
        given = {"database_url": f"sqlite:///{self.database}", **settings}
        self._environment = {
            **environment(smtp_port, waits_ms, claim_ms, given),
            "PYTHONPATH": str(TESTS),
            "KILL_FULL": str(self.full),
        }
        self._process: asyncio.subprocess.Process | None = None
        self._client = Client(smtp_port)

    async def __aenter__(self) -> Process:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self._client.close()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pids(self) -> list[int]:
        """Those that may be killed."""
        assert self._process is not None
        return [self._process.pid]

    @property
    def state(self) -> str:
        """The system's letter for it: T where it is stopped."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]

    async def start(self, at: str = "") -> bool:
        """Start; false where it died (at its weak spot) before it listened."""
        assert not self.running
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "kill.worker", "serve"),
                cwd=self.database.parent,
                env={**self._environment, "KILL_AT": at},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        if match := _URL.search(line):
            self._client.url = match[1].decode()
            return True
        code = await self.gone()
        assert code == -signal.SIGKILL, f"it ended with {code}: {self.log[-2000:]}"
        return False

    def send(self, number: signal.Signals) -> None:
        """A signal, if it still runs."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def strike(self, act: str = "kill", port: int = 0) -> None:
        """SIGKILL, without waiting for the end."""
        assert act == "kill"
        self.send(signal.SIGKILL)

    async def kill(self) -> None:
        """SIGKILL, and its end."""
        self.strike()
        if self._process is not None:
            await self.gone()

    async def gone(self, seconds: float = END_SECONDS) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def stop(self) -> int:
        """Stop gracefully; the exit code."""
        self.send(signal.SIGTERM)
        return await self.gone()

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response | None:
        """The answer; None where it never came. `timer_id` is the header x-timer-id."""
        return await self._client.ask(method, path, body, key, **headers)

    async def set_account(self, name: str) -> None:
        """A mailbox of its own, which sends through the same server."""
        await self._client.set_account(name)

    async def doctor(self) -> tuple[int, str]:
        """What `franking doctor` prints, and its exit code: 0 where nothing is stuck."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "franking", "doctor"),
            cwd=self.database.parent,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    @property
    def crashed_at(self) -> int | None:
        """A file does not crash."""
        return None

    @property
    def log(self) -> str:
        """What it wrote to stderr, over all its lives."""
        return self._log.read_text() if self._log.exists() else ""
