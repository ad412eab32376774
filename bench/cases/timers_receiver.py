"""In its own process: the receiver of timers; answers 200 at once and notes when each came.

GET /count tells how many came, GET /told by how many milliseconds each came late, in the order in
which they came, and GET /came when, in seconds since 1970. When a timer was due is in franking's
header `x-timer-due`; in Skyring's calls, which have none, at the end of the path.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, cast

import msgspec

from bench.cases import child
from franking.app.service import signalled
from franking.core import times

BACKLOG = 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DUE = re.compile(rb"\r\nx-timer-due: *(\S+)", re.IGNORECASE)
_PATH = re.compile(rb"/due/(\d+) ")
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


async def receive() -> dict[str, Any]:
    """Receive until SIGTERM."""
    stop = signalled()
    came: list[tuple[int, bytes]] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(came), "127.0.0.1", 0, backlog=BACKLOG)
    child.tell({"port": server.sockets[0].getsockname()[1]})
    await stop.wait()
    server.close()
    return {"count": len(came)}


class _Connection(asyncio.Protocol):
    """One caller, kept as long as it likes."""

    def __init__(self, came: list[tuple[int, bytes]]) -> None:
        self._came = came
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = _LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        self._buffer = b""
        if head.startswith(b"GET "):
            told = msgspec.json.encode(_told(head.split(b" ")[1], self._came))
        else:
            told = b""
            self._came.append((time.time_ns(), head))
        self._transport.write(_OK % (len(told), told))


def _told(path: bytes, came: list[tuple[int, bytes]]) -> Any:
    if path == b"/count":
        return len(came)
    if path == b"/came":
        return [at / 1e9 for at, _ in came]
    return [at / 1e6 - _due_ms(head) for at, head in came]


def _due_ms(head: bytes) -> int:
    found = _DUE.search(head)
    if found is not None:
        return times.parse(found[1].decode())
    path = _PATH.search(head)
    assert path is not None
    return int(path[1])


if __name__ == "__main__":
    child.answer(receive)
