"""A receiver of webhooks, run as a script: it writes each call down and answers as its path says.

A path is `/kind/id`, and `ANSWERS` has the kinds. The file in its first argument gets a line for
each call once its head was read, with the moment of its first byte, and one once it is answered;
each is written past every buffer of ours, so that nobody's SIGKILL takes it away. It prints two
ports that take calls, and one that takes the commands `trap point nth pid…`, which kills at the nth
such point from then on that one of the processes whose call it is, and `disarm`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from kill.sockets import owner


class CallPoint(StrEnum):
    """Where in a call a trap may be: its first byte came, all of it came, it was answered."""

    BEGUN = "begun"
    HEARD = "heard"
    ANSWERED = "answered"


class Kind(NamedTuple):
    """A status for the first call of an id and one for those after it; CUT hangs up instead."""

    first: int
    then: int
    seconds: float = 0.0


CUT = 0
ANSWERS = {
    "quick": Kind(204, 204),
    "slow": Kind(204, 204, 0.4),
    # Longer than a lease of these tests.
    "late": Kind(204, 204, 2.5),
    "cut": Kind(CUT, 204),
    "fickle": Kind(500, 204),
    "failing": Kind(500, 500),
    "gone": Kind(404, 404),
    "mended": Kind(404, 204),
}


class Server:
    """All connections, what they heard, and the traps."""

    def __init__(self, record: int) -> None:
        self._record = record
        self._numbers = 0
        self._known: set[str] = set()
        self._seen: Counter[CallPoint] = Counter()
        self._traps: list[tuple[CallPoint, int, list[int]]] = []
        self._never = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which may bring many calls."""
        port = writer.get_extra_info("peername")[1]
        try:
            while first := await reader.read(1):
                began_at = time.time_ns() // 1_000_000
                self._reached(CallPoint.BEGUN, port)
                if not await self._call(first, began_at, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def command(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One line: a trap, or none any more."""
        words = (await reader.readline()).decode().split()
        if words[0] == "disarm":
            self._traps.clear()
        else:
            point = CallPoint(words[1])
            self._traps.append((point, self._seen[point] + int(words[2]), [*map(int, words[3:])]))
        writer.write(b"ok\n")
        writer.close()

    async def _call(
        self,
        first: bytes,
        began_at: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in fields}
        _, kind, id = head[0].split()[1].split("/")
        self._numbers += 1
        number = self._numbers
        told = {name: headers.get(f"x-timer-{name}") for name in ("id", "attempt", "due")}
        self._write(number=number, of=id, began_at=began_at, **told)
        await reader.readexactly(int(headers.get("content-length", "0")))
        port = writer.get_extra_info("peername")[1]
        self._reached(CallPoint.HEARD, port)
        status = ANSWERS[kind].then if id in self._known else ANSWERS[kind].first
        self._known.add(id)
        if ANSWERS[kind].seconds:
            await self._wait(ANSWERS[kind].seconds)
        if status != CUT:
            writer.write(f"HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n".encode())
        self._write(number=number, status=status, ended_at=time.time_ns() // 1_000_000)
        self._reached(CallPoint.ANSWERED, port)
        return status != CUT

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._never.wait()
        except TimeoutError:
            return

    def _write(self, **told: object) -> None:
        os.write(self._record, json.dumps(told).encode() + b"\n")

    def _reached(self, point: CallPoint, port: int) -> None:
        self._seen[point] += 1
        for armed in tuple(self._traps):
            if armed[0] is point and armed[1] == self._seen[point]:
                self._traps.remove(armed)
                if (pid := owner(port, armed[2])) is not None:
                    os.kill(pid, signal.SIGKILL)


async def serve(path: str) -> None:
    """Until killed."""
    server = Server(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    takers = (server.take, server.take, server.command)
    listening = [
        await asyncio.start_server(taker, "127.0.0.1", 0, backlog=1024) for taker in takers
    ]
    print(*(one.sockets[0].getsockname()[1] for one in listening), flush=True)
    await asyncio.gather(*(one.serve_forever() for one in listening))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
