"""In its own process: creates timers over HTTP on kept connections, one a call.

The bytes of every request are made before the first is sent, and sockets are served by `epoll`
without an event loop, so that a caller costs a few microseconds and is not what is measured. The
same calls go to franking, to Skyring, and to a bare server that keeps nothing.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.cases import child
from bench.cases.spread import at

READ_BYTES = 65_536
STALL_SECONDS = 30
LATER_MS = 3_600_000


class Load(msgspec.Struct):
    """What to create: `count` timers whose receiver is at `uri`.

    The first is due `lead_ms` from the start, the others evenly within `over_ms` of it.
    """

    port: int
    count: int
    connections: int = 64
    uri: str = "http://127.0.0.1:9"
    transport: str = "http"
    data: Any = None
    lead_ms: int = LATER_MS
    over_ms: int = 0


def load(given: Load) -> dict[str, Any]:
    """Create them; rates and waits in seconds, times in milliseconds since 1970."""
    began_at = time.time_ns() // 1_000_000
    requests = [_request(given, number, began_at) for number in range(given.count)]
    callers = _Callers(given.port, given.connections)
    cpu = time.process_time()
    seconds, waits = callers.call(requests)
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu,
        "p50_seconds": at(waits, 0.5),
        "p99_seconds": at(waits, 0.99),
        "first_due_ms": began_at + given.lead_ms,
        "ended_ms": time.time_ns() // 1_000_000,
    }


class _Callers:
    """So many connections, each of which sends a request when its last was answered."""

    def __init__(self, port: int, connections: int) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(connections):
            made = socket.create_connection(("127.0.0.1", port), timeout=STALL_SECONDS)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[made.fileno()] = made
            self._poll.register(made, select.EPOLLIN)

    def call(self, requests: list[bytes]) -> tuple[float, list[float]]:
        """Send them all; how long that took, and each wait."""
        left = iter(requests)
        sent: dict[int, float] = {}
        waits: list[float] = []
        began = time.perf_counter()
        for number in self._sockets:
            self._send(number, left, sent)
        while len(waits) < len(requests):
            ready = self._poll.poll(STALL_SECONDS)
            if not ready:
                sys.exit("The server does not answer.")
            for number, _ in ready:
                self._answered(number)
                waits.append(time.perf_counter() - sent[number])
                self._send(number, left, sent)
        return time.perf_counter() - began, waits

    def _send(self, number: int, left: Iterator[bytes], sent: dict[int, float]) -> None:
        request = next(left, None)
        if request is not None:
            sent[number] = time.perf_counter()
            self._sockets[number].sendall(request)

    def _answered(self, number: int) -> None:
        """Take the answer: a 201, all of which is its head."""
        answer = self._sockets[number].recv(READ_BYTES)
        while answer and b"\r\n\r\n" not in answer:
            more = self._sockets[number].recv(READ_BYTES)
            answer = answer + more if more else b""
        if answer[9:12] != b"201":
            sys.exit(f"The server answered {answer[:200]!r}.")


def _request(given: Load, number: int, began_at: int) -> bytes:
    # Skyring's `created` makes a due time of a timeout, to the millisecond.
    timeout = given.lead_ms + given.over_ms * number // given.count
    timer = {
        "timeout": timeout,
        "created": began_at,
        "data": {"number": number} if given.data is None else given.data,
        "callback": {
            "transport": given.transport,
            "method": "post",
            "uri": f"{given.uri}/due/{began_at + timeout}",
        },
    }
    body = msgspec.json.encode(timer)
    head = "POST /timer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    child.tell(load(msgspec.json.decode(sys.argv[1], type=Load)))
