"""One call to a webhook's receiver: each way in which it ends, and what is sent."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Literal

import pytest
import trustme
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from franking.clock import HandClock, SystemClock
from franking.core.lifecycle import Told
from franking.core.sender import SecretLost
from franking.core.webhook import OLD_SECRET_MS, Posted, Secrets, Webhook, written
from franking.office.cloud_events import ping
from franking.transports.hooks import HookPoster
from franking.transports.names import Names
from transports.receiver import (
    ENDLESS,
    HANG_UP,
    OK,
    RESET,
    SILENCE,
    Heard,
    answer,
    receiving,
)

ONE, OTHER = written(bytes(range(32))), written(b"another secret of 32 characters!")
CONTENT = ping("event-1", "0123", "w1", 1_795_269_900_000)


def hook(url: str, version: int = 1) -> Webhook:
    return Webhook("w1", url, tuple(Told), "doc", b"sealed", "ok", 1, version)


def poster(secrets: Secrets | None = None, **settings: Any) -> HookPoster:
    private: Literal["allow", "deny"] = settings.pop("private", "allow")
    lookup = settings.pop("lookup", socket.getaddrinfo)
    clock = settings.pop("clock", None) or SystemClock()
    return HookPoster(
        clock,
        settings.pop("opened", lambda _: secrets or Secrets(ONE)),
        lambda threads: Names(private, threads=threads, lookup=lookup),
        total_seconds=settings.pop("total_seconds", 5.0),
        **settings,
    )


async def posted(*answers: bytes, **settings: Any) -> tuple[Posted, Sequence[Heard]]:
    """What a call came to, and what the receiver heard."""
    async with receiving(*answers) as receiver:
        it = poster(**settings)
        ended = await it.post(hook(receiver.url()), "event-1", CONTENT)
        await it.close()
    return ended, receiver.heard


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
async def test_2xx_is_taken(status: str) -> None:
    assert (await posted(answer(status)))[0] == Posted()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer("400 Bad Request", b"what?"), Posted("400 Bad Request: what?")),
        (answer("404 Not Found"), Posted("404 Not Found")),
        (answer("410 Gone"), Posted("410 Gone", gone=True)),
        (answer("429 Slow Down", b"", "Retry-After: 7"), Posted("429 Slow Down", 7_000)),
        (answer("503 Busy", b"", "Retry-After: 90000"), Posted("503 Busy", 3_600_000)),
        (answer("429 Slow Down", b"", "Retry-After: soon"), Posted("429 Slow Down")),
        (answer("500 Oops"), Posted("500 Oops")),
        (answer("100 Continue") + answer("500 Oops"), Posted("500 Oops")),
    ],
)
async def test_all_else_is_not(said: bytes, expected: Posted) -> None:
    ended, heard = await posted(said)
    assert ended == expected
    assert len(heard) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Kept", "308 Kept"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    async with receiving() as other:
        ended, _ = await posted(answer(status, b"", f"Location: {other.url()}"))
        assert other.connections == 0
    assert ended == Posted(f"{status} (redirects are not followed)")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (RESET, "closed the connection without an answer"),
        (HANG_UP, "closed the connection without an answer"),
        (b"HTTP/1.1 2||" + HANG_UP, "closed the connection"),
        (SILENCE, "did not answer within 0.3 s"),
        (b"HTTP/1.1 200 OK\r\nX: ||" + SILENCE, "did not answer within 0.3 s"),
        (b"HTTP/1.1 200 OK\r\nX: ||" + ENDLESS, "did not answer in HTTP"),
        (b"220 smtp.example.com ESMTP\r\n", "did not answer in HTTP"),
    ],
)
async def test_no_answer_is_told_in_words(said: bytes, words: str) -> None:
    ended, _ = await posted(said, total_seconds=0.3)
    assert words in (ended.error or "")
    assert not ended.down


@pytest.mark.parametrize("end", [SILENCE, ENDLESS, HANG_UP])
async def test_a_head_that_says_yes_is_taken_whatever_comes_behind(end: bytes) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n||" + end
    assert (await posted(said, total_seconds=0.3))[0] == Posted()


async def test_a_receiver_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    it = poster()
    ended = await it.post(hook(f"http://127.0.0.1:{port}/"), "event-1", CONTENT)
    await it.close()
    assert ended == Posted(f"no connection to 127.0.0.1:{port}: Connection refused")


async def test_a_name_that_is_not_known() -> None:
    def lookup(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    it = poster(lookup=lookup)
    ended = await it.post(hook("http://hook.example.com/"), "event-1", CONTENT)
    await it.close()
    assert ended.error == "hook.example.com:80 was not found: Name or service not known"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "169.254.169.254"])
async def test_a_private_address_where_they_are_closed(host: str) -> None:
    async with receiving() as receiver:
        it = poster(private="deny")
        url = f"http://{host}:{receiver.port}/"
        ended = await it.post(hook(url), "event-1", CONTENT)
        await it.close()
        assert receiver.connections == 0
    assert ended.down
    assert "FRANKING_WEBHOOK_PRIVATE_ADDRESSES is deny" in (ended.error or "")


async def test_a_secret_that_is_lost_meets_every_event() -> None:
    def opened(_: Webhook) -> Secrets:
        raise SecretLost("The key is not there.")

    ended, heard = await posted(OK, opened=opened)
    assert ended == Posted("The key is not there.", down=True)
    assert heard == []


@pytest.mark.parametrize("known", [True, False])
async def test_tls_must_be_the_receivers_own(known: bool) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1" if known else "other.example.com").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with receiving(tls=server) as receiver:
        it = poster(tls=trusting)
        ended = await it.post(hook(receiver.url()), "event-1", CONTENT)
        await it.close()
    assert (ended.error is None) is known
    assert known or (ended.error or "").startswith("TLS with 127.0.0.1")
    assert len(receiver.heard) == known


async def test_a_certificate_that_nobody_vouches_for() -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server)
    async with receiving(tls=server) as receiver:
        it = poster()
        ended = await it.post(hook(receiver.url()), "event-1", CONTENT)
        await it.close()
    assert (ended.error or "").startswith("TLS with 127.0.0.1")
    assert receiver.heard == []


async def test_it_is_a_cloud_event_in_structured_json() -> None:
    _, [heard] = await posted(OK)
    assert heard.verb == "POST"
    assert heard.header("content-type") == "application/cloudevents+json; charset=utf-8"
    event = from_structured_event(_message(heard))
    assert event.get_id() == "event-1"
    assert event.get_source() == "/franking/0123"
    assert event.get_type() == "franking.webhook.v1.ping"
    assert event.get_specversion() == "1.0"
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == {"webhook": "w1"}


async def test_it_is_signed() -> None:
    _, [heard] = await posted(OK)
    headers = dict(heard.headers)
    assert headers["webhook-id"] == "event-1"
    assert Verifier(ONE).verify(heard.body, headers) == json.loads(CONTENT)
    with pytest.raises(WebhookVerificationError):
        Verifier(OTHER).verify(heard.body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(ONE).verify(heard.body + b" ", headers)


async def test_while_a_secret_is_replaced_both_sign() -> None:
    clock = SystemClock()
    both = Secrets(ONE).followed_by(OTHER, clock.now())
    _, [heard] = await posted(OK, secrets=both)
    for secret in (ONE, OTHER):
        Verifier(secret).verify(heard.body, dict(heard.headers))


async def test_a_day_later_the_one_before_signs_no_more() -> None:
    clock = HandClock()
    both = Secrets(ONE).followed_by(OTHER, clock.now())
    clock.advance(OLD_SECRET_MS - 1_000)
    _, [heard] = await posted(OK, secrets=both, clock=clock)
    assert len((heard.header("webhook-signature") or "").split()) == 2
    clock.advance(1_000)
    _, [heard] = await posted(OK, secrets=both, clock=clock)
    assert len((heard.header("webhook-signature") or "").split()) == 1


async def test_another_version_goes_elsewhere_and_an_older_one_no_more() -> None:
    async with receiving() as old, receiving() as new:
        it = poster()
        assert await it.post(hook(old.url()), "a", CONTENT) == Posted()
        assert await it.post(hook(new.url(), 2), "b", CONTENT) == Posted()
        assert await it.post(hook(old.url()), "c", CONTENT) == Posted()
        await it.close()
        assert (len(old.heard), len(new.heard)) == (1, 2)


async def test_connections_are_kept_and_dropped_with_the_webhook() -> None:
    async with receiving() as receiver:
        it = poster()
        for _ in range(3):
            assert await it.post(hook(receiver.url()), "a", CONTENT) == Posted()
        assert receiver.connections == 1
        await it.drop("w1")
        assert await it.post(hook(receiver.url()), "a", CONTENT) == Posted()
        assert receiver.connections == 2
        await it.close()
        assert (await it.post(hook(receiver.url()), "a", CONTENT)).error is not None


def _message(heard: Heard) -> HTTPMessage:
    return HTTPMessage(headers=dict(heard.headers), body=heard.body)
