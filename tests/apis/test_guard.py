"""What no request gets past: Host, Origin, Sec-Fetch-Site, and the size of a body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from franking.apis import bodies

DOCUMENT = b'{"to":"a@example.com","message":{"subject":"s","text":"t"}}'
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8025",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "mail.example.com.evil.example",
        "ported.example.com",
        "ported.example.com:80",
        "10.0.0.1",
        "128.0.0.1",
        "[::2]",
        "0.0.0.0",
        "",
        "localhost:x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_host_that_is_not_ours_is_refused(
    client: httpx.AsyncClient, host: str, method: str
) -> None:
    answer = await client.request(method, "/v1/mail", headers={"host": host})
    assert (answer.status_code, answer.json()["reason"]) == (421, "unknown_host")
    assert answer.json()["field"] == "Host"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.1.2.3:8025",
        "[::1]",
        "[::1]:8025",
        "mail.example.com",
        "Mail.Example.com:443",
        "ported.example.com:8025",
    ],
)
async def test_the_loopback_and_the_configured_hosts_are_served(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await client.get("/v1/mail", headers={"host": host})).status_code == 200


async def test_a_host_must_be_named_once(address: str) -> None:
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        answer = await spoken(address, b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")


CROSS_SITE = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "http://localhost:8025"},
    {"origin": "file://127.0.0.1:8025"},
    {"origin": "http://127.0.0.1:8025.evil.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "Cross-Site", "origin": "http://127.0.0.1:8025"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/mail"),
        ("POST", "/v1/mail/batch"),
        ("PUT", "/v1/mail/m"),
        ("PATCH", "/v1/mail/m"),
        ("DELETE", "/v1/mail/m"),
        ("POST", "/v1/mail/m/retry"),
    ],
)
async def test_another_site_can_change_nothing(
    client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str
) -> None:
    bearer = {"authorization": "Bearer some-key"}
    answer = await client.request(
        method, path, content=DOCUMENT, headers={**JSON, **bearer, **headers}
    )
    assert (answer.status_code, answer.json()["reason"]) == (403, "cross_site")
    assert (await client.get("/v1/mail")).json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8025"},
        {"origin": "http://127.0.0.1:8025", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_our_own_pages_and_programs_can(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/v1/mail", content=DOCUMENT, headers={**JSON, **headers})
    assert answer.status_code == 201


async def test_reading_from_another_site_is_left_to_the_browser(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/mail", headers={"origin": "https://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def padded(size: int) -> bytes:
    """A document of exactly so many bytes."""
    head = DOCUMENT[:-1] + b',"x":"'
    return head + b"x" * (size - len(head) - 2) + b'"}'


async def test_a_document_may_have_just_so_many_bytes(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        limit = bodies.MAX_DOCUMENT_BYTES
        taken = await client.post("/v1/mail", content=padded(limit), headers=JSON)
        assert taken.status_code == 201
        refused = await client.post("/v1/mail", content=padded(limit + 1), headers=JSON)
        assert (refused.status_code, refused.json()["reason"]) == (413, "too_large")


async def test_a_body_of_unknown_length_is_cut_off(address: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(bodies.MAX_DOCUMENT_BYTES // 65_536 + 1):
            yield b" " * 65_536

    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        answer = await client.post("/v1/mail", content=chunks(), headers=JSON)
        assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
        assert (await client.get("/v1/mail")).json()["items"] == []


async def test_too_large_is_said_before_the_body_came(address: str) -> None:
    head = f"Host: localhost\r\nContent-Length: {2**40}\r\n\r\n".encode()
    answer = await spoken(address, b"PUT /v1/mail/m HTTP/1.1\r\n" + head)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_batch_may_be_larger_but_not_its_documents(client: httpx.AsyncClient) -> None:
    half = padded(bodies.MAX_DOCUMENT_BYTES // 2 + 100)
    answer = await client.post("/v1/mail/batch", content=b"[%b,%b]" % (half, half), headers=JSON)
    assert [entry["status"] for entry in answer.json()] == [201, 201]
    large = padded(bodies.MAX_DOCUMENT_BYTES + 1)
    answer = await client.post("/v1/mail/batch", content=b"[{},%b]" % large, headers=JSON)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
    assert answer.json()["detail"].startswith("Document 1 ")
    length = {**JSON, "content-length": str(bodies.MAX_BATCH_BYTES + 1)}
    answer = await client.post("/v1/mail/batch", content=b"[]", headers=length)
    assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_given_up(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    head = b"Host: localhost\r\nContent-Length: 10\r\n\r\n{"
    answer = await spoken(address, b"POST /v1/mail HTTP/1.1\r\n" + head)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def spoken(address: str, request: bytes) -> bytes:
    """The head of what is answered to these very bytes."""
    url = httpx.URL(address)
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(request)
        answer: Any = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    return bytes(answer)
