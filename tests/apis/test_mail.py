"""The calls on one mail, and on a batch: what each does when all is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Sending = Callable[[], Awaitable[str]]

NEW = {
    "state": "PENDING",
    "startTime": "2026-11-21T14:05:00.000Z",
    "endTime": None,
    "leaseExpireTime": None,
    "attempts": 0,
    "error": None,
    "category": None,
    "cause": None,
    "errorCode": None,
    "message": None,
    "outcome": None,
    "nextAttemptTime": "2026-11-21T14:05:00.000Z",
    "waitingFor": None,
}


async def test_a_submitted_mail_is_answered_as_it_is_stored(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    answer = await client.post("/v1/mail", json=document)
    mail = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/mail/{mail['id']}"
    assert mail == {"id": mail["id"], **document, "delivery": NEW}
    read = await client.get(answer.headers["location"])
    assert read.json() == mail
    assert read.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/vnd.mail+json",
        "text/json",
    ],
)
async def test_json_is_taken_by_any_of_its_names(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    body = b'{"to":"a@example.com","message":{"subject":"s","text":"t"}}'
    headers = {} if content_type is None else {"content-type": content_type}
    assert (await client.post("/v1/mail", content=body, headers=headers)).status_code == 201


async def test_unknown_fields_and_odd_numbers_are_kept(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    odd = {**document, "big": 10**40, "deep": [[[{"id": "inner"}]]], "né": "\u0000\U0001f600"}
    mail = (await client.post("/v1/mail", json=odd)).json()
    assert {**odd, "id": mail["id"], "delivery": mail["delivery"]} == mail


async def test_a_hundred_levels_are_not_too_deep(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    value: Any = 1
    for _ in range(99):
        value = [value]
    assert (await client.post("/v1/mail", json={**document, "x": value})).status_code == 201


@pytest.mark.parametrize("prefer", ["handling=lenient", 'x, Handling="Lenient"; y'])
async def test_an_invalid_document_is_stored_if_that_is_preferred(
    client: httpx.AsyncClient, prefer: str
) -> None:
    answer = await client.post("/v1/mail", json={"to": 5}, headers={"prefer": prefer})
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "handling=lenient"
    assert answer.json()["delivery"]["state"] == "ERROR"


async def test_other_preferences_are_passed_over(client: httpx.AsyncClient) -> None:
    for prefer in ("handling=strict", "nothandling=lenient", "handling=lenienter"):
        answer = await client.post("/v1/mail", json={"to": 5}, headers={"prefer": prefer})
        assert answer.status_code == 422


async def test_a_batch_is_answered_in_order(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    bad = {**document, "to": 5}
    answer = await client.post("/v1/mail/batch", json=[document, bad, 7, document])
    first, second, third, fourth = answer.json()
    assert answer.status_code == 200
    assert first == {"status": 201, "id": first["id"], "delivery": {"state": "PENDING"}}
    assert (second["status"], second["field"]) == (422, "to")
    assert third["status"] == 422
    assert fourth["status"] == 201
    assert [m["id"] for m in (await client.get("/v1/mail")).json()["items"]] == [
        fourth["id"],
        first["id"],
    ]


async def test_a_lenient_batch_stores_what_is_a_document(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    answer = await client.post(
        "/v1/mail/batch", json=[{"to": 5}, 7], headers={"prefer": "handling=lenient"}
    )
    first, second = answer.json()
    assert (first["status"], first["delivery"]["state"]) == (201, "ERROR")
    assert first["delivery"]["error"].startswith("ValidationError: ")
    assert second["status"] == 422


async def test_an_empty_batch_is_no_trouble(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/mail/batch", json=[])
    assert (answer.status_code, answer.json()) == (200, [])


async def test_put_creates_then_replaces_and_a_repeat_changes_nothing(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    first = await client.put("/v1/mail/an id", json=document)
    again = await client.put("/v1/mail/an id", json=document)
    other = await client.put("/v1/mail/an id", json={**document, "to": "b@example.com"})
    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 200]
    assert first.headers["location"] == "/v1/mail/an%20id"
    assert first.headers["etag"] == again.headers["etag"] != other.headers["etag"]
    assert (await client.get("/v1/mail/an id")).json()["to"] == "b@example.com"


async def test_put_stores_an_invalid_document_and_tells_its_trouble(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.put("/v1/mail/m", json={"to": 5})
    assert answer.status_code == 201
    assert answer.json()["delivery"]["state"] == "ERROR"
    assert answer.json()["delivery"]["error"].startswith("ValidationError: ")


async def test_what_was_read_can_be_written_back(
    client: httpx.AsyncClient, document: dict[str, Any], send_next: Sending
) -> None:
    await client.put("/v1/mail/m", json=document)
    await send_next()
    read = await client.get("/v1/mail/m")
    for write in (client.put, client.patch):
        sent = {**read.json()} if write == client.put else {"id": "m", "to": document["to"]}
        answer = await write("/v1/mail/m", json=sent)
        assert (answer.status_code, answer.headers["etag"]) == (200, read.headers["etag"])


@pytest.mark.parametrize("id", ["...", "_x_", "ümläut", "a b+c", "x" * 255, "timeline", "a%b"])
async def test_an_odd_id_is_an_id_all_the_same(
    client: httpx.AsyncClient, document: dict[str, Any], id: str
) -> None:
    path = f"/v1/mail/{id.replace('%', '%25')}"
    assert (await client.put(path, json=document)).json()["id"] == id
    listed = (await client.get("/v1/mail")).json()["items"]
    assert [mail["id"] for mail in listed] == [id]
    assert (await client.delete(path)).status_code == 204


async def test_patch_merges_fields(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    await client.put("/v1/mail/m", json={**document, "cc": "c@example.com"})
    answer = await client.patch(
        "/v1/mail/m",
        content=b'{"cc":null,"message":{"text":"New."}}',
        headers={"content-type": "application/merge-patch+json"},
    )
    mail = answer.json()
    assert answer.status_code == 200
    assert "cc" not in mail
    assert mail["message"] == {"subject": "Hello", "text": "New."}


async def test_a_failed_mail_is_mended_and_sent_again_by_patch(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/v1/mail/m", json={"to": 5, "message": {"subject": "s", "text": "t"}})
    patch = {"to": "a@example.com", "delivery": {"state": "RETRY"}}
    mail = (await client.patch("/v1/mail/m", json=patch)).json()
    assert mail["delivery"]["state"] == "RETRY"
    assert mail["delivery"]["nextAttemptTime"] == "2026-11-21T14:05:00.000Z"


async def test_a_sent_mail_has_info_and_a_timeline_with_the_peers_words(
    client: httpx.AsyncClient, document: dict[str, Any], send_next: Sending
) -> None:
    await client.put("/v1/mail/m", json=document)
    assert await send_next() == "m"
    delivery = (await client.get("/v1/mail/m")).json()["delivery"]
    assert delivery["state"] == "SUCCESS"
    assert delivery["endTime"] == "2026-11-21T14:05:00.250Z"
    assert delivery["nextAttemptTime"] is None
    assert delivery["info"] == {
        "messageId": "<m@x>",
        "accepted": ["ada@example.com"],
        "rejected": [],
        "pending": [],
        "response": "250 2.0.0 Accepted",
        "sendgridQueueId": None,
    }
    timeline = (await client.get("/v1/mail/m/timeline")).json()
    [attempt] = timeline["attempts"]
    assert timeline["id"] == "m"
    assert attempt["text"] == "250 2.0.0 Accepted\nas “q1”"
    assert attempt["outcome"] == "sent"
    assert attempt["steps"] == [{"stage": "claimed", "at": "2026-11-21T14:05:00.250Z"}]


async def test_retry_sends_again_what_was_sent_only_with_force(
    client: httpx.AsyncClient, document: dict[str, Any], send_next: Sending
) -> None:
    await client.put("/v1/mail/m", json=document)
    await send_next()
    refused = await client.post("/v1/mail/m/retry")
    assert refused.status_code == 409
    assert "force" in refused.json()["next"]
    answer = await client.post("/v1/mail/m/retry", json={"force": True})
    assert (answer.status_code, answer.json()["delivery"]["state"]) == (200, "RETRY")


async def test_a_deleted_mail_is_gone(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    await client.put("/v1/mail/m", json=document)
    answer = await client.delete("/v1/mail/m")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"content-type", "content-length"} & set(answer.headers)
    assert (await client.get("/v1/mail/m")).status_code == 404


async def test_a_mail_that_is_unchanged_is_not_sent_again_to_a_reader(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    tag = (await client.put("/v1/mail/m", json=document)).headers["etag"]
    for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await client.get("/v1/mail/m", headers={"if-none-match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    assert (await client.get("/v1/mail/m", headers={"if-none-match": '"x"'})).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_write_counts_only_for_the_version_that_it_names(
    client: httpx.AsyncClient, document: dict[str, Any], method: str
) -> None:
    old = (await client.put("/v1/mail/m", json=document)).headers["etag"]
    new = (await client.patch("/v1/mail/m", json={"cc": "c@example.com"})).headers["etag"]
    body = None if method == "DELETE" else {**document, "to": "b@example.com"}
    for stale in (old, f"W/{new}", '"x"'):
        answer = await client.request(method, "/v1/mail/m", json=body, headers={"if-match": stale})
        assert answer.status_code == 412
    assert (await client.get("/v1/mail/m")).headers["etag"] == new
    answer = await client.request(method, "/v1/mail/m", json=body, headers={"if-match": new})
    assert answer.status_code in (200, 204)


async def test_the_id_on_the_wire_is_the_mails(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    answer = await client.put("/v1/mail/m", json={**document, "id": "the document's own"})
    assert answer.text.count('"id"') == 1
    assert answer.json()["id"] == "m"


async def test_the_service_says_that_it_lives_and_is_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}
