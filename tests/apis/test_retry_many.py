"""POST /v1/mail/retry: what is refused, what is left out and why, and one answer for a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from franking.clock import HandClock
from franking.office.retries import RETRIED_AT_ONCE
from franking.stores.base import Filter, Store

ERROR = {"delivery": {"state": "ERROR"}}
PATH = "/v1/mail/retry"

Send = Callable[[], Awaitable[str]]


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        ({}, "no_filter", None),
        ({"force": True}, "no_filter", None),
        ({"after": "5"}, "no_filter", None),
        ({"state": None}, "no_filter", None),
        ({"state": "error"}, "bad_field", "state"),
        ({"category": "bad"}, "bad_field", "category"),
        ({"account": ""}, "bad_field", "account"),
        ({"account": ["a"]}, "bad_field", "account"),
        ({"q": "\n"}, "bad_field", "q"),
        ({"state": "ERROR", "force": "yes"}, "bad_field", "force"),
        ({"state": "ERROR", "after": "x"}, "bad_field", "after"),
        ({"state": "ERROR", "limit": 5}, "bad_field", "limit"),
        ({"state": "ERROR", "id": "m1"}, "bad_field", "id"),
    ],
)
async def test_a_filter_that_is_missing_or_wrong_is_refused(
    client: httpx.AsyncClient, body: Any, reason: str, field: str | None
) -> None:
    answer = await client.post(PATH, json=body)
    found = answer.json()
    assert (answer.status_code, found["reason"], found.get("field")) == (422, reason, field)


async def put(client: httpx.AsyncClient, document: dict[str, Any], id: str, **fields: Any) -> None:
    answer = await client.put(f"/v1/mail/{id}", json={**document, **fields})
    assert answer.status_code == 201


async def retried(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counts(found: dict[str, Any]) -> tuple[int, int, int]:
    return found["retried"], found["leftOut"], found["refused"]


async def test_what_was_sent_is_left_out_unless_it_is_named_with_force(
    client: httpx.AsyncClient, document: dict[str, Any], send_next: Send
) -> None:
    await put(client, document, "m1")
    await send_next()
    found = await retried(client, account="default")
    assert counts(found) == (0, 1, 0)
    why = {"reason": "already_sent", "detail": "This email was already sent."}
    assert found["why"] == [{**why, "mail": "m1", "count": 1}]
    assert counts(await retried(client, account="default", force=True)) == (0, 1, 0)
    assert counts(await retried(client, state="SUCCESS")) == (0, 1, 0)
    assert counts(await retried(client, state="SUCCESS", force=True)) == (1, 0, 0)


async def test_what_may_have_been_sent_is_left_out_unless_it_is_named_with_force(
    client: httpx.AsyncClient, document: dict[str, Any], store: Store, clock: HandClock
) -> None:
    expired = {"state": "PROCESSING", "leaseExpireTime": None}
    await put(client, document, "m1", delivery=expired)
    found = await retried(client, state="ERROR", force=True)
    assert (counts(found), found["why"][0]["reason"]) == ((0, 1, 0), "outcome_unknown")
    assert counts(await retried(client, category="outcome_unknown", force=True)) == (1, 0, 0)


async def test_manual_mails_and_those_being_sent_are_refused(
    client: httpx.AsyncClient, document: dict[str, Any], store: Store, clock: HandClock
) -> None:
    await put(client, document, "m1", **ERROR, touchpointId="t1")
    await put(client, document, "m2")
    await store.claim(clock.now(), 1, 60_000)
    found = await retried(client, account="default")
    assert counts(found) == (0, 0, 2)
    assert {why["reason"] for why in found["why"]} == {"manual", "processing"}


async def test_one_that_was_never_tried_is_left_out(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    await put(client, document, "m1")
    found = await retried(client, account="default")
    assert (counts(found), found["why"][0]["reason"]) == ((0, 1, 0), "waiting")


@pytest.mark.parametrize(
    ("body", "which"),
    [
        ({"state": "ERROR"}, {"a", "b", "c"}),
        ({"account": "rep"}, {"b", "c"}),
        ({"account": "rep", "state": "ERROR"}, {"b", "c"}),
        ({"category": "invalid_recipient_address"}, {"c"}),
        ({"category": "invalid_recipient_address", "account": "default"}, set()),
        ({"q": "bob"}, {"b"}),
        ({"q": "bob", "account": "default"}, set()),
        ({"q": "--"}, set()),
        ({"state": "RETRY"}, set()),
    ],
)
async def test_all_that_match_are_retried_and_no_others(
    client: httpx.AsyncClient, document: dict[str, Any], body: dict[str, Any], which: set[str]
) -> None:
    await put(client, document, "a", **ERROR)
    await put(client, document, "b", **ERROR, account="rep", to="bob@example.com")
    await put(client, {**document, "to": []}, "c", account="rep")
    await put(client, document, "d", delivery={"state": "SUCCESS"})
    found = await retried(client, **body)
    mails = (await client.get("/v1/mail", params={"state": "RETRY"})).json()["items"]
    assert {mail["id"] for mail in mails} == which
    assert (found["retried"], found["next"]) == (len(which), None)


async def test_a_repeat_under_a_key_gets_the_first_answer_and_does_nothing(
    client: httpx.AsyncClient, document: dict[str, Any], store: Store
) -> None:
    await put(client, document, "m1", **ERROR)
    key = {"idempotency-key": "k"}
    first = await client.post(PATH, json={"state": "ERROR"}, headers=key)
    assert counts(first.json()) == (1, 0, 0)
    await put(client, document, "m2", **ERROR)
    again = await client.post(PATH, json={"state": "ERROR"}, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert len(await store.page(Filter(state="ERROR"), 10)) == 1
    other = await client.post(PATH, json={"account": "default"}, headers=key)
    assert (other.status_code, other.json()["reason"]) == (409, "key_reused")


async def test_many_are_retried_call_by_call_in_the_order_they_came(
    client: httpx.AsyncClient, document: dict[str, Any], store: Store, clock: HandClock
) -> None:
    count = RETRIED_AT_ONCE + 7
    for n in range(count):
        await put(client, document, f"m{n:04}", **ERROR)
    first = await retried(client, state="ERROR")
    clock.advance(1)
    rest = await retried(client, state="ERROR", after=first["next"])
    assert (first["retried"], rest["retried"], rest["next"]) == (RETRIED_AT_ONCE, 7, None)
    claimed = await store.claim(clock.now(), count, 60_000)
    assert [one.mail.id for one in claimed] == [f"m{n:04}" for n in range(count)]
    assert Counter(one.mail.delivery.tries for one in claimed) == {0: count}
