"""Lines over TCP: what arrives, and how a call ends that does not get there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from franking.core.timer import Callback, Timer
from franking.core.timer.calls import Called
from franking.transports.line import Line
from franking.transports.names import Names

from .receiver import timer as http_timer
from .scripted import until
from .test_addresses import Lookups, only_the_second
from .test_webhook_endings import unknown

DEADLINE_SECONDS = 10.0


class Listener:
    """Keeps what each connection brought, up to its end."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.lines.append(await reader.read())
        writer.close()


@asynccontextmanager
async def listening(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, host, port)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()


@asynccontextmanager
async def line(names: Names | None = None, **options: Any) -> AsyncIterator[Line]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        caller = Line(names, **options)
        try:
            yield caller
        finally:
            await caller.close()


def timer(uri: str, data: bytes | None = b'"hello"') -> Timer:
    return msgspec.structs.replace(http_timer(uri, data), callback=Callback("tcp", "post", uri))


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b'"hello"', b"hello\n"),
        ('"gr\u00fc\\u00df\\t"'.encode(), "grüß\t\n".encode()),
        (b'"a\\nb\\r\\n"', b"a\nb\r\n\n"),  # as it is
        (b'""', b"\n"),
        (b'{"foo": {"bar" : 1.0e2},\r\n "t": "a b\\n"}', b'{"foo":{"bar":1.0e2},"t":"a b\\n"}\n'),
        (b"{}", b"{}\n"),
        (None, b"\n"),
        (b'"' + b"x" * 3_000_000 + b'"', b"x" * 3_000_000 + b"\n"),
    ],
)
async def test_the_data_arrives_as_one_line(data: bytes | None, written: bytes) -> None:
    async with listening() as listener, line() as caller:
        assert await caller.call(timer(f"tcp://127.0.0.1:{listener.port}", data)) == Called()
        await until(lambda: len(listener.lines) == 1)
    assert listener.lines == [written]


@pytest.mark.parametrize("uri", ["tcp://127.0.0.1:{}/", "TCP://127.0.0.1:{}", "tcp://localhost:{}"])
async def test_these_lead_there_too(uri: str) -> None:
    async with listening() as listener, line() as caller:
        assert await caller.call(timer(uri.format(listener.port))) == Called()


@pytest.mark.parametrize(
    "uri",
    [
        *("", "tcp://", "tcp://host", "tcp://:80", "tcp://host:0", "tcp://host:99999"),
        *("tcp://host:x", "http://host:80", "host:80", "tcp://[::1", "tcp://a b:80", "tcp://ü:80"),
        "tcp:host:80",
    ],
)
async def test_what_is_no_address_fails_at_once(uri: str) -> None:
    async with line() as caller:
        ended = await caller.call(timer(uri))
    assert (ended.error or "").startswith("ETCPERR: the URI ")
    assert "must be tcp://host:port" in (ended.error or "")
    assert not ended.again


async def test_a_string_that_is_no_text_fails_at_once() -> None:
    async with line() as caller:
        ended = await caller.call(timer("tcp://127.0.0.1:1", b'"\\ud800"'))
    assert ended == Called("ETCPERR: the timer's data is no text that could be sent")


async def test_nobody_there_is_tried_again() -> None:
    async with listening() as listener:
        pass
    async with line() as caller:
        ended = await caller.call(timer(f"tcp://127.0.0.1:{listener.port}"))
    assert ended == Called(
        f"ETCPERR: no line could be written to 127.0.0.1:{listener.port}: Connection refused", True
    )


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    async with line(Names(lookup=unknown)) as caller:
        ended = await caller.call(timer("tcp://lines.example.com:9"))
    assert ended == Called(
        "ETCPERR: no line could be written to lines.example.com:9: Name or service not known", True
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
async def test_a_private_address_is_not_called_where_that_is_closed(host: str) -> None:
    async with listening() as listener, line(Names("deny")) as caller:
        ended = await caller.call(timer(f"tcp://{host}:{listener.port}"))
        assert listener.connections == 0
    assert (ended.error or "").startswith(f"ETCPERR: {host.strip('[]')} is at a private address")
    assert not ended.again


async def test_of_a_names_addresses_the_first_open_one_that_answers_is_taken() -> None:
    lookups = Lookups(["127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4"])
    names = Names("deny", lookup=lookups, closed=only_the_second)
    async with listening() as listener, listening("127.0.0.2", listener.port) as closed:
        async with line(names) as caller:
            uri = f"tcp://lines.example.com:{listener.port}"
            assert await caller.call(timer(uri)) == Called()
        assert (listener.connections, closed.connections) == (1, 0)
    assert len(lookups.asked) == 1


async def test_a_listener_that_reads_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        async with line(total_seconds=0.2) as caller:
            ended = await caller.call(timer(f"tcp://127.0.0.1:{port}", LARGE))
    assert ended == Called(f"ETCPERR: 127.0.0.1:{port} did not take the line in time", True)


async def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [started(full.getsockname()) for _ in range(4)]
        async with line(connect_seconds=0.1) as caller:
            ended = await caller.call(timer(f"tcp://127.0.0.1:{full.getsockname()[1]}"))
        for one in waiting:
            one.close()
    assert ended.again
    assert "did not take the line in time" in (ended.error or "")


async def test_a_listener_that_hangs_up_in_the_midst_is_tried_again() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    async with line() as caller:
        ended = await caller.call(timer(f"tcp://127.0.0.1:{port}", LARGE))
    server.close()
    assert ended.again
    assert (ended.error or "").startswith("ETCPERR: no line could be written to 127.0.0.1:")


async def test_the_caller_ends_calls_when_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with line() as caller:
            uri = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
            call = asyncio.create_task(caller.call(timer(uri, LARGE)))
            await until(lambda: len(caller._open) == 1)
            await caller.close()
            told = f"ETCPERR: no line could be written to {uri[6:]}: franking is stopping"
            assert await call == Called(told, again=True)
            assert await caller.call(timer(uri)) == Called(told, again=True)


async def test_who_never_gets_a_place_was_not_called() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        uri = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        async with line(connections_each=1, total_seconds=0.2) as caller:
            ends = await asyncio.gather(*(caller.call(timer(uri, LARGE)) for _ in range(4)))
    assert all(end.again for end in ends)
    assert any("too many calls to it are under way" in (end.error or "") for end in ends)


LARGE = b'"' + b"x" * 20_000_000 + b'"'


def started(address: tuple[str, int]) -> socket.socket:
    """Takes a place in the queue of a socket that accepts nobody."""
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(address)
    return one
