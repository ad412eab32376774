"""Templates and users over HTTP: kept whole, shown, listed, removed; what is refused, by name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from franking.apis import collected
from franking.core.key import Scope
from franking.office import Office
from franking.office.documents import MOST_DOCUMENT_BYTES
from franking.stores import collections
from franking.stores.base import Store

PLACES = ["/v1/templates", "/v1/users"]
DOCUMENT = {"subject": "Hello {{name}}", "email": "ada@example.com", "n": [1, {"b": None}]}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_what_is_not_there_is_told(client: httpx.AsyncClient, place: str) -> None:
    noun = place.removeprefix("/v1/").removesuffix("s")
    for method in ("GET", "DELETE"):
        answer = await client.request(method, f"{place}/nope")
        assert (answer.status_code, answer.json()["reason"]) == (404, f"unknown_{noun}")
        assert answer.json()["detail"] == f"There is no {noun} with id nope."
        assert place in answer.json()["next"]
    assert (await client.get(place)).json() == {"items": [], "next": None}


async def test_a_document_is_written_read_and_written_back(
    client: httpx.AsyncClient, place: str
) -> None:
    made = await client.put(f"{place}/a b", json=DOCUMENT)
    assert (made.status_code, made.headers["location"]) == (201, f"{place}/a%20b")
    assert made.json() == {"id": "a b", **DOCUMENT}
    read = await client.get(made.headers["location"])
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    again = await client.put(f"{place}/a b", json=read.json())
    assert (again.status_code, again.json()) == (200, read.json())
    assert again.headers["etag"] != read.headers["etag"]
    assert list(read.json()) == ["id", *DOCUMENT]
    assert (await client.delete(f"{place}/a b")).status_code == 204
    assert (await client.get(f"{place}/a b")).status_code == 404


async def test_an_id_of_its_own_is_kept_but_not_shown(
    client: httpx.AsyncClient, store: Store, place: str
) -> None:
    document = {"id": 17, "x": {"id": 18}}
    assert (await client.put(f"{place}/a", json=document)).json() == {"id": "a", "x": {"id": 18}}
    assert (await client.get(f"{place}/a")).json() == {"id": "a", "x": {"id": 18}}
    await client.put(f"{place}/a", json={"id": "a", "x": 1})  # as it was read
    kept = await (store.users if place == "/v1/users" else store.templates).read("a")
    assert kept is not None
    assert bytes(kept.document) == b'{"x":1}'
    assert (await client.put(f"{place}/b", json={})).json() == {"id": "b"}
    assert (await client.get(place)).json()["items"][1] == {"id": "b"}


async def test_no_update_is_lost(client: httpx.AsyncClient, place: str) -> None:
    path = f"{place}/a"
    old = (await client.put(path, json={})).headers["etag"]
    new = (await client.put(path, json={"b": 1}, headers={"if-match": old})).headers["etag"]
    for method in ("PUT", "DELETE"):
        late = await client.request(method, path, json={}, headers={"if-match": old})
        assert (late.status_code, late.json()["reason"]) == (412, "changed")
        none = await client.request(method, f"{place}/b", json={}, headers={"if-match": "*"})
        assert none.status_code == 412
    assert (await client.get(path)).json() == {"id": "a", "b": 1}
    both = {"if-match": f"{old}, {new}"}
    assert (await client.put(path, json={}, headers=both)).status_code == 200
    assert (await client.delete(path, headers={"if-match": "*"})).status_code == 204


async def test_what_is_unchanged_is_not_sent_again(client: httpx.AsyncClient, place: str) -> None:
    tag = (await client.put(f"{place}/a", json={})).headers["etag"]
    for known in (tag, f"W/{tag}", f'"0", {tag}', "*"):
        answer = await client.get(f"{place}/a", headers={"if-none-match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    other = await client.get(f"{place}/a", headers={"if-none-match": '"0"'})
    assert other.status_code == 200


async def test_a_deleted_documents_etag_comes_never_again(
    client: httpx.AsyncClient, place: str
) -> None:
    tag = (await client.put(f"{place}/a", json={})).headers["etag"]
    await client.delete(f"{place}/a")
    await client.put(f"{place}/a", json={})
    late = await client.put(f"{place}/a", json={}, headers={"if-match": tag})
    assert late.status_code == 412


@pytest.mark.parametrize("id", ["x" * 256, "a%00b", "__a__", ".%2e", "a%2Fb", "%ff"])
async def test_an_id_is_as_a_mails(client: httpx.AsyncClient, place: str, id: str) -> None:
    answer = await client.put(f"{place}/{id}", json={})
    assert (answer.status_code, answer.json()["field"]) == (400, "id")


@pytest.mark.parametrize("id", ["batch", "retry", "x" * 255, "Ü ber"])
async def test_other_ids_are_taken(client: httpx.AsyncClient, place: str, id: str) -> None:
    assert (await client.put(f"{place}/{id}", json={})).status_code == 201
    assert (await client.get(f"{place}/{id}")).json() == {"id": id}


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"x"', b"{", b"", b'{"a":"\\ud800"}'])
async def test_a_document_is_a_json_object(
    client: httpx.AsyncClient, place: str, body: bytes
) -> None:
    answer = await client.put(f"{place}/a", content=body)
    assert answer.status_code == 400
    assert (await client.get(f"{place}/a")).status_code == 404


async def test_a_document_has_its_size(client: httpx.AsyncClient, place: str) -> None:
    room = MOST_DOCUMENT_BYTES - len('{"text":""}')
    fits = await client.put(f"{place}/a", json={"text": "x" * room})
    assert fits.status_code == 201
    answer = await client.put(f"{place}/b", json={"text": "x" * (room + 1)})
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
    assert "1048577" in answer.json()["detail"]
    accents = await client.put(f"{place}/b", json={"text": "é" * (room // 2 + 1)})
    assert accents.status_code == 413


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("subject", 5, "must be a string"),
        ("text", [], "must be a string"),
        ("html", {}, "must be a string"),
        ("amp", True, "must be a string"),
        ("name", "", "must be a string of 1 to 255 characters"),
        ("name", "x" * 256, "must be a string of 1 to 255 characters"),
        ("name", 7, "must be a string of 1 to 255 characters"),
        ("partial", "true", "must be true or false"),
        ("attachments", {}, "must be an array"),
        ("attachments", [{}] * 101, "may have 100 entries at most"),
    ],
)
async def test_a_templates_fields_are_looked_at(
    client: httpx.AsyncClient, field: str, value: Any, words: str
) -> None:
    answer = await client.put("/v1/templates/a", json={field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"Field '{field}' {words}"
    assert answer.json()["field"] == field
    assert (await client.get("/v1/templates/a")).status_code == 404


@pytest.mark.parametrize("email", [None, 5, "", [], {"a": "b"}, "no address", "a@x.org, b@x.org"])
async def test_a_user_may_be_anything(client: httpx.AsyncClient, email: Any) -> None:
    document = {"email": email, "subject": 5, "partial": "x", "attachments": {}}
    assert (await client.put("/v1/users/a", json=document)).status_code == 201
    assert (await client.get("/v1/users/a")).json() == {"id": "a", **document}


async def test_no_more_templates_are_taken_than_fit(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "MOST_TEMPLATES", 1)
    await client.put("/v1/templates/a", json={})
    answer = await client.put("/v1/templates/b", json={})
    assert (answer.status_code, answer.json()["reason"]) == (409, "full")
    assert "more than 1 are not kept" in answer.json()["detail"]
    assert (await client.put("/v1/templates/a", json={})).status_code == 200


async def test_a_collection_is_listed_by_pages(client: httpx.AsyncClient, place: str) -> None:
    for n in range(45):
        await client.put(f"{place}/u{n:02}", json={"n": n})
    found: list[int] = []
    after: str | None = ""
    for size in (30, 15):
        query = {"limit": "30", **({"after": after} if after else {})}
        page = (await client.get(place, params=query)).json()
        assert len(page["items"]) == size
        found += [item["n"] for item in page["items"]]
        after = page["next"]
    assert (found, after) == (list(range(45)), None)
    whole = (await client.get(place, params={"limit": 45})).json()
    assert (len(whole["items"]), whole["next"]) == (45, None)


async def test_a_page_ends_where_it_gets_large(
    client: httpx.AsyncClient, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collected, "PAGE_BYTES", 250)
    for n in range(4):
        await client.put(f"{place}/u{n}", json={"text": "x" * 100})
    first = (await client.get(place)).json()
    assert ([item["id"] for item in first["items"]], first["next"]) == (["u0", "u1", "u2"], "u2")
    rest = (await client.get(place, params={"after": "u2"})).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == (["u3"], None)


async def test_some_are_found(client: httpx.AsyncClient) -> None:
    for id in ("welcome", "welcome-back", "bye"):
        await client.put(f"/v1/templates/{id}", json={"name": f"the {id}"})
        await client.put(f"/v1/users/{id}", json={"email": f"{id}@example.com"})

    async def found(place: str, q: str) -> list[str]:
        items = (await client.get(place, params={"q": q})).json()["items"]
        return [item["id"] for item in items]

    assert await found("/v1/templates", "welc") == ["welcome", "welcome-back"]
    assert await found("/v1/templates", "the bye") == ["bye"]
    assert await found("/v1/users", "bye@example.com") == ["bye"]
    assert await found("/v1/users", "bye@") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("after=" + "x" * 256, "after"),
        ("q=", "q"),
        ("q=%0a", "q"),
        ("state=ERROR", "state"),
        ("q=a&q=b", "q"),
    ],
)
async def test_a_wrong_query_is_told(
    client: httpx.AsyncClient, place: str, query: str, name: str
) -> None:
    answer = await client.get(f"{place}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, name)


async def test_reading_and_writing_need_their_scopes(
    client: httpx.AsyncClient, store: Store, clock: Any, place: str
) -> None:
    keys = Office(store, clock, lambda: None).keys
    read, write = [
        {"authorization": f"Bearer {(await keys.create('', [scope], None))[1]}"}
        for scope in (Scope.MAIL_READ, Scope.MAIL_WRITE)
    ]
    calls = [("PUT", ""), ("GET", ""), ("DELETE", "")]
    if place == "/v1/templates":
        calls.insert(1, ("POST", "/render"))
    for method, path in calls:
        good, bad = (read, write) if method == "GET" else (write, read)
        refused = await client.request(method, f"{place}/a{path}", json={}, headers=bad)
        assert (refused.status_code, refused.json()["reason"]) == (403, "scope_missing")
        taken = await client.request(method, f"{place}/a{path}", json={}, headers=good)
        assert taken.status_code in (200, 201, 204, 409)
    assert (await client.get(place, headers=read)).status_code == 200
    assert (await client.get(place, headers=write)).status_code == 403


async def test_without_a_renderer_none_is_tried_out(client: httpx.AsyncClient) -> None:
    await client.put("/v1/templates/a", json={"subject": "x"})
    answer = await client.post("/v1/templates/a/render", json={})
    assert (answer.status_code, answer.json()["reason"]) == (409, "not_rendered_here")
