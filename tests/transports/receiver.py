"""A receiver of timers: takes raw requests, and answers with the bytes that a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from franking.core.timer import Callback, Timer, TimerState

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
HANG_UP = b""
RESET = b"reset"
# Nothing is said, and the connection stays.
SILENCE = b"silence"
# Is read and never answered to its end: bytes without a pause.
ENDLESS = b"endless"
DUE = 1_795_269_900_000


class Heard(msgspec.Struct, frozen=True):
    """One request, as it came over the wire; the names of headers are in lower case."""

    verb: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} came twice"
        return found[0] if found else None


class Receiver:
    """`answers` are used up one by one, the last stays; a list is said piece by piece."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.answers = list(answers) or [OK]
        self.heard: list[Heard] = []
        self.connections = 0
        self.ended = 0
        self.at_once = 0
        self.most_at_once = 0
        self.written = 0
        self.release = asyncio.Event()
        self.open: set[asyncio.StreamWriter] = set()
        self.host, self.port, self.scheme = "127.0.0.1", 0, "http"

    def url(self, path: str = "/hook") -> str:
        return f"{self.scheme}://{self.host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        number = self.connections
        self.open.add(writer)
        try:
            while (heard := await _request(reader, number)) is not None:
                self.heard.append(heard)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    if not await self._answer(reader, writer):
                        return
                finally:
                    self.at_once -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            self.open.discard(writer)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        start, _, rest = answer.partition(b"||")
        if rest == ENDLESS:
            await self._flood(start, writer)
        elif rest == SILENCE or answer == SILENCE:
            writer.write(start if rest else b"")
            await self._silence(reader)
        elif answer == RESET:
            writer.transport.abort()
            return False
        elif rest == HANG_UP and answer.endswith(b"||"):
            writer.write(start)
            await writer.drain()
            writer.close()
            return False
        else:
            writer.write(answer)
        return answer != HANG_UP

    async def _flood(self, start: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"x" * 4096)
            self.written += 4096
            await writer.drain()

    async def _silence(self, reader: asyncio.StreamReader) -> None:
        """Until the test lets go, or the caller hangs up."""
        gone = asyncio.ensure_future(reader.read())
        free = asyncio.ensure_future(self.release.wait())
        await asyncio.wait((gone, free), return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, free):
            task.cancel()
        raise ConnectionError


async def _request(reader: asyncio.StreamReader, connection: int) -> Heard | None:
    line = await reader.readline()
    if not line:
        return None
    verb, path, version = line.decode().split()
    assert version == "HTTP/1.1"
    headers = []
    while (field := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = field.decode("ascii").partition(":")
        headers.append((name.lower(), value.strip()))
    length = int(dict(headers).get("content-length", "0"))
    return Heard(verb, path, headers, await reader.readexactly(length), connection)


@asynccontextmanager
async def receiving(
    *answers: bytes, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(answers)
    server = await asyncio.start_server(receiver.serve, host, port, ssl=tls)
    receiver.host = f"[{host}]" if ":" in host else host
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.scheme = "https" if tls else "http"
    try:
        yield receiver
    finally:
        server.close()
        for writer in tuple(receiver.open):
            writer.transport.abort()


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """`answer("404 Not Found", b"no such thing", "Retry-After: 5")`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def timer(
    uri: str, data: bytes | None = b'"hello"', *, method: str = "post", ident: str = "t-1"
) -> Timer:
    """A timer that is being served, on its second attempt."""
    return Timer(
        seq=7,
        id=ident,
        state=TimerState.SERVED,
        callback=Callback("http", method, uri),
        due_at=DUE,
        created_at=DUE - 1000,
        data=None if data is None else msgspec.Raw(data),
        revision=3,
        attempt=2,
        epoch=5,
    )
