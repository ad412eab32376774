"""The receiver's process as the tests have it, and the calls that it wrote down."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from franking.core import times
from kill.receiver import CallPoint

TESTS = Path(__file__).parent.parent
START_SECONDS = 30.0


class Call(NamedTuple):
    """One call: `of` is the timer that its path names; times are the receiver's milliseconds.

    It has no status while it is not answered.
    """

    of: str
    id: str | None
    attempt: int
    due: int
    began_at: int
    status: int | None = None
    ended_at: int | None = None


class Receiver:
    """`async with Receiver(folder) as receiver`."""

    def __init__(self, folder: Path) -> None:
        self._record = folder / "calls"

    async def __aenter__(self) -> Receiver:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kill.receiver", str(self._record)),
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        *self._ports, self._commands = map(int, line.split())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()

    def url(self, kind: str, id: str) -> str:
        """Where a timer is to call; there are two addresses, so that there are two lanes."""
        port = self._ports[sum(id.encode()) % len(self._ports)]
        return f"http://127.0.0.1:{port}/{kind}/{id}"

    async def trap(self, point: CallPoint, nth: int, pids: list[int]) -> None:
        """Have that one of the processes killed whose call is at the `nth` occurrence of `point`
        from now on."""
        await self._command(f"trap {point} {nth} {' '.join(map(str, pids))}")

    async def disarm(self) -> None:
        """Forget every trap."""
        await self._command("disarm")

    def calls(self) -> list[Call]:
        """All calls so far, in the order in which their heads came."""
        found: dict[int, Call] = {}
        for line in self._record.read_text().splitlines():
            told = json.loads(line)
            number = told.pop("number")
            if "status" in told:
                found[number] = found[number]._replace(**told)
            else:
                told |= {"attempt": int(told["attempt"]), "due": times.parse(told["due"])}
                found[number] = Call(**told)
        return list(found.values())

    async def _command(self, words: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._commands)
        writer.write(words.encode() + b"\n")
        assert await reader.readline() == b"ok\n"
        writer.close()
