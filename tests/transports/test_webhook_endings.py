"""How a webhook's call ends: each answer, each way of having none, and what is said of it."""

from __future__ import annotations

import gzip
import socket
import threading
from typing import Any

import pytest

from franking.core.timer.calls import LONGEST_WAIT_MS, Called
from franking.transports.names import Names
from franking.transports.webhook_answer import Answer, called, retry_after_ms

from .receiver import DUE, ENDLESS, HANG_UP, RESET, SILENCE, Receiver, answer, receiving, timer
from .scripted import until
from .test_webhook import webhook

AGAIN = (408, 425, 429, 500, 502, 503, 504, 599)
FINAL = (300, 301, 302, 303, 304, 307, 308, 399, 400, 401, 403, 404, 409, 410, 422, 499, 600, 999)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
async def test_2xx_is_done(status: int) -> None:
    async with receiving(f"HTTP/1.1 {status} Fine\r\nContent-Length: 0\r\n\r\n".encode()) as it:
        assert await call(it) == Called()


@pytest.mark.parametrize(
    ("status", "again"), [*((status, True) for status in AGAIN), *((s, False) for s in FINAL)]
)
async def test_all_else_fails_and_some_of_it_is_tried_again(status: int, again: bool) -> None:
    async with receiving(answer(f"{status} Words", b"", "Retry-After: 7")) as receiver:
        ended = await call(receiver)
        assert len(receiver.heard) == 1
    assert (ended.again, ended.after_ms) == (again, 7_000 if again else None)
    assert (ended.error or "").startswith(f"{status} Words")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "303 See Other", "307 Temporary"])
@pytest.mark.parametrize("method", ["get", "post", "head"])
async def test_a_redirect_is_not_followed(status: str, method: str) -> None:
    async with receiving() as other:
        async with receiving(answer(status, b"", f"Location: {other.url()}")) as receiver:
            ended = await call(receiver, method=method)
        assert other.connections == 0
    assert ended == Called(f"{status} (redirects are not followed)")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (answer("404 Not Found", b"no such hook"), "404 Not Found: no such hook"),
        (answer("404 Not Found"), "404 Not Found"),
        (answer("500 "), "500 Internal Server Error"),  # servers may leave the words out
        (answer("418 Kurz\x01und\tgut"), None),
        (answer("500 Oops", b' {\n  "e": 1}\r\n'), '500 Oops: {   "e": 1}'),
        (answer("500 Oops", b"a\x00\x1b[31m\xff\xe2\x80\xae"), "500 Oops: a��[31m��"),
        (answer("500 Oops", "Grüße 📮".encode()), "500 Oops: Grüße 📮"),
        (answer("500 Oops", b"x" * 501), "500 Oops: " + "x" * 500),
        (answer("500 " + "w" * 300), "500 " + "w" * 100),
        (answer("500 Oops", b"\x1f\x8b\x08", "Content-Encoding: gzip"), "500 Oops"),
        (answer("599 "), "599"),
    ],
)
async def test_the_receivers_words_are_kept_and_can_be_shown(said: bytes, told: str | None) -> None:
    async with receiving(said) as receiver:
        error = (await call(receiver)).error or ""
    assert error.isprintable()
    error.encode()
    if told is not None:
        assert error == told


async def test_what_is_in_the_url_is_not_told() -> None:
    for said in (answer("404 Not Found"), RESET, b"\x00\x01||", answer("302 Found")):
        async with receiving(said) as receiver, webhook() as caller:
            uri = receiver.url("/hook?token=hunter2#hunter2").replace("//", "//me:hunter2@")
            ended = await caller.call(timer(uri))
        assert ended.error is not None
        assert "hunter2" not in ended.error
        assert "hook" not in ended.error


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (HANG_UP, "{} closed the connection without an answer"),
        (b"HTTP/1.1 200||", "{} closed the connection without an answer"),  # half a head
        (b"HTTP/1.1 200 OK\r\nA: b\r\n||", "{} closed the connection without an answer"),
        (RESET, None),
        (b"SSH-2.0-OpenSSH_9.6\r\n||", "{} did not answer in HTTP: "),
        (b"HTTP/1.1 2xx OK\r\n\r\n||", "{} did not answer in HTTP: "),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", "{} did not answer in HTTP: "),
        (b"HTTP/1.1 200 OK\r\nA: ||endless", "{} did not answer in HTTP: "),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
async def test_no_answer_is_tried_again(said: bytes, told: str | None, method: str) -> None:
    async with receiving(said) as receiver:
        ended = await call(receiver, method=method)
        assert len(receiver.heard) == 1
    assert ended.again
    assert ended.error is not None
    assert ended.error.isprintable()
    place = f"127.0.0.1:{receiver.port}"
    assert place in ended.error
    assert told is None or ended.error.startswith(told.format(place))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_nobody_there_is_tried_again(host: str) -> None:
    async with receiving() as receiver:
        pass
    receiver.host = host
    assert await call(receiver) == Called(
        f"no connection to {host}:{receiver.port}: Connection refused", again=True
    )


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    names = Names(lookup=unknown)
    async with webhook(names) as caller:
        for _ in range(2):
            ended = await caller.call(timer("http://hooks.example.com/x"))
            assert ended == Called(
                "hooks.example.com:80 was not found: Name or service not known", again=True
            )


async def test_a_lookup_that_hangs_is_given_up() -> None:
    answered = threading.Event()
    try:
        names = Names(lookup=lambda *_, **__: [answered.wait()])
        async with webhook(names, connect_seconds=0.1) as caller:
            ended = await caller.call(timer("http://hooks.example.com/"))
    finally:
        answered.set()
    assert ended == Called(
        "no connection to hooks.example.com:80 came about within 0.1 s", again=True
    )


async def test_a_name_without_an_address_is_tried_again() -> None:
    async with webhook(Names(lookup=lambda *_, **__: [])) as caller:
        ended = await caller.call(timer("https://hooks.example.com/x"))
    assert ended == Called("hooks.example.com:443 was not found: no address is known", again=True)


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.example.com", "-.example.com"])
async def test_a_name_that_can_not_be_one_is_an_end_and_no_bug(host: str) -> None:
    async with webhook() as caller:
        assert (await caller.call(timer(f"http://{host}/"))).error


async def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [_started(port) for _ in range(4)]
        async with webhook(connect_seconds=0.1) as caller:
            ended = await caller.call(timer(f"http://127.0.0.1:{port}/"))
        for one in waiting:
            one.close()
    assert ended == Called(f"no connection to 127.0.0.1:{port} came about within 0.1 s", again=True)


async def test_a_tls_handshake_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        async with webhook(connect_seconds=0.1) as caller:
            ended = await caller.call(timer(f"https://127.0.0.1:{port}/"))
    assert ended == Called(f"no connection to 127.0.0.1:{port} came about within 0.1 s", again=True)


@pytest.mark.parametrize(
    "said", [SILENCE, b"HTTP/1.1 200 O||silence", b"HTTP/1.1 100 Continue\r\n\r\n||silence"]
)
async def test_a_receiver_that_hangs_is_given_up(said: bytes) -> None:
    async with receiving(said) as receiver:
        ended = await call(receiver, total_seconds=0.2)
        await until(lambda: receiver.ended == 1)
    assert ended == Called(f"127.0.0.1:{receiver.port} did not answer within 0.2 s", again=True)


HEAD = b"HTTP/1.1 %s\r\nContent-Length: 1000000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"


@pytest.mark.parametrize("head", [HEAD, CHUNKED])
@pytest.mark.parametrize("end", [b"start\r\n||silence", b"start\r\n||"])
@pytest.mark.parametrize(("status", "again"), [(b"200 OK", None), (b"503 Busy", True)])
async def test_the_head_of_an_answer_counts_though_its_body_does_not_end(
    head: bytes, end: bytes, status: bytes, again: bool | None
) -> None:
    async with receiving(head % status + end) as receiver:
        ended = await call(receiver, total_seconds=0.3)
        await until(lambda: receiver.ended == 1)
    if again is None:
        assert ended == Called()
    else:
        assert ended.again
        assert (ended.error or "").startswith("503 Busy: start")


@pytest.mark.parametrize("head", [HEAD % b"200 OK", HEAD % b"404 Not Found"])
async def test_of_an_endless_body_no_more_is_read_than_is_kept(head: bytes) -> None:
    async with receiving(head + b"||" + ENDLESS) as receiver:
        ended = await call(receiver)
        await until(lambda: receiver.ended == 1)
    assert receiver.written < 16_000_000
    assert ended.error is None or ended.error == "404 Not Found: " + "x" * 500


async def test_a_body_that_is_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    async with receiving(answer("200 OK", bomb, "Content-Encoding: gzip")) as receiver:
        async with webhook() as caller:
            for _ in range(2):
                assert await caller.call(timer(receiver.url())) == Called()
        # Unpacked it would have been too long to be read to its end.
        assert [heard.connection for heard in receiver.heard] == [1, 1]
        assert receiver.heard[0].header("accept-encoding") is None


@pytest.mark.parametrize(
    ("text", "wait_ms"),
    [
        ("0", 0),
        ("5", 5_000),
        (" 120 ", 120_000),
        ("99999999", LONGEST_WAIT_MS),
        ("9" * 15, LONGEST_WAIT_MS),
        ("Sat, 21 Nov 2026 14:06:00 GMT", 60_000),
        ("Saturday, 21-Nov-26 14:06:00 GMT", 60_000),
        ("Sat Nov 21 14:06:00 2026", 60_000),
        ("Sat, 21 Nov 2026 14:00:00 GMT", 0),  # has passed
        ("Sat, 21 Nov 9999 14:00:00 GMT", LONGEST_WAIT_MS),
        ("Sat, 21 Nov 2026 14:06:00 +9999", None),
        ("Sat, 99 Nov 2026 14:06:00 GMT", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 5000, None),
        ("1" * 16, None),
    ],
)
def test_a_receiver_may_say_when_to_come_back(text: str, wait_ms: int | None) -> None:
    assert retry_after_ms(text, DUE) == wait_ms
    assert called(Answer(503, "Busy", text), DUE) == Called("503 Busy", True, wait_ms)
    assert called(Answer(404, "No", text), DUE).after_ms is None


@pytest.mark.parametrize("status", [0, 100, 101, 199])
def test_what_comes_before_an_answer_is_none(status: int) -> None:
    ended = called(Answer(status), DUE)
    assert ended.error is not None
    assert not ended.again


async def test_switching_protocols_is_not_what_was_asked_for() -> None:
    async with receiving(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n||") as receiver:
        ended = await call(receiver)
    assert ended.error is not None


async def call(receiver: Receiver, *, method: str = "post", **options: Any) -> Called:
    async with webhook(**options) as caller:
        return await caller.call(timer(receiver.url(), method=method))


def unknown(*_: Any, **__: Any) -> list[Any]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _started(port: int) -> socket.socket:
    """Takes a place in the queue of a socket that accepts nobody."""
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", port))
    return one
