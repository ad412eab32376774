"""A `franking serve` in a process of its own, that is started, asked, and ended in every way."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

WORKER = Path(__file__).with_name("worker.py")
START_SECONDS = 30.0
END_SECONDS = 30.0
_URL = re.compile(rb"listens on (http://[^\s,]+)")


class Process:
    """One installation in `folder` that sends through `smtp_port`; it may be started many times.

    `settings` are franking's, by their names in lower case; `waits_ms` a webhook's between tries;
    `claim_ms` how long a teller or a completion that is gone is waited for.
    """

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
        given = {
            "database_url": f"sqlite:///{self.database}",
            "http": "127.0.0.1:0",
            "grpc": "127.0.0.1:0",
            "smtp_connection_uri": f"smtp://127.0.0.1:{smtp_port}",
            "default_from": "Default <default@example.com>",
            "lease_seconds": 2,
            "retry_seconds": 1,
            "transient_attempts": 3,
            "connections": 3,
            **settings,
        }
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("FRANKING_")},
            **{f"FRANKING_{name.upper()}": str(value) for name, value in given.items()},
            "KILL_FULL": str(self.full),
            "KILL_WAITS_MS": ",".join(map(str, waits_ms)),
            "KILL_CLAIM_MS": str(claim_ms or ""),
        }
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""
        self._http = httpx.AsyncClient(verify=False, trust_env=False, timeout=20)

    async def __aenter__(self) -> Process:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self._http.aclose()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

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
                *(sys.executable, str(WORKER), "serve"),
                cwd=self.database.parent,
                env={**self._environment, "KILL_AT": at},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        if match := _URL.search(line):
            self._url = match[1].decode()
            return True
        code = await self.gone()
        assert code == -signal.SIGKILL, f"it ended with {code}: {self.log[-2000:]}"
        return False

    def send(self, number: signal.Signals) -> None:
        """A signal, if it still runs."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def strike(self) -> None:
        """SIGKILL, without waiting for the end."""
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

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response | None:
        """The answer; None where it never came. `timer_id` is the header x-timer-id."""
        headers = {f"x-{name.replace('_', '-')}": value for name, value in headers.items()}
        if key:
            headers["idempotency-key"] = key
        try:
            return await self._http.request(method, self._url + path, json=body, headers=headers)
        except httpx.HTTPError:
            return None

    async def set_account(self, name: str) -> None:
        """A mailbox of its own, which sends through the same server."""
        transport = {"type": "smtp", "uri": self._environment["FRANKING_SMTP_CONNECTION_URI"]}
        answer = await self.ask("PUT", f"/v1/accounts/{name}", {"transport": transport})
        assert answer is not None, self.log[-2000:]
        assert answer.is_success, answer.text

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
    def log(self) -> str:
        """What it wrote to stderr, over all its lives."""
        return self._log.read_text() if self._log.exists() else ""
