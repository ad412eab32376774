"""What a campaign needs of whatever it kills: one process, or a fleet of them and a database."""

from __future__ import annotations

from typing import Any, Protocol

import httpx

from kill.reading import Database


class Installed(Protocol):
    """An installation of franking that is started, asked, struck and stopped."""

    patience: int
    """How many times as long a strike may take to be met."""

    @property
    def database(self) -> Database:
        """Where its rows are."""

    @property
    def running(self) -> bool:
        """Does all of it run?"""

    @property
    def pids(self) -> list[int]:
        """The processes that may be killed."""

    @property
    def crashed_at(self) -> int | None:
        """When the database went in the last strike, in milliseconds; None where it did not."""

    @property
    def log(self) -> str:
        """What it wrote to stderr."""

    async def start(self, at: str = "") -> bool:
        """Start what does not run, with a spot (`spots`); false where it died before it
        listened."""

    def strike(self, act: str = "kill", port: int = 0) -> None:
        """Do it now, without waiting: to whom a port belongs, if any."""

    async def kill(self) -> None:
        """SIGKILL, and its end."""

    async def gone(self, seconds: float = ...) -> int:
        """Wait until it was struck. Raises `TimeoutError`."""

    async def stop(self) -> int:
        """Stop gracefully; the exit code."""

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response | None:
        """The answer; None where none came."""

    async def set_account(self, name: str) -> None:
        """Give it a mailbox."""

    async def doctor(self) -> tuple[int, str]:
        """What `franking doctor` says, and its exit code."""
