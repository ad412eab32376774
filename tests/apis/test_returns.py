"""/v1/bounces, /v1/suppressions, /v1/errors/unknown, /v1/explain: refusals first."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import reports
from franking.compose.dsn import MAX_BYTES

RFC822 = {"content-type": "message/rfc822"}


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("content", "headers", "status", "reason"),
    [
        (b"", RFC822, 422, "no_report"),
        (b"Subject: hello\n\nhi", RFC822, 422, "no_report"),
        (b"\xff\x00" * 99, {"content-type": "application/octet-stream"}, 422, "no_report"),
        (b"{}", {"content-type": "application/json"}, 415, "no_mail"),
        (b"x" * (MAX_BYTES + 1), RFC822, 413, "too_large"),
    ],
)
async def test_what_is_no_report_is_refused(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = await client.post("/v1/bounces", content=content, headers=headers)
    assert problem(answer, status)["reason"] == reason


@pytest.mark.parametrize("kind", ["message/rfc822", "message/global", "application/octet-stream"])
async def test_a_report_is_taken_though_it_is_on_no_mail_of_ours(
    client: httpx.AsyncClient, kind: str
) -> None:
    headers = {"content-type": kind}
    answer = await client.post("/v1/bounces", content=reports.GMAIL, headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"matched": []})


@pytest.mark.parametrize(
    ("address", "body", "reason", "field"),
    [
        ("nobody", {}, "bad_address", "address"),
        ("a@b@c d", {}, "bad_address", "address"),
        ("x" * 400 + "@example.com", {}, "bad_address", "address"),
        ("ada@example.com", {"reason": 1}, "bad_field", "reason"),
        ("ada@example.com", {"reason": "x" * 201}, "bad_field", "reason"),
        ("ada@example.com", {"reason": "a\nb"}, "bad_field", "reason"),
        ("ada@example.com", {"why": "x"}, "bad_field", "why"),
    ],
)
async def test_what_can_not_be_suppressed_is_told(
    client: httpx.AsyncClient, address: str, body: dict[str, Any], reason: str, field: str
) -> None:
    found = problem(await client.put(f"/v1/suppressions/{address}", json=body), 422)
    assert (found["reason"], found["field"]) == (reason, field)
    assert (await client.get("/v1/suppressions")).json() == {"items": [], "next": None}


async def test_who_is_not_on_the_list_can_not_be_taken_off(client: httpx.AsyncClient) -> None:
    found = problem(await client.delete("/v1/suppressions/ada@example.com"), 404)
    assert found["reason"] == "unknown_address"


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "q=", "after=", "state=x"])
async def test_a_wrong_query_is_refused_by_name(client: httpx.AsyncClient, query: str) -> None:
    found = problem(await client.get(f"/v1/suppressions?{query}"), 400)
    assert found["field"] == query.partition("=")[0]


async def test_an_address_is_listed_as_it_is_compared(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/suppressions/Ada@BÜCHER.example", json={"reason": " asked "})
    found = answer.json()
    assert found.pop("createTime").endswith("Z")
    assert found == {
        "address": "ada@xn--bcher-kva.example",
        "reason": "asked",
        "source": "person",
    }
    listed = (await client.get("/v1/suppressions?q=BCHER")).json()["items"]
    assert [one["address"] for one in listed] == ["ada@xn--bcher-kva.example"]


async def test_an_address_that_is_put_again_gets_the_new_reason(client: httpx.AsyncClient) -> None:
    await client.put("/v1/suppressions/ada@example.com")
    await client.put("/v1/suppressions/ADA@example.com", json={"reason": "asked"})
    [found] = (await client.get("/v1/suppressions")).json()["items"]
    assert found["reason"] == "asked"
    assert (await client.delete("/v1/suppressions/Ada@Example.com")).status_code == 204
    assert (await client.get("/v1/suppressions")).json()["items"] == []


async def test_a_long_list_comes_in_pages(client: httpx.AsyncClient) -> None:
    for n in range(5):
        await client.put(f"/v1/suppressions/r{n}@example.com")
    found: list[str] = []
    after = ""
    while True:
        page = (await client.get(f"/v1/suppressions?limit=2{after}")).json()
        found += [one["address"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == [f"r{n}@example.com" for n in range(5)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "text"),
        ("text=", "text"),
        ("text=x&code=99", "code"),
        ("text=x&code=abc", "code"),
        ("text=x&enhanced=5.1", "enhanced"),
        ("text=x&provider=", "provider"),
        ("text=x&text=y", "text"),
        ("text=x&why=y", "why"),
    ],
)
async def test_what_can_not_be_explained_is_told(
    client: httpx.AsyncClient, query: str, field: str
) -> None:
    assert problem(await client.get(f"/v1/explain?{query}"), 400)["field"] == field


@pytest.mark.parametrize(
    ("query", "category", "code"),
    [
        ("text=550 5.4.5 Daily user sending limit exceeded", "send_limit", "550 5.4.5"),
        ("text=no such user&code=550&enhanced=5.1.1", "recipient_not_found", "550 5.1.1"),
        ("text=hmm&provider=gmail", "unknown", None),
        ("text=550-5.1.1 no%0A550 5.1.1 such", "recipient_not_found", "550 5.1.1"),
    ],
)
async def test_words_are_explained(
    client: httpx.AsyncClient, query: str, category: str, code: str | None
) -> None:
    found = (await client.get(f"/v1/explain?{query}")).json()
    assert (found["category"], found["code"]) == (category, code)
    assert found["sentence"]
    assert isinstance(found["rateLimited"], bool)


async def test_without_unknown_errors_there_are_none(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/errors/unknown")).json() == {"items": []}
    assert problem(await client.get("/v1/errors/unknown?limit=0"), 400)["field"] == "limit"
