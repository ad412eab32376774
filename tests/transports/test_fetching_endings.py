"""How the fetching of an attachment ends badly: each way, what is told, and whether it passes."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import tracemalloc
from typing import Any

import pytest

from franking.compose.envelope import Unsendable
from franking.compose.links import Link
from franking.transports.names import Names

from .files import FILES, PDF, Zone, at, fetching, got, hosts, missed
from .receiver import ENDLESS, HANG_UP, RESET, SILENCE, answer, receiving
from .scripted import until

MEGABYTE = 1024 * 1024
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "status",
    [*(300, 304, 305, 306, 206, 400, 401, 402, 403, 404, 405, 407, 410, 418, 451, 499, 600, 999)],
)
async def test_what_is_no_file_is_final(status: int) -> None:
    said = answer(f"{status} No", b"" if status == 304 else b"secret", "Retry-After: 5")
    async with receiving(said) as there, fetching(hosts(there)) as fetcher:
        ending = await missed(fetcher, at(there))
        assert len(there.heard) == 1
    assert ending == Unsendable(
        f"Error: Invalid status code {status}", "message_content", "message_malformed"
    )


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_a_host_in_trouble_may_be_out_of_it_soon(status: int) -> None:
    async with receiving(answer(f"{status} No")) as there, fetching(hosts(there)) as fetcher:
        ending = await missed(fetcher, at(there))
        assert len(there.heard) == 1
    assert ending.error == f"Error: Invalid status code {status}"
    assert (ending.category, ending.cause) == ("service_unavailable", "server_error")
    assert ending.temporary


async def test_a_redirect_to_nowhere_is_a_status() -> None:
    async with receiving(answer("302 Found")) as there, fetching(hosts(there)) as fetcher:
        assert (await missed(fetcher, at(there))).error == "Error: Invalid status code 302"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (HANG_UP, "{} closed the connection without an answer"),
        (b"HTTP/1.1 200||", "{} closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n||", "{} did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "{} did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", "{} did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: ||endless", "{} did not answer in HTTP"),
        (
            LENGTH % 9 + b"short||",
            "the connection to {} ended before the whole attachment had come",
        ),
        (CHUNKS + b"5\r\nshort\r\n||", "the connection to {} ended before the whole attachment"),
        (CHUNKS + b"5\r\nsho||", "the connection to {} ended before the whole attachment had come"),
    ],
)
async def test_what_breaks_off_may_hold_the_next_time(said: bytes, told: str) -> None:
    async with receiving(said) as there, fetching(hosts(there)) as fetcher:
        ending = await missed(fetcher, at(there))
        assert len(there.heard) == 1
    assert ending.error.startswith("Error: " + told.format(f"{FILES}:{there.port}"))
    assert (ending.category, ending.temporary) == ("service_unavailable", True)


@pytest.mark.parametrize("said", [RESET, CHUNKS + b"zz\r\nshort\r\n||"])
async def test_what_breaks_is_told_somehow(said: bytes) -> None:
    async with receiving(said) as there, fetching(hosts(there)) as fetcher:
        ending = await missed(fetcher, at(there))
    assert f"{FILES}:{there.port}" in ending.error
    assert ending.temporary


async def test_more_than_was_announced_is_not_read() -> None:
    async with (
        receiving(LENGTH % 5 + b"helloHTTP/1.1 200 OK\r\n\r\n||endless") as there,
        fetching(hosts(there)) as fetcher,
    ):
        assert (await got(fetcher, at(there))).octets == b"hello"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_nobody_there_is_told_in_nodes_words(address: str) -> None:
    async with receiving() as gone:
        pass
    host = f"[{address}]" if ":" in address else address
    async with fetching(f"{host}:{gone.port}", Names("allow")) as fetcher:
        ending = await missed(fetcher, f"http://{host}:{gone.port}/x?token=1")
    assert ending == Unsendable(
        f"Error: connect ECONNREFUSED {host}:{gone.port}",
        "service_unavailable",
        "connection_failed",
        temporary=True,
    )


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (socket.EAI_NONAME, "ENOTFOUND"),
        (socket.EAI_AGAIN, "EAI_AGAIN"),
        (socket.EAI_FAIL, "EAI_FAIL"),
        (-99, "ENOTFOUND"),
    ],
)
async def test_a_name_that_is_not_found_is_told_in_nodes_words(number: int, told: str) -> None:
    def lookup(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(number, "no")

    async with fetching(FILES, Names(lookup=lookup)) as fetcher:
        for _ in range(2):
            ending = await missed(fetcher, f"https://{FILES}/x")
            assert ending.error == f"Error: getaddrinfo {told} {FILES}"
            assert ending.temporary


async def test_a_lookup_that_hangs_is_given_up() -> None:
    answered = threading.Event()
    try:
        names = Names(lookup=lambda *_, **__: [answered.wait()])
        async with fetching(FILES, names, connect_seconds=0.1) as fetcher:
            ending = await missed(fetcher, f"https://{FILES}/")
    finally:
        answered.set()
    assert ending.error == f"Error: connect ETIMEDOUT {FILES}:443"
    assert ending.temporary


async def test_a_tls_handshake_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        async with fetching(f"{FILES}:{port}", connect_seconds=0.1) as fetcher:
            ending = await missed(fetcher, f"https://{FILES}:{port}/")
    assert ending.error == f"Error: connect ETIMEDOUT {FILES}:{port}"


@pytest.mark.parametrize(
    "said",
    [
        SILENCE,
        b"HTTP/1.1 200 O||silence",
        b"HTTP/1.1 100 Continue\r\n\r\n||silence",
        LENGTH % 1000 + b"x||silence",
        CHUNKS + b"5\r\n||silence",
    ],
)
async def test_a_host_that_hangs_is_given_up(said: bytes) -> None:
    async with receiving(said) as there, fetching(hosts(there), seconds=0.2) as fetcher:
        ending = await missed(fetcher, at(there))
        await until(lambda: there.ended == there.connections)
    place = f"{FILES}:{there.port}"
    assert ending.error == f"Error: Timeout: {place} did not send the attachment within 0.2 s"
    assert (ending.cause, ending.temporary) == ("connection_failed", True)


async def test_given_up_at_whatever_moment_no_connection_stays() -> None:
    moments = set()
    for number in range(60):
        async with (
            receiving(SILENCE) as there,
            fetching(hosts(there), seconds=number / 10_000) as fetcher,
        ):
            await missed(fetcher, at(there))
            await until(lambda there=there: there.ended == there.connections)  # type: ignore[misc]
            moments.add((there.connections, len(there.heard)))
    assert {(0, 0), (1, 1)} <= moments


async def test_a_drip_is_given_up_though_something_always_comes() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(LENGTH % 1_000_000)
        loop = asyncio.get_running_loop()
        while not writer.is_closing():
            writer.write(b"x")
            turned = loop.create_future()
            loop.call_later(0.02, turned.set_result, None)
            await turned

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with fetching(f"{FILES}:{port}", seconds=0.3) as fetcher:
        ending = await missed(fetcher, f"http://{FILES}:{port}/")
    server.close()
    assert ending.error.startswith(f"Error: Timeout: {FILES}:{port} did not send")


async def test_redirects_share_one_time() -> None:
    moved = answer("302 Found", b"", "Location: /again")
    async with (
        receiving(moved, moved, moved, SILENCE) as there,
        fetching(hosts(there), seconds=0.3) as fetcher,
    ):
        ending = await missed(fetcher, at(there))
    assert "did not send the attachment within 0.3 s" in ending.error


@pytest.mark.parametrize(
    ("octets", "whole"), [(MEGABYTE, True), (MEGABYTE + 1, False), (20 * MEGABYTE, False)]
)
@pytest.mark.parametrize("announced", [True, False])
async def test_an_attachment_may_be_so_large_and_no_larger(
    octets: int, whole: bool, announced: bool
) -> None:
    head = LENGTH % octets if announced else b"HTTP/1.1 200 OK\r\n\r\n"
    async with (
        receiving(head + bytes(octets) + b"||") as there,
        fetching(hosts(there), octets=MEGABYTE) as fetcher,
    ):
        if whole:
            assert len((await got(fetcher, at(there))).octets) == octets
            return
        ending = await missed(fetcher, at(there))
    place = f"{FILES}:{there.port}"
    assert ending.error == f"Error: Attachment is too large: {place} sent more than 1 MB"
    assert (ending.category, ending.temporary) == ("message_too_large", False)


@pytest.mark.parametrize("start", [LENGTH % (10**12), b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_of_an_endless_body_no_more_is_read_than_may_be_kept(start: bytes) -> None:
    async with receiving(start + b"||" + ENDLESS) as there:
        async with fetching(hosts(there), octets=100_000) as fetcher:
            ending = await missed(fetcher, at(there))
            await until(lambda: there.ended == 1)
        assert there.written < 16 * MEGABYTE
    assert ending.error.endswith("sent more than 100000 bytes")


@pytest.mark.parametrize(
    "said",
    [
        LENGTH % 2_000_000 + b"||silence",  # is not waited for
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
        + gzip.compress(b"x", mtime=0)
        + bytes(2_000_000),
    ],
)
async def test_what_is_announced_counts_and_what_is_packed_does_too(said: bytes) -> None:
    async with receiving(said) as there, fetching(hosts(there), octets=1_000_000) as fetcher:
        ending = await missed(fetcher, at(there))
    assert ending.error.endswith("sent more than 1000000 bytes")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked(encoding: str) -> None:
    bomb = gzip.compress(bytes(200 * MEGABYTE))
    said = answer("200 OK", bomb, f"Content-Encoding: {encoding}")
    async with receiving(said) as there, fetching(hosts(there), octets=MEGABYTE) as fetcher:
        tracemalloc.start()
        ending = await missed(fetcher, at(there))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert ending.error.endswith("sent more than 1 MB")
    assert most < 10 * MEGABYTE


async def test_a_mails_attachments_may_be_so_large_together() -> None:
    body = answer("200 OK", bytes(MEGABYTE))
    async with (
        receiving(body) as there,
        fetching(hosts(there), octets=MEGABYTE, mail_octets=3 * MEGABYTE) as fetcher,
    ):
        three = [Link(at(there, path=f"/{name}")) for name in "abc"]
        assert not isinstance(await fetcher.fetch(three, 1), Unsendable)
        ending = await missed(fetcher, *(at(there, path=f"/{name}") for name in "abcd"))
        repeated = await missed(fetcher, *[at(there)] * 4)
        # Every mail has its own allowance.
        assert not isinstance(await fetcher.fetch(three, 2), Unsendable)
    told = "Error: Attachment is too large: those of this email together have more than 3 MB"
    assert ending.error == repeated.error == told
    assert ending.category == "message_too_large"


@pytest.mark.parametrize(
    ("body", "encoding", "told"),
    [
        (b"x", "br", "its Content-Encoding is br"),
        (b"x", "gzip, gzip", "its Content-Encoding is gzip,gzip"),
        (b"x", "zstd" * 20, "its Content-Encoding is " + ("zstd" * 20)[:40]),
        (b"hello", "gzip", "it is not packed as it says"),
        (gzip.compress(b"hello", mtime=0)[:-1], "gzip", "it ends before its end"),
        (gzip.compress(b"hello", mtime=0) + b"junk", "gzip", "it is not packed as it says"),
        (gzip.compress(b"", mtime=0) * 1001, "gzip", "it is packed in more than 1000 pieces"),
    ],
)
async def test_what_can_not_be_unpacked_is_told(body: bytes, encoding: str, told: str) -> None:
    lines = [f"Content-Encoding: {one.strip()}" for one in encoding.split(",")]
    async with (
        receiving(answer("200 OK", body, *lines)) as there,
        fetching(hosts(there)) as fetcher,
    ):
        ending = await missed(fetcher, at(there))
    place = f"{FILES}:{there.port}"
    assert ending.error == f"Error: Attachment from {place} can't be read: {told}"
    assert (ending.category, ending.temporary) == ("message_content", False)


async def test_what_is_in_the_url_or_its_headers_is_not_told() -> None:
    for said in (answer("404 No"), answer("302 Found", b"", "Location: http://x.example/hunter2")):
        async with receiving(said) as there, fetching(hosts(there)) as fetcher:
            link = Link(at(there, path="/hunter2?k=hunter2"), (("X-Key", "hunter2"),))
            ending = await fetcher.fetch([link], 1)
            assert isinstance(ending, Unsendable)
            assert "hunter2" not in f"{ending.error} {ending.said}"


async def test_of_several_that_fail_the_first_ends_the_others() -> None:
    async with (
        receiving(SILENCE) as slow,
        receiving(answer("403 No")) as there,
        fetching(hosts(slow, there)) as fetcher,
    ):
        ending = await missed(fetcher, at(slow), at(there), at(slow, path="/b"))
        await until(lambda: slow.connections == slow.ended)
    assert ending.error == "Error: Invalid status code 403"


async def test_who_is_fetched_for_is_told_when_it_is_closed() -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there)) as fetcher:
        asking = asyncio.create_task(fetcher.fetch([Link(at(there))], 1))
        await until(lambda: len(there.heard) == 1)
        await fetcher.close()
        ending = await asking
        assert isinstance(ending, Unsendable)
        assert ending.temporary
        after = await missed(fetcher, at(there))
    assert after.error == f"Error: {FILES}:{there.port} was not asked: franking is stopping"
    assert after.temporary


async def test_a_fetch_that_is_cancelled_hangs_up_at_once() -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there)) as fetcher:
        asking = asyncio.create_task(fetcher.fetch([Link(at(there)), Link(at(there, path="/"))], 1))
        await until(lambda: len(there.heard) == 2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: there.ended == 2)


async def test_an_empty_zone_is_asked_once_for_each_fetch() -> None:
    zone = Zone({})
    async with fetching(FILES, Names(lookup=zone)) as fetcher:
        await missed(fetcher, f"https://{FILES}/a")
    assert zone.asked == [FILES]
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        await got(fetcher, at(there))
