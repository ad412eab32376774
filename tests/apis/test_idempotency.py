"""Idempotency-Key: a repeat gets the first answer, and what was refused leaves the key free."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

KEY = {"idempotency-key": "k1"}


def told(answer: httpx.Response) -> tuple[int, bytes, str | None, str | None]:
    headers = answer.headers
    return answer.status_code, answer.content, headers.get("etag"), headers.get("location")


# Every call that takes a key: method, path, body; the mail "m" is there and has failed.
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/mail", {"to": "a@example.com", "message": {"subject": "s", "text": "t"}}),
    ("POST", "/v1/mail/batch", [{"to": 5}, {"to": "a", "message": {"subject": "", "text": "t"}}]),
    ("PUT", "/v1/mail/new", {"to": "a@example.com", "message": {"subject": "s", "text": "t"}}),
    ("PUT", "/v1/mail/m", {"to": "b@example.com", "message": {"subject": "s", "text": "t"}}),
    ("PATCH", "/v1/mail/m", {"delivery": {"state": "RETRY"}}),
    ("POST", "/v1/mail/m/retry", {"force": False}),
]


@pytest.fixture(autouse=True)
async def failed(client: httpx.AsyncClient) -> None:
    await client.put("/v1/mail/m", json={"to": 5, "message": {"subject": "s", "text": "t"}})


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_repeat_gets_the_first_answer(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    first = await client.request(method, path, json=body, headers=KEY)
    listed = (await client.get("/v1/mail")).content
    again = await client.request(method, path, json=body, headers=KEY)
    assert first.is_success
    assert told(again) == told(first)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert (await client.get("/v1/mail")).content == listed


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_another_body_under_the_key_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    await client.request(method, path, json=body, headers=KEY)
    other = body * 2 if isinstance(body, list) else {**body, "force": True}
    answer = await client.request(method, path, json=other, headers=KEY)
    assert (answer.status_code, answer.json()["reason"]) == (409, "key_reused")


async def test_two_at_once_do_it_once(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    calls = [client.post("/v1/mail", json=document, headers=KEY) for _ in range(8)]
    answers = await asyncio.gather(*calls)
    assert len({told(answer) for answer in answers}) == 1
    replayed = [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert len(replayed) == 7
    assert len((await client.get("/v1/mail")).json()["items"]) == 2


async def test_a_key_belongs_to_its_route(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    answers = [
        await client.post("/v1/mail", json=document, headers=KEY),
        await client.put("/v1/mail/a", json=document, headers=KEY),
        await client.put("/v1/mail/b", json=document, headers=KEY),
        await client.patch("/v1/mail/b", json=document, headers=KEY),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 200]
    assert all("idempotency-replayed" not in answer.headers for answer in answers)


async def test_an_invalid_document_leaves_the_key_free(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    assert (await client.post("/v1/mail", json={"to": 5}, headers=KEY)).status_code == 422
    answer = await client.post("/v1/mail", json=document, headers=KEY)
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_a_refused_retry_leaves_the_key_free(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    sending = {"state": "PROCESSING", "leaseExpireTime": "2099-01-01T00:00:00Z"}
    await client.put("/v1/mail/p", json={**document, "delivery": sending})
    assert (await client.post("/v1/mail/p/retry", headers=KEY)).status_code == 409
    assert (await client.post("/v1/mail/p/retry", headers=KEY)).json()["reason"] == "processing"
    assert (await client.post("/v1/mail/none/retry", headers=KEY)).status_code == 404


async def test_a_write_to_an_old_version_leaves_the_key_free(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    stale = {**KEY, "if-match": '"0.0"'}
    assert (await client.put("/v1/mail/m", json=document, headers=stale)).status_code == 412
    assert (await client.put("/v1/mail/m", json=document, headers=KEY)).status_code == 200
