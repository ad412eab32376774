"""Retry Timer over HTTP, and Idempotency-Keys on Skyring's calls: refusals first."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from franking.apis.http import Front, build
from franking.clock import HandClock
from franking.core.key import Scope
from franking.core.timer.retry import IN_DOUBT, LIMITED, SCHEDULED
from franking.office import Office
from franking.office.timer_door import TimerRefused, Unreachable
from franking.stores.base import Store

from .timers_at_hand import TimersAtHand

HTTP = {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/u"}
TIMER = {"timeout": 1000, "data": "hello", "callback": HTTP}


@pytest.fixture
def timers(clock: HandClock) -> TimersAtHand:
    return TimersAtHand(clock)


@pytest.fixture
def office(store: Store, clock: HandClock) -> Office:
    return Office(store, clock, lambda: None)


@pytest.fixture
def front(office: Office, clock: HandClock, timers: TimersAtHand) -> Front:
    return build(office, clock, timers=timers)


@pytest.fixture
async def deleted(client: httpx.AsyncClient, timers: TimersAtHand) -> TimersAtHand:
    """The timer `t` is there and was deleted."""
    await client.post("/timer", json=TIMER, headers={"x-timer-id": "t"})
    await client.delete("/timer/t")
    timers.calls.clear()
    return timers


@pytest.mark.parametrize(
    ("refused", "body"),
    [
        (
            TimerRefused(SCHEDULED, "scheduled", 1_795_269_900_000),
            {
                "error_message": "This email is already scheduled to be sent.",
                "reason": "scheduled",
                "nextAttemptTime": "2026-11-21T14:05:00.000Z",
            },
        ),
        (
            TimerRefused(IN_DOUBT, "outcome_unknown"),
            {
                "error_message": "This email may already have been delivered. Press Retry again"
                " to send it anyway.",
                "reason": "outcome_unknown",
            },
        ),
        (
            TimerRefused(LIMITED, "send_limit"),
            {
                "error_message": "Your mailbox has reached its sending limit. This email will be"
                " sent automatically.",
                "reason": "send_limit",
            },
        ),
    ],
)
async def test_a_retry_that_the_state_refuses_is_400(
    client: httpx.AsyncClient, timers: TimersAtHand, refused: TimerRefused, body: Any
) -> None:
    timers.broken = refused
    answer = await client.post("/timer/t/retry")
    assert (answer.status_code, answer.json()) == (400, body)
    assert answer.headers["x-skyring-reason"] == body["error_message"]


async def test_out_of_reach_is_503(client: httpx.AsyncClient, timers: TimersAtHand) -> None:
    timers.broken = Unreachable("The Data API is out of reach.")
    answer = await client.post("/timer/t/retry")
    told = {"error_message": "The Data API is out of reach."}
    assert (answer.status_code, answer.json()) == (503, told)
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"force":1}', "force must be true or false"),
        (b'{"force":null}', "force must be true or false"),
        (b'{"mail":"x"}', "mail must be an object: the fields to merge into the document"),
        (b'{"mail":[]}', "mail must be an object: the fields to merge into the document"),
        (b'{"Force":true}', "Field 'Force' is not known here; there are force and mail"),
        (b"[]", "The body is an array, not a JSON object."),
        (b"null", "The body is null, not a JSON object."),
        (b"{", "The body is no JSON that can be read: "),
        (b'{"mail":{"a":"\xff"}}', "The body is not UTF-8 (byte 14)."),
        (b'{"mail":{"a":%b}}' % (b"[" * 200 + b"]" * 200), "The body is nested more than 100"),
    ],
)
async def test_what_is_no_retry_is_refused(
    client: httpx.AsyncClient, deleted: TimersAtHand, body: bytes, text: str
) -> None:
    answer = await client.post("/timer/t/retry", content=body)
    assert (answer.status_code, answer.json()["error_message"][: len(text)]) == (400, text)
    assert deleted.calls == []


@pytest.mark.parametrize(
    ("body", "force", "mail"),
    [
        (b"", False, None),
        (b"{}", False, None),
        (b'{"force":false,"mail":null}', False, None),
        (b'{"force":true}', True, None),
        (b'{"mail":{"to":"b@example.com"}}', False, {"to": "b@example.com"}),
    ],
)
async def test_a_retry_is_answered_with_the_timer(
    client: httpx.AsyncClient, deleted: TimersAtHand, body: bytes, force: bool, mail: Any
) -> None:
    answer = await client.post("/timer/t/retry", content=body)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["id"], found["state"], found["retryCount"]) == ("t", "scheduled", 1)
    assert deleted.calls == [("retry", "t", None, None, force, mail)]


async def test_of_two_retries_at_once_one_is_refused_unless_they_are_the_same(
    client: httpx.AsyncClient, deleted: TimersAtHand
) -> None:
    answers = await asyncio.gather(*(client.post("/timer/t/retry") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    await client.delete("/timer/t")
    once = {"idempotency-key": "k"}
    answers = await asyncio.gather(*(client.post("/timer/t/retry", headers=once) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
async def test_a_key_that_is_none_is_refused(
    client: httpx.AsyncClient, deleted: TimersAtHand, key: str
) -> None:
    headers = {b"idempotency-key": key.encode()}
    for call in ("POST /timer", "PUT /timer/t", "POST /timer/t/retry"):
        body = {} if call.endswith("retry") else TIMER
        answer = await client.request(*call.split(), json=body, headers=headers)
        assert answer.status_code == 400
        assert answer.headers["x-skyring-reason"].startswith("An Idempotency-Key has 1 to 255 ")
    assert deleted.calls == []


async def test_a_repeat_under_a_key_gets_the_first_answer(
    client: httpx.AsyncClient, timers: TimersAtHand
) -> None:
    once = {"idempotency-key": "k"}
    first = await client.post("/timer", json=TIMER, headers=once)
    again = await client.post("/timer/", json=TIMER, headers=once)
    assert first.headers["location"] == again.headers["location"]
    assert len(timers.timers) == 1
    other = await client.post("/timer", json=TIMER | {"timeout": 5}, headers=once)
    assert other.status_code == 409
    assert other.headers["x-skyring-reason"].startswith("This Idempotency-Key came before")
    assert other.headers["location"] not in ("", first.headers["location"])


async def test_a_key_belongs_to_its_credential_and_its_route(
    client: httpx.AsyncClient, office: Office, timers: TimersAtHand
) -> None:
    for id in ("t", "t/retry"):
        await client.post("/timer", json=TIMER, headers={"x-timer-id": id})
    keys = [await office.keys.create("", [Scope.TIMERS], None) for _ in range(2)]
    timers.calls.clear()
    for _, shown in keys:
        headers = {"idempotency-key": "k", "authorization": f"Bearer {shown}"}
        await client.post("/timer", json=TIMER, headers=headers)
        await client.put("/timer/t", json=TIMER, headers=headers)
        await client.put("/timer/t%2Fretry", json=TIMER, headers=headers)
        await client.post("/timer/t/retry", headers=headers)
    routes = ("POST /timer", "PUT /timer/t", "PUT /timer/t%2Fretry", "POST /timer/t/retry")
    scopes = [call[2].scope for call in timers.calls]
    assert scopes == [f"{key.id}:{route}" for key, _ in keys for route in routes]


async def test_nobody_in_particular_has_keys_too(
    client: httpx.AsyncClient, timers: TimersAtHand
) -> None:
    await client.post("/timer", json=TIMER, headers={"idempotency-key": "k"})
    [(_, _, key, caller)] = timers.calls
    assert (key.key, key.scope, caller) == ("k", "local:POST /timer", None)
    assert len(key.fingerprint) == 64
