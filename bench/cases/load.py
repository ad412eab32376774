"""In its own process: HTTP calls on kept connections, over bare sockets so that it is no limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from bench.cases import child
from bench.cases.documents import document


async def load(
    port: int, target: str, connections: int, calls: int, documents: int
) -> dict[str, Any]:
    """POST `calls` bodies to `target`; one document each, or an array of so many."""
    requests = iter([_request(target, number, documents) for number in range(calls)])
    loop = asyncio.get_running_loop()
    callers = [_Caller(requests, loop.create_future()) for _ in range(connections)]
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)  # type: ignore[misc]
    began, cpu = time.perf_counter(), time.process_time()
    for caller in callers:
        caller.call()
    await asyncio.gather(*(caller.done for caller in callers))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "cpu_seconds": time.process_time() - cpu}


class _Caller(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.done = done
        self._requests = requests
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def call(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self.done.done():
            self._transport.close()
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark or len(body) < _length(head):
            return
        if head[9:12] not in (b"200", b"201"):
            self._fail(f"the server answered {head[:40]!r}")
            return
        self._buffer = b""
        self.call()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server hung up: {exc}")

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(why))


def _length(head: bytes) -> int:
    named = head.lower().partition(b"content-length:")[2]
    return int(named.partition(b"\r\n")[0])


def _request(target: str, number: int, documents: int) -> bytes:
    first = number * documents
    given: Any = [document(each) for each in range(first, first + documents)]
    body = msgspec.json.encode(given if documents > 1 else given[0])
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    child.answer(load)
