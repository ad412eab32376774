"""GET /v1/mail: filters, the walk from page to page, and every parameter that is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from franking.apis import listing


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/v1/mail", params=query)
    assert answer.status_code == 200, answer.text
    return [mail["id"] for mail in answer.json()["items"]]


async def put(client: httpx.AsyncClient, id: str, **fields: Any) -> None:
    message = {"subject": fields.pop("subject", "Hello"), "text": "t"}
    document = {"to": f"{id}@example.com", "message": message, **fields}
    assert (await client.put(f"/v1/mail/{id}", json=document)).status_code == 201


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=SENT", "state"),
        ("state=success", "state"),
        ("state=", "state"),
        ("category=spam", "category"),
        ("account=", "account"),
        (f"account={'x' * 256}", "account"),
        ("touchpoint=%00", "touchpoint"),
        ("q=", "q"),
        ("q=%20", "q"),
        (f"q={'x' * 256}", "q"),
        ("after=x", "after"),
        ("after=-1", "after"),
        ("after=%D9%A1", "after"),
        (f"after={2**63}", "after"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("stat=ERROR", "stat"),
        ("state=ERROR&state=SUCCESS", "state"),
        ("q=%FF", None),
        ("&".join(f"p{n}=1" for n in range(21)), None),
    ],
)
async def test_a_wrong_parameter_is_refused_by_name(
    client: httpx.AsyncClient, query: str, field: str | None
) -> None:
    answer = await client.get(f"/v1/mail?{query}")
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_query")
    assert answer.json().get("field") == field


async def test_no_mails_are_an_empty_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/mail")).json() == {"items": [], "next": None}


@pytest.mark.parametrize("limit", [1, 2, 25, 26, 49, 50, 51])
async def test_a_walk_meets_every_mail_once_newest_first(
    client: httpx.AsyncClient, document: dict[str, Any], limit: int
) -> None:
    entries = (await client.post("/v1/mail/batch", json=[document] * 50)).json()
    walked: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    while query:
        page = (await client.get("/v1/mail", params=query)).json()
        assert len(page["items"]) <= limit
        walked += [mail["id"] for mail in page["items"]]
        query = {"limit": limit, "after": page["next"]} if page["next"] is not None else {}
    assert walked == [entry["id"] for entry in reversed(entries)]


async def test_a_walk_is_not_upset_by_new_mails(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    await client.post("/v1/mail/batch", json=[document] * 4)
    first = (await client.get("/v1/mail", params={"limit": 2})).json()
    await put(client, "new")
    second = await ids(client, after=first["next"])
    assert len(second) == 2
    assert "new" not in second


async def test_a_page_ends_early_when_it_grows_too_large(
    client: httpx.AsyncClient, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_BYTES", 1000)
    await client.post("/v1/mail/batch", json=[document] * 10)
    first = (await client.get("/v1/mail")).json()
    assert 0 < len(first["items"]) < 10
    rest = (await client.get("/v1/mail", params={"after": first["next"]})).json()
    assert rest["items"]


async def test_the_default_page_has_fifty(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    await client.post("/v1/mail/batch", json=[document] * 51)
    assert len(await ids(client)) == 50
    assert len(await ids(client, limit=500)) == 51


async def test_filters_hold_together(client: httpx.AsyncClient) -> None:
    await put(client, "a", account="x", touchpointId="t1")
    await put(client, "b", account="y", delivery={"state": "SUCCESS"})
    await put(client, "c", account="x", to=5)
    assert await ids(client, state="PENDING") == ["a"]
    assert await ids(client, account="x") == ["c", "a"]
    assert await ids(client, account="x", state="ERROR") == ["c"]
    assert await ids(client, touchpoint="t1") == ["a"]
    assert await ids(client, touchpoint="t1", state="ERROR") == []
    [failed] = (await client.get("/v1/mail", params={"state": "ERROR"})).json()["items"]
    assert await ids(client, category=failed["delivery"]["category"]) == ["c"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("ada", ["ada"]),
        ("AD", ["ada"]),
        ("quart", ["bob", "ada"]),
        ("quarterly numb", ["ada"]),
        ("arterly", []),
        ("example.com", ["bob", "ada"]),
        ("ada@example.com", ["ada"]),
        ('" OR *', []),
        ("--", []),
    ],
)
async def test_q_looks_for_words_by_their_beginning(
    client: httpx.AsyncClient, q: str, found: list[str]
) -> None:
    await put(client, "ada", subject="Quarterly numbers")
    await put(client, "bob", subject="Quarterly report")
    assert await ids(client, q=q) == found
