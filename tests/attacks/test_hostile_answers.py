"""What an HTTP peer answers is bounded and shown: token servers, SendGrid, receivers, file hosts.

Salesforce's are in `outlets/test_salesforce_answers.py` and `test_salesforce_tokens.py`.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from eventually import eventually
from franking.config.hosts import file_hosts
from franking.transports.fetching import HttpFetcher
from franking.transports.names import Names
from installation import Installation
from transports.receiver import Receiver, answer, receiving

ODD = b"\x1b]0;pwned\x07\x1b[2J\x00\r\xc2\x9b31m\xe2\x80\xae\xff<script>alert(1)</script>"
SAID = msgspec.json.encode({"error": "\x1b[2J\x00" * 400, "error_description": "\u202e" * 9_000})
GRANTED = b'{"access_token": "t", "expires_in": 1e308}'
BODIES = {
    "odd": ODD,
    "words without end": SAID,
    "errors": b'{"errors": [' + b'{"message": "\\u001b[2J"},' * 2_000 + b'{"message": ""}]}',
    "deep": b"[" * 60_000,
    "deep and whole": b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    "deep in what is read": b'{"error":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    "large": b"x" * 1_000_000,
    "not UTF-8": b"\xff\xfe" * 900,
    "nothing": b"",
}
STATUSES = ("200 \x1b[2J", "400 Bad", "401 No", "500 Oops\x1b[2J")
TOLD_CHARACTERS = 5_000


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Receiver]:
    async with receiving() as peer:
        yield peer


@pytest_asyncio.fixture
async def it(tmp_path: Path, peer: Receiver) -> AsyncIterator[Installation]:
    """An installation that knows the peer by each of its trades."""
    fetcher = HttpFetcher(file_hosts(f"127.0.0.1:{peer.port}"), Names("allow"))
    sendgrid = peer.url("").rstrip("/")
    async with Installation(tmp_path, accounts=True, sendgrid=sendgrid, fetcher=fetcher) as it:
        yield it


Ask = Callable[[Installation, Receiver, str], Awaitable[list[Any]]]


async def mailed(it: Installation, account: dict[str, Any], id: str, **message: Any) -> list[Any]:
    """All that is told of a mail through an account of its own, and what a try of that tells."""
    made = await it.http.put(f"/v1/accounts/{id}", json=account)
    assert made.status_code == 201, made.text
    message = {"subject": "s", "text": "t", **message}
    ended = await it.write({"to": "a@x.org", "account": id, "message": message}, id)
    tried = await it.http.post(f"/v1/accounts/{id}/test")
    assert tried.status_code == 200
    paths = (f"/v1/mail/{id}/timeline", f"/v1/accounts/{id}")
    return [ended, tried.json()] + [(await it.http.get(path)).json() for path in paths]


def tokened(it: Installation, peer: Receiver) -> dict[str, Any]:
    """An account that signs in with a token of the peer's."""
    oauth = {"clientId": "c", "clientSecret": "s", "refreshToken": "r", "tokenUrl": peer.url()}
    return {"transport": {"uri": f"smtp://u@127.0.0.1:{it.box.port}", "oauth": oauth}}


async def by_token(it: Installation, peer: Receiver, id: str) -> list[Any]:
    return await mailed(it, tokened(it, peer), id)


async def by_sendgrid(it: Installation, peer: Receiver, id: str) -> list[Any]:
    uri = "smtp://apikey@smtp.sendgrid.net:587"
    return await mailed(it, {"transport": {"uri": uri}, "password": "SG.k"}, id)


async def with_file(it: Installation, peer: Receiver, id: str) -> list[Any]:
    file = {"filename": "a", "href": peer.url()}
    account = {"transport": {"uri": f"smtp://127.0.0.1:{it.box.port}"}}
    return await mailed(it, account, id, attachments=[file])


async def by_timer(it: Installation, peer: Receiver, id: str) -> list[Any]:
    callback = {"transport": "http", "method": "post", "uri": peer.url()}
    timer = {"timeout": 1, "callback": callback}
    await it.http.post("/timer", json=timer, headers={"x-timer-id": id})

    async def called() -> dict[str, Any] | None:
        found: dict[str, Any] = (await it.http.get(f"/timer/{id}")).json()
        return found if found["tries"] or found["executedAt"] else None

    return [await eventually(called)]


async def by_webhook(it: Installation, peer: Receiver, id: str) -> list[Any]:
    made = await it.http.post("/v1/webhooks", json={"url": peer.url()})
    tried = await it.http.post(f"/v1/webhooks/{made.json()['id']}/test")
    await it.http.delete(f"/v1/webhooks/{made.json()['id']}")
    return [tried.json()]


@pytest.mark.parametrize("ask", [by_token, by_sendgrid, with_file, by_timer, by_webhook])
async def test_what_is_answered_is_told_in_bounds(
    it: Installation, peer: Receiver, ask: Ask
) -> None:
    for name, body in BODIES.items():
        for number, status in enumerate(STATUSES):
            peer.answers = [answer(status, body)]
            for told in await ask(it, peer, f"{name} {number}"):
                for words in texts(told):
                    assert len(words) < TOLD_CHARACTERS, (name, status)
                    assert words.replace("\n", "").isprintable(), (name, status, words)


async def test_a_token_that_comes_in_pieces_is_a_token(it: Installation, peer: Receiver) -> None:
    async def piecewise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        whole = answer("200 OK", GRANTED)
        for octets in (whole[:-20], whole[-20:]):
            writer.write(octets)
            said = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, said.set)
            await said.wait()
        return False

    peer._answer = piecewise  # type: ignore[method-assign]
    document, *_ = await mailed(it, tokened(it, peer), "m")
    # What the mailbox says of it, which knows no tokens.
    assert "token server" not in document["delivery"]["error"]


async def test_a_packed_token_is_not_unpacked(it: Installation, peer: Receiver) -> None:
    bomb = gzip.compress(GRANTED + b" " * 50_000_000)
    peer.answers = [answer("200 OK", bomb, "Content-Encoding: gzip")]
    document, *_ = await mailed(it, tokened(it, peer), "m")
    assert "the token server answered 200 without a token" in document["delivery"]["error"]
    assert peer.heard[0].header("accept-encoding") == "identity"


def texts(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return [text for item in items for text in texts(item)]
    return [value] if isinstance(value, str) else []
