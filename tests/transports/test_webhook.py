"""What receivers of webhooks are sent, byte for byte, and over which connections."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from franking import __version__
from franking.clock import HandClock
from franking.core.timer.calls import Called
from franking.transports import webhook_exchange
from franking.transports.names import Names
from franking.transports.places import NoPlace, Places
from franking.transports.webhook import Webhook

from .receiver import HANG_UP, OK, SILENCE, answer, receiving, timer
from .scripted import until

DEADLINE_SECONDS = 10.0
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
JSON_TYPE = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


@asynccontextmanager
async def webhook(names: Names | None = None, **options: Any) -> AsyncIterator[Webhook]:
    """One that is closed at the end, within the deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        caller = Webhook(HandClock(), names, **options)
        try:
            yield caller
        finally:
            await caller.close()


@pytest.mark.parametrize(
    ("data", "body", "kind", "accept"),
    [
        (b'"hello"', b"hello", FORM, "*/*"),
        (b'"{\\"a\\":1}"', b'{"a":1}', FORM, "*/*"),  # a string stays one, whatever it holds
        (b'"a=1&b=%20+"', b"a=1&b=%20+", FORM, "*/*"),
        (b' "\\u00e9\\r\\n\\u0000 "', "é\r\n\0 ".encode(), FORM, "*/*"),
        (b'""', b"", FORM, "*/*"),
        (b'{"foo": {"bar":1.0e2}}', b'{"foo": {"bar":1.0e2}}', JSON_TYPE, "application/json"),
        ('{"é":"\\u00e9"}'.encode(), '{"é":"\\u00e9"}'.encode(), JSON_TYPE, "application/json"),
        (b"{}", b"{}", JSON_TYPE, "application/json"),
        (None, b"", None, "*/*"),
        (b"null", b"", None, "*/*"),
    ],
)
@pytest.mark.parametrize("method", ["post", "get"])
async def test_a_body_arrives_byte_for_byte(
    data: bytes | None, body: bytes, kind: str | None, accept: str, method: str
) -> None:
    async with receiving() as receiver, webhook() as caller:
        assert await caller.call(timer(receiver.url(), data, method=method)) == Called()
        (heard,) = receiver.heard
    assert heard.body == body
    assert heard.header("content-length") == str(len(body))
    assert heard.header("content-type") == kind
    assert heard.header("accept") == accept


async def test_these_headers_are_sent_and_no_others() -> None:
    async with receiving() as receiver, webhook() as caller:
        await caller.call(timer(receiver.url()))
        (heard,) = receiver.heard
    assert heard.headers == [
        ("host", f"127.0.0.1:{receiver.port}"),
        ("user-agent", f"franking/{__version__}"),
        ("accept", "*/*"),
        ("content-length", "5"),
        ("x-timer-id", "t-1"),
        ("x-timer-attempt", "2"),
        ("x-timer-due", "2026-11-21T14:05:00.000Z"),
        ("content-type", FORM),
    ]


async def test_a_large_body_arrives_whole() -> None:
    text = "x" * 1_000_000
    async with receiving() as receiver, webhook() as caller:
        assert await caller.call(timer(receiver.url(), f'"{text}"'.encode())) == Called()
        assert receiver.heard[0].body == text.encode()


@pytest.mark.parametrize("method", ["post", "PUT", "Patch", "delete", "get", "OPTIONS", "head"])
async def test_every_verb_is_called_in_any_case(method: str) -> None:
    async with receiving(answer("200 OK")) as receiver, webhook() as caller:
        assert await caller.call(timer(receiver.url(), method=method)) == Called()
        assert [heard.verb for heard in receiver.heard] == [method.upper()]


@pytest.mark.parametrize("method", ["fake", "", "POST /x HTTP/1.1\r\nA: b", "ſ", "trace", "x" * 99])
async def test_another_verb_is_named_and_not_called(method: str) -> None:
    async with receiving() as receiver, webhook() as caller:
        called = await caller.call(timer(receiver.url(), method=method))
        assert receiver.connections == 0
    assert called.error is not None
    assert called.error.startswith('ESRHTTP: "')
    assert method.split("\r")[0][:40] in called.error
    assert called.error.isprintable()
    assert (called.again, called.after_ms) == (False, None)


@pytest.mark.parametrize(
    ("ident", "sent"),
    [
        ("3f0c-4b", "3f0c-4b"),
        ("a/b?c=d&e#f:g~!$'()*,;@[]", "a/b?c=d&e#f:g~!$'()*,;@[]"),
        ("a b", "a%20b"),
        ("a%20b", "a%2520b"),  # so that no two ids are sent alike
        ("tür", "t%C3%BCr"),
        ("\U0001f4ee", "%F0%9F%93%AE"),
        ("x\r\ny: z", "x%0D%0Ay:%20z"),
        ("\ud800", "?"),
    ],
)
async def test_an_id_is_a_legal_header_whatever_it_is(ident: str, sent: str) -> None:
    async with receiving() as receiver, webhook(secrets=[SECRET]) as caller:
        assert await caller.call(timer(receiver.url(), ident=ident)) == Called()
        (heard,) = receiver.heard
    assert heard.header("x-timer-id") == sent
    assert heard.header("webhook-id") == f"{sent}.3"
    assert heard.header("y") is None


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("", "/"),
        ("?a=1", "/?a=1"),
        ("/p%7E%2f/../x;v=1?q=%20+%2B&q=", "/p%7E%2f/../x;v=1?q=%20+%2B&q="),  # as it is written
        ("/a b?ü=é", "/a%20b?%C3%BC=%C3%A9"),
        ("/a#fragment", "/a"),
        ("/a\r\nX-Evil: 1", "/aX-Evil:%201"),
    ],
)
async def test_a_url_is_called_as_it_is_written(written: str, sent: str) -> None:
    async with receiving() as receiver, webhook() as caller:
        assert await caller.call(timer(receiver.url(written))) == Called()
        (heard,) = receiver.heard
    assert heard.path == sent
    assert heard.header("x-evil") is None


@pytest.mark.parametrize(
    ("userinfo", "pair"),
    [("u:p", "u:p"), ("x:fk_%40%3A", "x:fk_@:"), ("u", "u:"), (":p", ":p"), ("ü:p%C3%A9", "ü:pé")],
)
async def test_userinfo_becomes_basic_authorization(userinfo: str, pair: str) -> None:
    async with receiving() as receiver, webhook() as caller:
        uri = receiver.url().replace("//", f"//{userinfo}@")
        assert await caller.call(timer(uri)) == Called()
        (heard,) = receiver.heard
    assert heard.header("authorization") == f"Basic {base64.b64encode(pair.encode()).decode()}"
    assert heard.header("host") == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("ftp://127.0.0.1/", "must begin with http:// or https://"),
        ("127.0.0.1:80/x", "must begin with http:// or https://"),
        ("//127.0.0.1/", "must begin with http:// or https://"),
        ("file:///etc/passwd", "must begin with http:// or https://"),
        ("", "must begin with http:// or https://"),
        ("http:///x", "no host"),
        ("http:/x", "no host"),
        ("http://a b/", "neither a name nor an address"),
        ("http://h.%31/", "neither a name nor an address"),
        ("http://[v1.a:b]/", "neither a name nor an address"),
        ("http://:80/", "neither a name nor an address"),
        ("http://h:x/", "can't be read"),
        ("http://h:99999/", "can't be read"),
        ("http://[::1/", "can't be read"),
        ("http://h:0/", "port must be from 1 to 65535"),
        ("http://1.2.3.4.5/", "is not an address that can be called"),
        (f"http://h/{'x' * 9000}", "more than 8192 characters"),
    ],
)
async def test_what_is_no_url_fails_at_once(uri: str, told: str) -> None:
    async with webhook() as caller:
        called = await caller.call(timer(uri))
    assert called.error is not None
    assert told in called.error
    assert (called.again, called.after_ms) == (False, None)


async def test_a_string_that_is_no_text_fails_at_once() -> None:
    async with receiving() as receiver, webhook() as caller:
        called = await caller.call(timer(receiver.url(), b'"\\ud800"'))
        assert receiver.connections == 0
    assert called == Called("the timer's data is no text that could be sent")


async def test_calls_share_a_connection_that_is_kept() -> None:
    async with receiving(answer("200 OK", b"fine")) as receiver, webhook() as caller:
        for _ in range(3):
            assert await caller.call(timer(receiver.url())) == Called()
        assert [heard.connection for heard in receiver.heard] == [1, 1, 1]


@pytest.mark.parametrize("method", ["get", "put", "delete", "options", "head", "post"])
async def test_a_kept_connection_that_breaks_is_no_reason_to_call_twice(method: str) -> None:
    async with receiving(answer("200 OK"), HANG_UP, answer("200 OK")) as receiver:
        async with webhook() as caller:
            assert await caller.call(timer(receiver.url(), method=method)) == Called()
            called = await caller.call(timer(receiver.url(), method=method))
        assert [heard.connection for heard in receiver.heard] == [1, 1]
    assert called.again
    assert called.error == f"127.0.0.1:{receiver.port} closed the connection without an answer"


async def test_an_idle_connection_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert webhook_exchange.IDLE_SECONDS <= 2.5  # of Node's 5 s, for it may take twice as long
    monkeypatch.setattr(webhook_exchange, "IDLE_SECONDS", 0.1)
    async with receiving() as receiver, webhook() as caller:
        await caller.call(timer(receiver.url()))
        await until(lambda: receiver.ended == 1)


async def test_no_cookie_is_kept() -> None:
    said = answer("200 OK", b"", "Set-Cookie: a=b; Path=/")
    async with receiving(said) as receiver, webhook() as caller:
        for _ in range(2):
            await caller.call(timer(receiver.url("/").replace("127.0.0.1", "localhost")))
        assert [heard.header("cookie") for heard in receiver.heard] == [None, None]


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as receiver, webhook() as caller:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("no_proxy", "")
        assert await caller.call(timer(receiver.url())) == Called()
        assert (proxy.connections, len(receiver.heard)) == (0, 1)


async def test_no_more_than_so_many_go_to_one_host_at_once() -> None:
    async with (
        receiving(SILENCE) as slow,
        receiving() as quick,
        webhook(connections=3, connections_each=2) as caller,
    ):
        calls = [asyncio.create_task(caller.call(timer(slow.url()))) for _ in range(6)]
        await until(lambda: len(slow.heard) == 2)
        # The others wait for their own host's places, and not in the way of another host.
        assert await caller.call(timer(quick.url())) == Called()
        slow.answers = [OK]
        slow.release.set()
        ends = await asyncio.gather(*calls)
    assert slow.most_at_once == 2
    assert sum(end == Called() for end in ends) == 4


async def test_no_more_than_so_many_go_out_in_all() -> None:
    places = Places(2, 2, wait_seconds=0.05)
    async with places.one("a"):
        async with places.one("b"):
            with pytest.raises(NoPlace):
                await places.one("c").__aenter__()
        async with places.one("c"):
            pass


async def test_who_never_gets_a_place_was_not_called() -> None:
    async with receiving(SILENCE) as receiver:
        async with webhook(connections_each=1, total_seconds=0.2) as caller:
            ends = await asyncio.gather(*(caller.call(timer(receiver.url())) for _ in range(4)))
        called = len(receiver.heard)
    told = [end.error or "" for end in ends]
    assert all(end.again for end in ends)
    assert sum("was not called: too many calls to it" in words for words in told) == 4 - called > 0
    assert sum("did not answer within 0.2 s" in words for words in told) == called


async def test_a_certificate_that_is_trusted_is_called_over_tls() -> None:
    authority = trustme.CA()
    async with receiving(tls=certified(authority, "127.0.0.1")) as receiver:
        async with webhook(tls=trusting(authority)) as caller:
            assert await caller.call(timer(receiver.url())) == Called()
        assert len(receiver.heard) == 1


@pytest.mark.parametrize(
    ("name", "trusted", "told"),
    [
        ("127.0.0.1", False, "unable to get local issuer certificate"),
        ("other.example.com", True, "IP address mismatch"),
    ],
)
async def test_a_certificate_that_is_not_trusted_is_told(
    name: str, trusted: bool, told: str
) -> None:
    authority = trustme.CA()
    async with receiving(tls=certified(authority, name)) as receiver:
        async with webhook(tls=trusting(authority) if trusted else None) as caller:
            called = await caller.call(timer(receiver.url()))
        assert receiver.heard == []
    assert called.again
    assert (called.error or "").startswith(f"TLS with 127.0.0.1:{receiver.port} failed: ")
    assert told in (called.error or "")


async def test_tls_with_who_does_not_speak_it_is_told() -> None:
    async with receiving(answer("400 Bad Request")) as receiver, webhook() as caller:
        called = await caller.call(timer(receiver.url().replace("http:", "https:")))
    assert called.again
    assert called.error is not None
    assert called.error.startswith((f"TLS with 127.0.0.1:{receiver.port} failed: ", "no conn"))


@pytest.mark.parametrize(("secrets", "count"), [([], 0), ([SECRET], 1), ([SECRET] * 2, 2)])
async def test_a_call_is_signed_by_every_secret(secrets: Sequence[str], count: int) -> None:
    async with receiving() as receiver, webhook(secrets=secrets) as caller:
        await caller.call(timer(receiver.url()))
        (heard,) = receiver.heard
    assert len((heard.header("webhook-signature") or "").split()) == count
    assert heard.header("webhook-timestamp") == ("1795269900" if count else None)


async def test_the_caller_ends_calls_when_it_is_closed() -> None:
    async with receiving(SILENCE) as receiver, webhook() as caller:
        call = asyncio.create_task(caller.call(timer(receiver.url())))
        await until(lambda: len(receiver.heard) == 1)
        await caller.close()
        ended = await call
        assert ended.again
        assert ended.error is not None
        assert await caller.call(timer(receiver.url())) == Called(
            f"127.0.0.1:{receiver.port} was not called: franking is stopping", again=True
        )


async def test_a_call_that_is_cancelled_hangs_up() -> None:
    async with receiving(SILENCE) as receiver, webhook() as caller:
        call = asyncio.create_task(caller.call(timer(receiver.url())))
        await until(lambda: len(receiver.heard) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: receiver.ended == 1)


@pytest.mark.parametrize("secret", ["hunter2", "whsec_hunter2", "whsec_!!!!"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError) as caught:
        Webhook(HandClock(), secrets=[secret])
    assert "hunter2" not in str(caught.value)


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
