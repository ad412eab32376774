"""The proxy that runs apart: no keys of its own, only Skyring's paths, and whom it hands on."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from franking.apis import proxy
from franking.apis.problems import Problem
from franking.apis.proxy import Proxy, build_proxy
from franking.clock import HandClock
from franking.office.timer_door import Listed, TimerFilter, Unreachable
from franking.stores.base import StoreUnavailable

from .timers_at_hand import TimersAtHand, said

CALLBACK = {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/u"}
BODY = msgspec.json.encode({"timeout": 1000, "callback": CALLBACK})
ELSEWHERE = ("10.0.0.5", 5)
KEY = (b"authorization", b"Bearer fk_1")


@pytest.fixture
def timers(clock: HandClock) -> TimersAtHand:
    return TimersAtHand(clock)


@pytest.fixture
def front(timers: TimersAtHand, clock: HandClock) -> Proxy:
    return build_proxy(timers, clock, hosts=["timers.example.com"])


@pytest.mark.parametrize(
    ("peer", "header"),
    [
        (ELSEWHERE, (b"accept", b"*/*")),
        (None, (b"accept", b"*/*")),
        (("127.0.0.1", 5), (b"x-forwarded-for", b"10.0.0.5")),
        (("127.0.0.1", 5), (b"via", b"1.1 x")),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", b"/timer"), ("GET", b"/timer/t")])
async def test_nobody_else_borrows_the_proxys_place(
    front: Proxy, timers: TimersAtHand, peer: Any, header: Any, method: str, path: bytes
) -> None:
    answer = await said(front, method, path, [header], BODY, peer)
    assert answer.status == 401
    assert answer.headers["x-skyring-reason"].startswith("Without a key ")
    assert timers.calls == []


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ([], None),
        ([KEY], "Bearer fk_1"),
        ([KEY, (b"authorization", b"Basic eA==")], "Bearer fk_1, Basic eA=="),
        ([(b"authorization", b"")], ""),
        ([(b"authorization", b"\xff")], "\xff"),
    ],
)
async def test_what_a_caller_shows_is_handed_on(
    front: Proxy, timers: TimersAtHand, headers: Any, caller: str | None
) -> None:
    peer = ELSEWHERE if headers else ("127.0.0.1", 5)
    named = [*headers, (b"x-timer-id", b"t")]
    assert (await said(front, "POST", b"/timer", named, BODY, peer)).status == 201
    for method, path, status in (
        ("GET", b"/timer/t", 200),
        ("PUT", b"/timer/t", 200),
        ("DELETE", b"/timer/t", 202),
        ("POST", b"/timer/t/retry", 200),
    ):
        body = BODY if method == "PUT" else b""
        assert (await said(front, method, path, headers, body, peer)).status == status
    assert [call[3] for call in timers.calls] == [caller] * 5


async def test_callers_of_one_moment_are_kept_apart(front: Proxy, timers: TimersAtHand) -> None:
    shown = [KEY, (b"authorization", b"Bearer fk_2"), KEY]
    answers = await asyncio.gather(
        *(
            said(front, "POST", b"/timer", [one, (b"x-timer-id", b"t%d" % number)], BODY)
            for number, one in enumerate(shown)
        )
    )
    assert [answer.headers["location"] for answer in answers] == [
        "/timer/t0",
        "/timer/t1",
        "/timer/t2",
    ]
    assert [(call[1], call[3]) for call in timers.calls] == [
        (("t0", "t2"), "Bearer fk_1"),
        (("t1",), "Bearer fk_2"),
    ]


async def test_a_caller_who_is_refused_takes_nobody_along(
    timers: TimersAtHand, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = timers.create

    async def judging(new: Any, key: Any = None, caller: str | None = None) -> Any:
        if caller != "Bearer fk_1":
            raise Problem(401, "key_unknown", "There is no such key.", "Make one.")
        return await create(new, key, caller)

    monkeypatch.setattr(timers, "create", judging)
    front = build_proxy(timers, clock)
    shown = [KEY, (b"authorization", b"Bearer fk_2"), KEY]
    answers = await asyncio.gather(*(said(front, "POST", b"/timer", [o], BODY) for o in shown))
    assert [answer.status for answer in answers] == [201, 401, 201]


async def test_the_data_apis_refusal_is_the_proxys(front: Proxy, timers: TimersAtHand) -> None:
    challenge = ((b"www-authenticate", b'Bearer realm="franking"'),)
    timers.broken = Problem(
        401, "key_unknown", "There is no such key.", "Make one.", None, challenge
    )
    answer = await said(front, "POST", b"/timer", [KEY], BODY)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="franking"')
    assert msgspec.json.decode(answer.body)["error_message"] == "There is no such key."


@pytest.mark.parametrize("path", [b"/v1/timers", b"/v1/mail", b"/v1/keys", b"/", b"/metrics"])
async def test_nothing_else_is_here(front: Proxy, timers: TimersAtHand, path: bytes) -> None:
    answer = await said(front, "GET", path, [KEY])
    assert (answer.status, msgspec.json.decode(answer.body)["reason"]) == (404, "unknown_path")
    assert timers.calls == []


async def test_the_guard_stands_before_it(front: Proxy, timers: TimersAtHand) -> None:
    cross_site = [(b"origin", b"https://evil.example")]
    assert (await said(front, "POST", b"/timer", cross_site, BODY)).status == 403
    for host, status in ((b"evil.example", 421), (b"timers.example.com", 200)):
        answer = await said(front, "GET", b"/ping", [(b"host", host)], peer=ELSEWHERE, host=None)
        assert answer.status == status
    assert timers.calls == []


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (None, 200),
        (Problem(401, "key_missing", "This call needs a key.", "Send one."), 200),  # it is there
        (Unreachable("The Data API is out of reach."), 503),
        (StoreUnavailable("The disk is full."), 503),
    ],
)
async def test_it_is_ready_when_the_data_api_answers(
    front: Proxy, timers: TimersAtHand, broken: Exception | None, status: int
) -> None:
    timers.broken = broken
    answer = await said(front, "GET", b"/readyz", peer=ELSEWHERE)
    assert answer.status == status
    assert (await said(front, "GET", b"/healthz", peer=ELSEWHERE)).status == 200


async def test_it_is_not_ready_while_the_data_api_hangs(
    timers: TimersAtHand, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def page(filter: TimerFilter, limit: int, caller: str | None = None) -> Listed:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    monkeypatch.setattr(timers, "page", page)
    monkeypatch.setattr(proxy, "READY_SECONDS", 0.01)
    answer = await said(build_proxy(timers, clock), "GET", b"/readyz")
    assert answer.status == 503
    assert b"did not answer within" in answer.body


async def test_a_client_that_knows_only_a_url_is_served(front: Proxy, timers: TimersAtHand) -> None:
    transport: Any = httpx.ASGITransport(front, client=ELSEWHERE)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as client:
        answer = await client.post("http://x:fk_1@localhost/timer", content=BODY)
    assert answer.status_code == 201
    assert timers.calls[0][3] == "Basic eDpma18x"
