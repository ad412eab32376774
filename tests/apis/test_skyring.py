"""Skyring's calls over HTTP: each way to be refused, in its words, then what is taken.

The numbers are the cases of contract skyring, section 5.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from franking.apis import skyring
from franking.apis.http import Front, build
from franking.apis.skyring_requests import MOST_BYTES
from franking.clock import HandClock
from franking.core.timer import Life, TimerState, Try
from franking.core.timer.request import MOST_TIMEOUT_MS
from franking.office import Office
from franking.office.timer_door import TimerRefused, Unreachable
from franking.stores.base import Store, StoreUnavailable

from .conftest import served
from .timers_at_hand import TimersAtHand, said

HTTP = {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/u"}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIMEOUT = "timeout is required and must be a positive number"
LATEST = "timeout must be less than or equal to 2147483647 milliseconds"
DATA = "data is required and must be a string or object. Got "
PLAIN = msgspec.json.encode({"timeout": 1000, "callback": HTTP})
UNKNOWN = "uuid-that-is-not-there"


@pytest.fixture
def timers(clock: HandClock) -> TimersAtHand:
    return TimersAtHand(clock)


@pytest.fixture
def front(store: Store, clock: HandClock, timers: TimersAtHand) -> Front:
    return build(Office(store, clock, lambda: None), clock, timers=timers)


def wanted(**fields: Any) -> dict[str, Any]:
    return {"timeout": 1000, "data": "hello", "callback": HTTP, **fields}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in wanted().items() if key != name}


def callback(**fields: Any) -> dict[str, Any]:
    given = {**HTTP, **fields}
    return wanted(callback={name: value for name, value in given.items() if value is not None})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the text, which is in the header and in the body."""
    text = answer.json()["error_message"]
    assert answer.headers["x-skyring-reason"] == text
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (without("timeout"), TIMEOUT),  # 4
        (wanted(timeout=0), TIMEOUT),  # 6
        (wanted(timeout=-1), TIMEOUT),  # 7
        (wanted(timeout=None), TIMEOUT),  # 8
        (wanted(timeout="abc"), TIMEOUT),  # 9
        (wanted(timeout=True), TIMEOUT),
        (wanted(timeout=[5]), TIMEOUT),
        (wanted(timeout=1.5), "timeout must be a whole number of milliseconds"),
        (wanted(timeout=MOST_TIMEOUT_MS + 1), LATEST),
        (without("callback"), "callback is required"),  # 11
        (wanted(callback=1), "callback is required and must be an object"),  # 12
        (wanted(callback=None), "callback is required and must be an object"),
        (callback(uri=None), "callback.uri is required and must be a string"),  # 13
        (callback(transport=None), "callback.transport is required and must be a string"),  # 14
        (callback(method=None), "callback.method is required and must be a string"),  # 15
        (callback(transport={}), "callback.transport is required and must be a string"),  # 16
        (wanted(data=False), DATA + "Boolean"),  # 19
        (wanted(data=5), DATA + "Number"),  # 20
        (wanted(data=[1]), DATA + "Array"),  # 21
        (callback(transport="pigeon"), "Unknown transport pigeon"),  # 27
        (wanted(dueAt="2026-11-21T14:05:00Z"), "timeout and dueAt exclude each other"),
        (without("timeout") | {"dueAt": "tomorrow"}, "dueAt must be an RFC 3339 time"),
        (wanted(created="yesterday"), "created must be a time in milliseconds since 1970"),
        (None, TIMEOUT),  # Skyring: 500
        ([], TIMEOUT),
        (5, TIMEOUT),
        ("text", TIMEOUT),
        (True, TIMEOUT),
    ],
)
async def test_what_is_no_timer_is_refused_in_skyrings_words(
    client: httpx.AsyncClient, timers: TimersAtHand, body: Any, text: str
) -> None:
    for path in ("/timer", "/timer/"):
        answer = await client.post(path, content=msgspec.json.encode(body))
        status, told = refusal(answer)
        assert (status, told[: len(text)]) == (400, text)
        assert answer.headers["location"].startswith("/timer/")
    assert timers.calls == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"foo","bar"}', "the body is not JSON: JSON is malformed: expected ':' (byte 6)"),  # 17
        (b"", TIMEOUT),  # 18
        (b" ", "the body is not JSON: "),
        (b"{", "the body is not JSON: "),
        (b'{"timeout":1}x', "the body is not JSON: "),
        (b'{"timeout":NaN}', "the body is not JSON: "),
        (b'{"data":"\xff"}', "the body is not JSON: 'utf-8' codec can't decode byte 0xff"),
        (b'{"\xff":1}', "the body is not JSON: 'utf-8' codec can't decode byte 0xff"),
        (b'{"else":"\xff"}', "the body is not JSON: 'utf-8' codec can't decode byte 0xff"),
        (b'{"data":"\\ud800"}', "the body is not JSON: "),
        (b'{"data":' + b"[" * 100_000, "the body is not JSON: "),
        (b'{"a\\r\\nSet-Cookie: b":', "the body is not JSON: "),
    ],
)
async def test_what_is_no_json_is_refused_in_the_parsers_words(
    client: httpx.AsyncClient, timers: TimersAtHand, body: bytes, text: str
) -> None:
    timers.timers["t"] = await scheduled(client, timers)
    for method, path in (("POST", "/timer"), ("PUT", "/timer/t")):
        status, told = refusal(await client.request(method, path, content=body))
        assert (status, told[: len(text)]) == (400, text)
    assert [call[0] for call in timers.calls] == ["create"]


async def scheduled(client: httpx.AsyncClient, timers: TimersAtHand) -> Any:
    """A timer `t` that waits."""
    answer = await client.post("/timer", json=wanted(), headers={"x-timer-id": "t"})
    assert answer.status_code == 201
    return timers.timers["t"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"/timer/{UNKNOWN}"),  # 30
        ("PUT", f"/timer/{UNKNOWN}"),  # 33
        ("GET", f"/timer/{UNKNOWN}"),
        ("POST", f"/timer/{UNKNOWN}/retry"),
    ],
)
async def test_an_unknown_timer_is_404(client: httpx.AsyncClient, method: str, path: str) -> None:
    body = {} if method != "PUT" else wanted()
    status, told = refusal(await client.request(method, path, json=body))
    assert (status, told) == (404, f"There is no timer with id {UNKNOWN}")


async def test_anything_else_is_not_found(  # 50
    client: httpx.AsyncClient, timers: TimersAtHand
) -> None:
    for call in (
        *("GET /timer", "GET /timer/", "DELETE /timer", "PUT /timer/", "OPTIONS /timer"),
        *("PATCH /timer/t", "POST /timer/t", "POST /timer/a/b", "DELETE /timer/a/b"),
        *("GET /timer/t/retry", "POST /timer/t/retry/now", "POST /timer//retry", "POST /ping"),
    ):
        answer = await client.request(*call.split())
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"}), call
        assert answer.headers["x-skyring-reason"] == "Not Found"
    assert timers.calls == []


async def test_ping_is_answered_with_nothing(client: httpx.AsyncClient) -> None:  # 1
    answer = await client.get("/ping")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("body", "data", "due_in"),
    [
        (wanted(), b'"hello"', 1000),  # 2
        (without("data"), None, 1000),  # 3
        (wanted(data=None), None, 1000),
        (wanted(data={}), b"{}", 1000),  # 23
        (wanted(created=-4000), b'"hello"', -3000),  # 37: `created` is shifted to now below
        (wanted(data='{"a":1}'), b'"{\\"a\\":1}"', 1000),  # 38
        (wanted(timeout="100"), b'"hello"', 100),
        (wanted(timeout=MOST_TIMEOUT_MS), b'"hello"', MOST_TIMEOUT_MS),
        (wanted(more="kept", id="not this"), b'"hello"', 1000),
        (callback(method="fake"), b'"hello"', 1000),  # 42: told when it is served
    ],
)
async def test_a_timer_is_taken(
    client: httpx.AsyncClient,
    timers: TimersAtHand,
    clock: HandClock,
    body: dict[str, Any],
    data: bytes | None,
    due_in: int,
) -> None:
    if "created" in body:
        body = body | {"created": clock.now() + body["created"]}
    answer = await client.post("/timer", content=msgspec.json.encode(body))
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["content-length"] == "0"
    assert "content-type" not in answer.headers
    [(id, timer)] = timers.timers.items()
    assert answer.headers["location"] == f"/timer/{id}"
    assert timer.due_at == clock.now() + due_in
    assert (None if timer.data is None else bytes(timer.data)) == data


async def test_an_id_of_our_making_is_a_random_uuid(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/timer", json=wanted()) for _ in range(5)]
    ids = {answer.headers["location"].removeprefix("/timer/") for answer in answers}
    assert len(ids) == 5
    for id in ids:
        assert re.fullmatch(UUID, id)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_the_content_type_is_passed_over(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = msgspec.json.encode(wanted())
    assert (await client.post("/timer", content=body, headers=headers)).status_code == 201


async def test_data_is_shown_byte_for_byte_as_it_came(client: httpx.AsyncClient) -> None:  # 39
    data = b'{"b": 1.0, "a" :[1e3,\t"\\u00e9"],"b":2}'
    body = b'{"timeout":1000,"data":%b,"callback":%b}' % (data, msgspec.json.encode(HTTP))
    made = await client.post("/timer", content=body)
    assert data in (await client.get(made.headers["location"])).content


async def test_a_timer_that_lives_is_not_created_again(client: httpx.AsyncClient) -> None:
    named = {"x-timer-id": "mine"}
    assert (await client.post("/timer", json=wanted(), headers=named)).status_code == 201
    again = await client.post("/timer", json=wanted(), headers=named)
    assert refusal(again) == (409, "Timer with id mine already exists")
    assert again.headers["location"] == "/timer/mine"
    assert (await client.delete("/timer/mine")).status_code == 202
    assert (await client.post("/timer", json=wanted(), headers=named)).status_code == 201


async def test_a_timer_is_deleted_once(  # 28, 29
    client: httpx.AsyncClient, timers: TimersAtHand
) -> None:
    await scheduled(client, timers)
    answer = await client.delete("/timer/t")
    assert (answer.status_code, answer.content) == (202, b"")
    assert timers.timers["t"].state is TimerState.DELETED
    assert refusal(await client.delete("/timer/t")) == (404, "Timer with id t has ended")


async def test_a_timer_is_replaced_and_its_countdown_restarts(  # 32, 35
    client: httpx.AsyncClient, timers: TimersAtHand, clock: HandClock
) -> None:
    before = await scheduled(client, timers)
    bad = await client.put("/timer/t", json=callback(transport="pigeon"))
    assert refusal(bad) == (400, "Unknown transport pigeon")
    assert timers.timers["t"] == before
    clock.advance(600)
    answer = await client.put("/timer/t", json=wanted(data={"new": 1}))
    assert (answer.status_code, answer.content) == (200, b"")
    timer = timers.timers["t"]
    assert timer.due_at == clock.now() + 1000
    assert timer.data is not None
    assert bytes(timer.data) == b'{"new":1}'


async def test_a_timer_is_shown_whole(
    client: httpx.AsyncClient, timers: TimersAtHand, clock: HandClock
) -> None:
    timer = await scheduled(client, timers)
    at = clock.now()
    timers.timers["t"] = msgspec.structs.replace(
        timer,
        state=TimerState.SERVED,
        served_at=at,
        previous_executed_at=at,
        previous_error="500",
        retry_count=2,
        attempt=3,
        tries=(Try(3, at, "503 Service Unavailable"),),
        next_at=at + 2_000,
    )
    timers.lives["t"] = (Life("retried", at, at, error="500", retry_count=1),)
    now = "2026-11-21T14:05:00.000Z"
    assert (await client.get("/timer/t")).json() == {
        "id": "t",
        "state": "served",
        "dueAt": "2026-11-21T14:05:01.000Z",
        "data": "hello",
        "callback": HTTP,
        "createdAt": now,
        "servedAt": now,
        "executedAt": None,
        "deletedAt": None,
        "error": None,
        "previousServedAt": None,
        "previousExecutedAt": now,
        "previousDeletedAt": None,
        "previousError": "500",
        "retryCount": 2,
        "attempt": 3,
        "tries": [{"attempt": 3, "at": now, "error": "503 Service Unavailable"}],
        "nextAttemptTime": "2026-11-21T14:05:02.000Z",
        "lives": [
            {
                "endedBy": "retried",
                "dueAt": now,
                "createdAt": now,
                "servedAt": None,
                "executedAt": None,
                "deletedAt": None,
                "error": "500",
                "retryCount": 1,
            }
        ],
    }
    # While the next call is under way nobody knows when there will be another.
    timers.timers["t"] = msgspec.structs.replace(timers.timers["t"], attempt=4)
    assert (await client.get("/timer/t")).json()["nextAttemptTime"] is None


def padded(size: int) -> bytes:
    """A timer of exactly so many bytes."""
    body = msgspec.json.encode(wanted(data=""))
    return msgspec.json.encode(wanted(data="x" * (size - len(body))))


@pytest.mark.parametrize(
    ("size", "status"), [(900 * 1024, 201), (1_048_576, 201), (1_048_577, 413), (11_000_000, 413)]
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_mebibyte_at_most(
    front: Front, timers: TimersAtHand, size: int, status: int, chunked: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        body = padded(size)
        for start in range(0, size, 65_536):
            yield body[start : start + 65_536]

    named = {"x-timer-id": "mine"}
    async with served(front) as address, httpx.AsyncClient(base_url=address) as client:
        body = chunks() if chunked else padded(size)
        answer = await client.post("/timer", content=body, headers=named)
    assert (answer.status_code, answer.headers["location"]) == (status, "/timer/mine")
    if status == 413:
        assert refusal(answer) == (413, "request entity too large")
    assert set(timers.timers) == ({"mine"} if status == 201 else set())


async def test_every_body_is_bounded(client: httpx.AsyncClient, timers: TimersAtHand) -> None:
    for call in ("PUT /timer/t", "POST /timer/t/retry", "DELETE /timer/t"):
        answer = await client.request(*call.split(), content=padded(MOST_BYTES + 1))
        assert refusal(answer) == (413, "request entity too large")
    assert timers.calls == []


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Unreachable("The Data API can't be reached."), 503, "The Data API can't be reached."),
        (StoreUnavailable("The disk is full."), 503, "The disk is full."),
        (RuntimeError("secret: /etc/x"), 500, "Something went wrong inside franking. Its log"),
        (TimerRefused("It is being sent.", "being_sent"), 409, "It is being sent."),
    ],
)
async def test_what_the_door_raises_has_its_answer(
    client: httpx.AsyncClient, timers: TimersAtHand, error: Exception, status: int, text: str
) -> None:
    timers.broken = error
    for call in ("POST /timer", "PUT /timer/t", "DELETE /timer/t", "GET /timer/t"):
        answer = await client.request(*call.split(), json=wanted())
        found, told = refusal(answer)
        assert (found, told[: len(text)]) == (status, text)
        assert "secret" not in answer.text
        assert ("retry-after" in answer.headers) == (status == 503)
        assert ("location" in answer.headers) == (call == "POST /timer")


def asking(front: Front, body: bytes = PLAIN, **headers: str) -> Any:
    """A POST of a timer that comes in the same moment as others."""
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return said(front, "POST", b"/timer", given, body)


@pytest.fixture
async def calls(front: Front, timers: TimersAtHand) -> list[Any]:
    """What is asked of the door, once everything that is asked first was asked."""
    await asking(front)
    timers.calls.clear()
    return timers.calls


async def test_what_comes_together_is_created_together(front: Front, calls: list[Any]) -> None:
    named = [asking(front, x_timer_id=name) for name in ("a", "b", "a", "c")]
    answers = await asyncio.gather(*named, asking(front, x_timer_id="d", idempotency_key="k"))
    assert [answer.status for answer in answers] == [201, 201, 409, 201, 201]
    assert sorted(call[1] for call in calls) == [("a", "b", "a", "c"), ("d",)]


async def test_a_door_that_fails_fails_for_everyone_alike(
    front: Front, calls: list[Any], timers: TimersAtHand
) -> None:
    timers.broken = Unreachable("The Data API can't be reached.")
    answers = await asyncio.gather(*(asking(front) for _ in range(3)))
    assert [answer.status for answer in answers] == [503] * 3
    assert len({answer.headers["location"] for answer in answers}) == 3
    assert len(calls) == 1


async def test_no_call_of_the_door_is_too_large(
    front: Front, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skyring, "MOST_TIMERS", 3)
    await asyncio.gather(*(asking(front) for _ in range(7)))
    assert [len(call[1]) for call in calls] == [3, 3, 1]
    calls.clear()
    await asyncio.gather(*(asking(front, padded(900 * 1024)) for _ in range(5)))
    assert [len(call[1]) for call in calls] == [2, 2, 1]
