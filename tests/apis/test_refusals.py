"""Every way that a call on mail is refused, and what the problem says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from franking.office import Office
from franking.stores.base import Store

JSON = {"content-type": "application/json"}
GOOD = b'{"to":"a@example.com","message":{"subject":"s","text":"t"}}'
LONG = "x" * 256
SURROGATE = rb'{"to":"\ud800"}'


def nested(levels: int) -> bytes:
    """An object with this many levels in all."""
    return b'{"to":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


# method, path, headers, body: status, reason, field
BODIES = [
    # no JSON at all
    ("POST", "/v1/mail", JSON, b"", 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, b"{", 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, b'{"to":NaN}', 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, b'{"to":1e999}', 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, b'{"to":"\xff"}', 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, b"\xef\xbb\xbf{}", 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, SURROGATE, 400, "bad_json", None),
    ("POST", "/v1/mail", JSON, GOOD + b"x", 400, "bad_json", None),
    ("PUT", "/v1/mail/a", JSON, b"{", 400, "bad_json", None),
    ("PATCH", "/v1/mail/a", JSON, b"{", 400, "bad_json", None),
    ("POST", "/v1/mail/batch", JSON, b"[{]", 400, "bad_json", None),
    ("POST", "/v1/mail/a/retry", JSON, b"{", 400, "bad_json", None),
    # JSON of another kind
    ("POST", "/v1/mail", JSON, b"[]", 400, "no_object", None),
    ("POST", "/v1/mail", JSON, b"null", 400, "no_object", None),
    ("POST", "/v1/mail", JSON, b"1", 400, "no_object", None),
    ("PUT", "/v1/mail/a", JSON, b'"x"', 400, "no_object", None),
    ("PATCH", "/v1/mail/a", JSON, b"true", 400, "no_object", None),
    ("POST", "/v1/mail/batch", JSON, GOOD, 400, "no_array", None),
    ("POST", "/v1/mail/batch", JSON, b"[" + b"1," * 1000 + b"1]", 413, "too_many", None),
    # too deep, and far too deep
    ("POST", "/v1/mail", JSON, nested(101), 400, "too_deep", None),
    ("POST", "/v1/mail", JSON, nested(100_000), 400, "too_deep", None),
    ("POST", "/v1/mail/batch", JSON, b"[" + nested(101) + b"]", 400, "too_deep", None),
    # another content type
    ("POST", "/v1/mail", {"content-type": "text/plain"}, GOOD, 415, "no_json", "Content-Type"),
    ("POST", "/v1/mail", {"content-type": "json"}, GOOD, 415, "no_json", "Content-Type"),
    ("POST", "/v1/mail", {"content-type": ""}, GOOD, 415, "no_json", "Content-Type"),
    (
        "POST",
        "/v1/mail",
        {"content-type": "application/json; charset=latin-1"},
        GOOD,
        415,
        "no_json",
        "Content-Type",
    ),
    # an invalid document, with the field that the contract's text names
    ("POST", "/v1/mail", JSON, b"{}", 422, "invalid_document", None),
    ("POST", "/v1/mail", JSON, b'{"to":5}', 422, "invalid_document", "to"),
    ("POST", "/v1/mail", JSON, b'{"to":"a","message":{}}', 422, "invalid_document", None),
    (
        "POST",
        "/v1/mail",
        JSON,
        b'{"to":"a","message":{"text":"t"}}',
        422,
        "invalid_document",
        "message.subject",
    ),
    # a retry that asks for something else
    ("POST", "/v1/mail/a/retry", JSON, b'{"forced":true}', 422, "bad_field", "forced"),
    ("POST", "/v1/mail/a/retry", JSON, b'{"force":1}', 422, "bad_field", "force"),
    # no such mail, no such path, no such method
    ("GET", "/v1/mail/nobody", {}, b"", 404, "unknown_mail", None),
    ("GET", "/v1/mail/nobody/timeline", {}, b"", 404, "unknown_mail", None),
    ("DELETE", "/v1/mail/nobody", {}, b"", 404, "unknown_mail", None),
    ("PATCH", "/v1/mail/nobody", JSON, b"{}", 404, "unknown_mail", None),
    ("POST", "/v1/mail/nobody/retry", JSON, b"", 404, "unknown_mail", None),
    ("GET", "/v1/nothing", {}, b"", 404, "unknown_path", None),
    ("PUT", "/v1/mail", JSON, GOOD, 405, "unknown_method", None),
    # ids that are none
    ("PUT", "/v1/mail/a%2Fb", JSON, GOOD, 400, "bad_id", "id"),
    ("PUT", "/v1/mail/a%2fretry", JSON, GOOD, 400, "bad_id", "id"),
    ("GET", "/v1/mail/a%2Ftimeline", {}, b"", 400, "bad_id", "id"),
    ("GET", "/v1/mail/a%0Ab", {}, b"", 400, "bad_id", "id"),
    ("GET", "/v1/mail/a%00", {}, b"", 400, "bad_id", "id"),
    ("GET", "/v1/mail/%C2%85", {}, b"", 400, "bad_id", "id"),
    ("GET", "/v1/mail/%FF", {}, b"", 400, "bad_id", "id"),
    ("PUT", "/v1/mail/%2E", JSON, GOOD, 400, "bad_id", "id"),
    ("PUT", "/v1/mail/%2E%2E", JSON, GOOD, 400, "bad_id", "id"),
    ("PUT", "/v1/mail/__x__", JSON, GOOD, 400, "bad_id", "id"),
    ("PUT", f"/v1/mail/{LONG}", JSON, GOOD, 400, "bad_id", "id"),
    ("PUT", "/v1/mail/retry", JSON, GOOD, 405, "unknown_method", None),
    # Idempotency-Keys that are none
    ("POST", "/v1/mail", {**JSON, "idempotency-key": ""}, GOOD, 400, "bad_key", "Idempotency-Key"),
    (
        "POST",
        "/v1/mail",
        {**JSON, "idempotency-key": LONG},
        GOOD,
        400,
        "bad_key",
        "Idempotency-Key",
    ),
    (
        "PUT",
        "/v1/mail/a",
        {**JSON, "idempotency-key": b"\xc3\xa9"},
        GOOD,
        400,
        "bad_key",
        "Idempotency-Key",
    ),
    # If-Match on what is not there
    ("PUT", "/v1/mail/a", {**JSON, "if-match": '"1.1"'}, GOOD, 412, "changed", None),
    ("PUT", "/v1/mail/a", {**JSON, "if-match": "*"}, GOOD, 412, "changed", None),
    ("DELETE", "/v1/mail/a", {"if-match": '"1.1"'}, b"", 412, "changed", None),
    # the place to go on in the events
    ("GET", "/v1/events", {"last-event-id": "-1"}, b"", 400, "bad_event_id", "Last-Event-ID"),
    ("GET", "/v1/events", {"last-event-id": "1e3"}, b"", 400, "bad_event_id", "Last-Event-ID"),
]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "reason", "field"),
    BODIES,
    ids=lambda value: repr(value)[:40],
)
async def test_a_bad_request_is_told_what_is_wrong(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, Any],
    body: bytes,
    status: int,
    reason: str,
    field: str | None,
) -> None:
    answer = await client.request(method, path, headers=headers, content=body)
    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (status, reason)
    assert problem.get("field") == field
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert problem["next"].endswith(".")


async def test_nothing_of_a_refused_document_is_stored(client: httpx.AsyncClient) -> None:
    await client.post("/v1/mail", json={"to": 5})
    assert (await client.get("/v1/mail")).json() == {"items": [], "next": None}


async def test_an_invalid_document_is_told_in_the_contracts_words(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v1/mail", json={"to": 5, "message": {"subject": "", "text": "x"}})
    said = "must be either a string or an array of strings"
    lead = "ValidationError: Invalid email configuration"
    assert answer.json()["detail"] == f"{lead}: Field 'to' {said}"


async def test_malformed_json_is_told_with_its_position(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/mail", content=b'{"to": x}', headers=JSON)
    assert "byte 7" in answer.json()["detail"]


async def test_bad_utf8_is_told_with_its_position_in_the_body(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/mail", content=b'{"a":1,"to":"\xff"}', headers=JSON)
    assert "byte 13" in answer.json()["detail"]


async def test_a_method_that_a_path_does_not_take_names_those_it_does(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.put("/v1/mail/batch", json=[])
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


# What a mail's state does not allow: the delivery it came with, and what is asked.
STATES: list[tuple[dict[str, Any], str, str, Any, str]] = [
    ({"state": "SUCCESS"}, "POST", "/v1/mail/m/retry", None, "already_sent"),
    ({"state": "PROCESSING", "leaseExpireTime": "2099-01-01T00:00:00Z"}, "POST", "/v1/mail/m/retry",
     None, "processing"),
    ({"state": "PROCESSING", "leaseExpireTime": "2099-01-01T00:00:00Z"}, "DELETE", "/v1/mail/m",
     None, "processing"),
    ({"state": "PROCESSING", "leaseExpireTime": "2099-01-01T00:00:00Z"}, "PATCH", "/v1/mail/m",
     {"delivery": {"state": "RETRY"}}, "processing"),
]  # fmt: skip


@pytest.mark.parametrize(("delivery", "method", "path", "body", "reason"), STATES)
async def test_what_the_state_does_not_allow_is_a_conflict(
    client: httpx.AsyncClient,
    document: dict[str, Any],
    delivery: dict[str, Any],
    method: str,
    path: str,
    body: Any,
    reason: str,
) -> None:
    await client.put("/v1/mail/m", json={**document, "delivery": delivery})
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 409
    assert answer.json()["reason"] == reason


async def test_a_manual_mail_is_never_retried(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    await client.put("/v1/mail/m", json={**document, "touchpointId": "t"})
    answer = await client.post("/v1/mail/m/retry")
    assert answer.status_code == 409
    said = "Manual emails can't be retried. Complete the touchpoint again."
    assert answer.json()["detail"] == said


@pytest.mark.parametrize(
    ("delivery", "field"),
    [
        ({"attempts": 0}, "delivery.attempts"),
        ({"state": "SUCCESS"}, "delivery.state"),
        ({}, "delivery"),
        ("RETRY", "delivery"),
    ],
)
async def test_only_the_state_of_a_delivery_can_be_patched(
    client: httpx.AsyncClient, document: dict[str, Any], delivery: Any, field: str
) -> None:
    await client.put("/v1/mail/m", json=document)
    answer = await client.patch("/v1/mail/m", json={"delivery": delivery})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_what_nobody_expected_is_logged_and_tells_nothing_of_our_insides(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    async def broken(self: Office, *args: Any, **named: Any) -> None:
        raise RuntimeError(f"a bug with {args}")

    monkeypatch.setattr(Office, "submit", broken)
    with capture_logs() as logged:
        answer = await client.post("/v1/mail", json=document)
    assert (answer.status_code, answer.json()["reason"]) == (500, "unexpected")
    assert "bug" not in answer.text
    [line] = logged
    assert (line["event"], line["path"], line["error"]) == (
        "unexpected",
        "/v1/mail",
        "RuntimeError",
    )
    assert "in broken" in line["trace"]
    assert "ada@example.com" not in str(logged)


async def test_a_closed_store_is_503_and_when_to_come_back(
    client: httpx.AsyncClient, store: Store, document: dict[str, Any]
) -> None:
    await store.close()
    for answer in (
        await client.post("/v1/mail", json=document),
        await client.get("/v1/mail/a"),
        await client.get("/v1/mail"),
        await client.get("/readyz"),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert (await client.get("/healthz")).status_code == 200
