"""The package's calls over HTTP: statuses, shapes, and words, all of them described."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import pytest

from franking.apis.cadence import APEXREST, cadence_routes
from franking.apis.routing import Routed
from franking.apis.schemas import SCHEMAS
from franking.clock import HandClock
from franking.outlets.package import EmbeddedPackage
from franking.stores.base import Store

from .conftest import DUE, MAIL, event
from .side import GONE, EmailSide, answer

ALL = "/cadence/touchpoints"
AUTOMATED = {"type": "automated", "cadenceMemberId": "m1", "dueAt": DUE, "mail": MAIL, "id": "t1"}
MANUAL = {"type": "manual", "cadenceMemberId": "m1", "emailMessageId": "02s", "id": "t1"}
FIELDS = set(SCHEMAS["Touchpoint"]["properties"])


@pytest.fixture
async def http(package: EmbeddedPackage) -> AsyncIterator[httpx.AsyncClient]:
    app = Routed(cadence_routes(package))
    transport = httpx.ASGITransport(cast(Any, app))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def told(http: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    answered = await http.post(APEXREST, json=event(**given))
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def test_create_answers_201_with_location_and_every_field(http: httpx.AsyncClient) -> None:
    answered = await http.post(ALL, json={**AUTOMATED, "id": "t 1"})
    assert (answered.status_code, answered.headers["location"]) == (201, f"{ALL}/t%201")
    found = answered.json()
    assert set(found) == FIELDS
    assert found | {"statusLastUpdated": "", "createdAt": ""} == {
        "id": "t 1",
        "type": "automated",
        "actionStatus": "Scheduled",
        "errorMessage": None,
        "errorMessageTruncated": None,
        "errorCode": None,
        "errorCategory": None,
        "manualRetryCount": 0,
        "statusLastUpdated": "",
        "createdAt": "",
        "dueAt": DUE,
        "nextAttemptTime": None,
        "cadenceMemberId": "m1",
        "emailMessageId": None,
        "recipient": "ada@example.com",
        "subject": "Hi",
        "timerId": "t 1",
        "mailId": "t 1",
        "lastEventId": None,
        "lastSequence": 0,
        "errors": [],
    }
    assert (await http.get(answered.headers["location"])).json() == found


async def test_an_event_is_answered_with_the_touchpoint(http: httpx.AsyncClient) -> None:
    await http.post(ALL, json=AUTOMATED)
    at = "2026-11-21T15:00:00.000Z"
    found = await told(http, name="email_Rate_Limited", nextAttemptTime=at)
    assert found["status"] == "applied"
    t = found["touchpoint"]
    assert (t["actionStatus"], t["nextAttemptTime"]) == ("Rate Limited", at)
    await told(http, sequence=2)
    errors = (await http.get(f"{ALL}/t1")).json()["errors"]
    assert [e["status"] for e in errors] == ["Error", "Rate Limited"]
    assert errors[1] == {
        "id": "ce-e1",
        "status": "Rate Limited",
        "errorMessage": "It is full.\n\n552 no",
        "errorMessageTruncated": "It is full.\n\n552 no",
        "errorCode": "552 5.2.2",
        "occurredAt": "2026-11-21T14:05:00.000Z",
    }


async def test_a_bad_event_is_answered_as_apex_does(http: httpx.AsyncClient) -> None:
    for body, code in (
        (b"{", "JSON_PARSER_ERROR"),
        (b"[]", "JSON_PARSER_ERROR"),
        (b"\xff", "JSON_PARSER_ERROR"),
        (b"{}", "REQUIRED_FIELD_MISSING"),
        (msgspec.json.encode(event(name="x")), "INVALID_FIELD"),
        (msgspec.json.encode(event()), "NOT_FOUND"),
    ):
        answered = await http.post(APEXREST, content=body)
        assert answered.status_code == 400
        [error] = answered.json()
        assert (set(error), error["errorCode"]) == ({"errorCode", "message"}, code)
        assert error["message"]


async def test_an_event_that_has_to_wait_is_answered_503(
    http: httpx.AsyncClient, side: EmailSide
) -> None:
    side.troubles["POST /timer"].append(GONE)
    side.troubles["GET /timer/{}"].append(GONE)
    side.troubles["DELETE /timer/{}"].append(GONE)
    assert (await http.post(ALL, json=AUTOMATED)).status_code == 503
    answered = await http.post(APEXREST, json=event())
    assert answered.status_code == 503
    [error] = answered.json()
    assert (error["errorCode"], "Nobody knows yet" in error["message"]) == ("OUT_OF_REACH", True)


async def test_retry_and_its_toast(http: httpx.AsyncClient, side: EmailSide) -> None:
    await http.post(ALL, json=AUTOMATED)
    await told(http)
    call = "POST /timer/{}/retry"
    side.troubles[call].append(answer(400, {"error_message": "Sent.", "reason": "already_sent"}))
    refused = await http.post(f"{ALL}/t1/retry")
    assert refused.status_code == 400
    assert refused.json() == {"error_message": "Sent.", "reason": "already_sent"}
    assert refused.headers["content-type"] == "application/json"
    side.troubles[call].append(GONE)
    refused = await http.post(f"{ALL}/t1/retry", json={"force": False})
    words = "Retry is out of reach right now. Try again in a minute."
    assert (refused.status_code, refused.json()["error_message"]) == (502, words)
    done = await http.post(
        f"{ALL}/t1/retry", json={"mail": {"to": "b@x.example"}}, headers={"idempotency-key": "k"}
    )
    assert (done.status_code, done.json()["actionStatus"]) == (200, "Manual Retry")
    assert done.json()["manualRetryCount"] == 1
    assert side.calls[-1][2:] == (
        {"force": False, "mail": {"to": "b@x.example"}},
        {"Idempotency-Key": "k"},
    )


async def test_complete_answers_202(http: httpx.AsyncClient, side: EmailSide) -> None:
    await http.post(ALL, json=MANUAL)
    done = await http.post(f"{ALL}/t1/complete", json={"mail": MAIL})
    assert (done.status_code, done.json()["mailId"]) == (202, "mail1")
    refused = await http.post(f"{ALL}/t1/complete", json={"mail": MAIL, "force": True})
    assert (refused.status_code, refused.json()["reason"]) == (400, "being_sent")
    refused = await http.post(f"{ALL}/t1/retry")
    words = "Manual emails can't be retried. Complete the touchpoint again."
    assert (refused.status_code, refused.json()["error_message"]) == (400, words)


async def test_many_are_retried_with_reasons(http: httpx.AsyncClient) -> None:
    await http.post(ALL, json=AUTOMATED)
    await told(http)
    found = await http.post(f"{ALL}/retry", json={"ids": ["t1", "t9"]})
    assert found.status_code == 200
    words = "There is no such touchpoint."
    assert found.json() == {
        "accepted": 1,
        "leftOut": 0,
        "refused": 1,
        "why": [{"reason": "unknown_touchpoint", "error_message": words, "count": 1}],
        "next": None,
    }
    found = await http.post(f"{ALL}/retry", json={"q": "nobody"})
    assert (found.status_code, found.json()["accepted"]) == (200, 0)
    refused = await http.post(f"{ALL}/retry", json={})
    assert (refused.status_code, refused.json()["reason"]) == (400, "no_filter")


async def test_delete_answers_204_and_409(http: httpx.AsyncClient, side: EmailSide) -> None:
    await http.post(ALL, json=AUTOMATED)
    side.troubles["DELETE /timer/{}"].append(answer(409))
    refused = await http.delete(f"{ALL}/t1")
    assert (refused.status_code, refused.json()["reason"]) == (409, "being_sent")
    assert (await http.delete(f"{ALL}/t1")).status_code == 204
    gone = await http.get(f"{ALL}/t1")
    assert (gone.status_code, gone.json()["reason"]) == (404, "unknown_touchpoint")


async def test_lists_go_page_by_page(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await http.post(ALL, json={**AUTOMATED, "id": f"t{number}"})
        await told(http, sequence=number + 1, touchpointId=f"t{number}")
    for path, name in ((ALL, "id"), ("/cadence/errors", "touchpointId")):
        seen: list[str] = []
        after: str | None = None
        while True:
            query = {"limit": "2"} | ({} if after is None else {"after": after})
            page = (await http.get(path, params=query)).json()
            seen += [item[name] for item in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert seen == ["t4", "t3", "t2", "t1", "t0"]
    errors = (await http.get("/cadence/errors")).json()["items"]
    assert set(errors[0]) == set(SCHEMAS["OwnedConquerError"]["properties"])


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"status": "Error"}, ["t1"]),
        ({"status": "Scheduled"}, ["t2"]),
        ({"category": "full"}, ["t1"]),
        ({"member": "m2"}, ["t2"]),
        ({"q": "t2"}, ["t2"]),
        ({"q": "t2", "status": "Error"}, []),
        ({"q": "t"}, ["t2", "t1"]),
        ({"q": "ADA@example.com hi"}, ["t2", "t1"]),
        ({"q": "m2"}, ["t2"]),
        ({"q": "bob"}, []),
        ({"q": "*"}, []),
        ({"member": "m1", "status": "Error", "category": "full"}, ["t1"]),
    ],
)
async def test_what_is_listed(http: httpx.AsyncClient, query: Any, ids: list[str]) -> None:
    await http.post(ALL, json=AUTOMATED)
    await http.post(ALL, json={**AUTOMATED, "id": "t2", "cadenceMemberId": "m2"})
    await told(http)
    found = (await http.get(ALL, params=query)).json()
    assert [item["id"] for item in found["items"]] == ids


async def test_conquer_errors_are_narrowed(http: httpx.AsyncClient) -> None:
    for number, name in enumerate(("email_Error", "email_Rate_Limited"), 1):
        await http.post(ALL, json={**AUTOMATED, "id": f"t{number}"})
        await told(http, name=name, sequence=number, touchpointId=f"t{number}")
    for query, ids in (
        ({"touchpoint": "t1"}, ["t1"]),
        ({"status": "Rate Limited"}, ["t2"]),
        ({"touchpoint": "t1", "status": "Rate Limited"}, []),
    ):
        found = (await http.get("/cadence/errors", params=query)).json()
        assert [item["touchpointId"] for item in found["items"]] == ids


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("POST", ALL, {**AUTOMATED, "dueAt": "x"}, 400, "'dueAt'"),
        ("POST", ALL, {**AUTOMATED, "id": 5}, 400, "'id'"),
        ("POST", ALL, {**AUTOMATED, "id": "a/b"}, 400, "'id'"),
        ("POST", ALL, [], 400, "array"),
        ("POST", ALL, None, 400, "JSON"),
        ("POST", f"{ALL}/t1/complete", {}, 400, "'mail'"),
        ("POST", f"{ALL}/t1/complete", {"mail": []}, 400, "'mail'"),
        ("POST", f"{ALL}/t1/complete", {"mail": {}, "force": 1}, 400, "'force'"),
        ("POST", f"{ALL}/t1/complete", {"mail": {}, "now": 1}, 400, "'now'"),
        ("POST", f"{ALL}/t1/retry", {"mail": "x"}, 400, "'mail'"),
        ("POST", f"{ALL}/t1/retry", {"force": "yes"}, 400, "'force'"),
        ("POST", f"{ALL}/t1/retry", {"x": 1}, 400, "'x'"),
        ("POST", f"{ALL}/retry", {"state": "x"}, 400, "'state'"),
        ("POST", f"{ALL}/t9/retry", None, 404, "t9"),
        ("POST", f"{ALL}/t9/complete", {"mail": MAIL}, 404, "t9"),
        ("DELETE", f"{ALL}/t9", None, 404, "t9"),
        ("GET", f"{ALL}/..%01", None, 400, "id"),
        ("GET", f"{ALL}?state=x", None, 400, "'state'"),
        ("GET", f"{ALL}?status=", None, 400, "'status'"),
        ("GET", f"{ALL}?limit=501", None, 400, "'limit'"),
        ("GET", f"{ALL}?after=x", None, 400, "'after'"),
        ("GET", f"{ALL}?q=a&q=b", None, 400, "'q'"),
        ("GET", "/cadence/errors?category=x", None, 400, "'category'"),
    ],
)
async def test_what_is_wrong_is_named(
    http: httpx.AsyncClient, method: str, path: str, body: Any, status: int, named: str
) -> None:
    content = None if body is None else msgspec.json.encode(body)
    answered = await http.request(method, path, content=content)
    assert answered.status_code == status, answered.text
    assert named in answered.json()["error_message"]
    assert answered.json()["reason"]


@pytest.mark.parametrize("call", ["retry", "complete"])
async def test_a_key_is_read_where_it_is_taken(http: httpx.AsyncClient, call: str) -> None:
    await http.post(ALL, json=AUTOMATED)
    headers = {"idempotency-key": "k" * 256}
    answered = await http.post(f"{ALL}/t1/{call}", json={"mail": MAIL}, headers=headers)
    assert (answered.status_code, answered.json()["reason"]) == (400, "bad_key")


async def test_another_content_type_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/plain"}
    answered = await http.post(ALL, content=b"{}", headers=headers)
    assert (answered.status_code, answered.json()["reason"]) == (415, "no_json")
    answered = await http.post(APEXREST, content=b"{}", headers=headers)
    assert answered.status_code == 415
    assert answered.json()[0]["errorCode"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_where_the_store_can_not_be_used_all_say_so(
    http: httpx.AsyncClient, store: Store, clock: HandClock
) -> None:
    await store.close()
    answered = await http.post(ALL, json=MANUAL)
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "5")
    assert answered.json()["error_message"]
    answered = await http.post(APEXREST, json=event())
    assert (answered.status_code, answered.json()[0]["errorCode"]) == (503, "SERVER_UNAVAILABLE")
