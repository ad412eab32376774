"""Every refusal: the status that it becomes, and the exception that the client makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from structlog.testing import capture_logs

from franking.apis.problems import Problem
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import refusals
from franking.apis.rpc.client import RemoteTimers
from franking.clock import HandClock
from franking.core import times
from franking.core.delivery import Delivery, Outcome, State
from franking.core.timer import Callback, Timer, TimerState, Try
from franking.core.timer.retry import (
    BEING_SENT,
    IN_DOUBT,
    LIMITED,
    SCHEDULED,
    SENT,
    TRIED_AGAIN,
    Mailed,
)
from franking.office.timer_door import (
    BadTimer,
    NoTimer,
    TimerDoor,
    TimerExists,
    TimerRefused,
    Unreachable,
)
from franking.stores.base import KeyReused, NotFound, StoreRefused, StoreUnavailable, Unsure

from .conftest import new, refused, trailing
from .memory import MemoryTimers

AT = 1_795_269_900_123
CHALLENGE = (b"www-authenticate", b'Bearer realm="franking"')
BASIC = (b"www-authenticate", b'Basic realm="franking", charset="UTF-8"')
UNKNOWN = Problem(401, "key_unknown", "No.", "Send fk_…", "Authorization", (CHALLENGE, BASIC))
OFTEN = Problem(429, "too_often", "Too often.", "Wait.", headers=((b"retry-after", b"7"),))

# An error of the door, its status, its reason, and what else a client is told.
REFUSALS: list[tuple[Exception, StatusCode, str, dict[str, Any]]] = [
    (NoTimer("There is no timer with id x"), StatusCode.NOT_FOUND, "no_timer", {}),
    (
        TimerExists("Timer with id “ä” already exists"),
        StatusCode.ALREADY_EXISTS,
        "timer_exists",
        {},
    ),
    (BadTimer("timeout is required"), StatusCode.INVALID_ARGUMENT, "bad_timer", {}),
    (TimerRefused(SENT, "already_sent"), StatusCode.FAILED_PRECONDITION, "already_sent", {}),
    (
        TimerRefused(LIMITED, "send_limit", AT),
        StatusCode.FAILED_PRECONDITION,
        "send_limit",
        {"next-attempt-time": times.text(AT)},
    ),
    (KeyReused("It came before with another body."), StatusCode.ABORTED, "key_reused", {}),
    (Unsure("Nobody knows."), StatusCode.UNAVAILABLE, "store_unsure", {}),
    (StoreUnavailable("Disk full."), StatusCode.UNAVAILABLE, "store_unavailable", {}),
    (StoreRefused("It is newer."), StatusCode.UNAVAILABLE, "store_refused", {}),
    (Unreachable("Out of reach."), StatusCode.UNAVAILABLE, "unreachable", {}),
    (UNKNOWN, StatusCode.UNAUTHENTICATED, "key_unknown", {"field": "Authorization"}),
    (Problem(403, "s", "No.", "Go."), StatusCode.PERMISSION_DENIED, "s", {"http-status": "403"}),
    (OFTEN, StatusCode.RESOURCE_EXHAUSTED, "too_often", {"retry-after": "7"}),
]


@pytest.mark.parametrize(("error", "code", "reason", "more"), REFUSALS, ids=lambda v: str(v)[:30])
async def test_a_refusal_has_its_status_and_its_words(
    stub: Any, door: MemoryTimers, error: Exception, code: StatusCode, reason: str, more: Any
) -> None:
    door.fails = error
    told = await refused(stub.GetTimer(pb.GetTimerRequest(id="x")))
    found = trailing(told)
    assert (told.code(), told.details(), found["reason"]) == (code, str(error), reason)
    assert {name: found.get(name) for name in more} == more
    assert ("next-attempt-time" in found) is ("next-attempt-time" in more)


@pytest.mark.parametrize(("error", "code", "reason", "more"), REFUSALS, ids=lambda v: str(v)[:30])
async def test_the_client_raises_what_the_door_raised(
    remote: RemoteTimers, door: MemoryTimers, error: Any, code: Any, reason: str, more: Any
) -> None:
    door.fails = error
    with pytest.raises(type(error)) as caught:
        await remote.read("x")
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert vars(caught.value) == vars(error)  # reason, time, status, next, field, headers


CALLS: list[Callable[[TimerDoor], Any]] = [
    lambda door: door.create([new()]),
    lambda door: door.read("x"),
    lambda door: door.replace("x", new().asked),
    lambda door: door.delete("x"),
    lambda door: door.retry("x"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_is_refused_alike(
    remote: RemoteTimers, door: MemoryTimers, call: Callable[[TimerDoor], Any]
) -> None:
    door.fails = TimerRefused("Not now.", "later", AT)
    with pytest.raises(TimerRefused, match=r"^Not now\.$") as caught:
        await call(remote)
    assert (caught.value.reason, caught.value.at) == ("later", AT)


async def test_what_is_not_found_in_general_is_no_timer(
    remote: RemoteTimers, door: MemoryTimers
) -> None:
    door.fails = NotFound("None.")
    with pytest.raises(NoTimer, match=r"^None\.$"):
        await remote.read("x")


async def test_what_nobody_expected_tells_nothing_and_is_logged_with_where(
    stub: Any, remote: RemoteTimers, door: MemoryTimers
) -> None:
    door.fails = RuntimeError("a document")
    with capture_logs() as logs:
        told = await refused(stub.GetTimer(pb.GetTimerRequest(id="x")))
    assert (told.code(), told.details()) == (
        StatusCode.INTERNAL,
        "Something went wrong inside franking.",
    )
    [entry] = [log for log in logs if log["event"] == "unexpected"]
    assert (entry["method"], entry["error"]) == ("GetTimer", "RuntimeError")
    assert "memory.py" in entry["trace"]
    assert "a document" not in str(logs)
    with pytest.raises(Problem) as caught:
        await remote.read("x")
    assert (caught.value.status, caught.value.reason) == (500, "unexpected")


async def test_one_of_a_batch_that_nobody_expected_tells_nothing_either(
    stub: Any, remote: RemoteTimers, door: MemoryTimers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_create", lambda new: RuntimeError("a document"))
    with capture_logs() as logs:
        [answer] = await remote.create([new()])
    assert isinstance(answer, Problem)
    assert (answer.status, str(answer)) == (500, "Something went wrong inside franking.")
    assert [log["method"] for log in logs] == ["CreateTimers"]
    assert "a document" not in str(logs)


async def test_a_message_is_cut_where_headers_would_become_too_long(
    stub: Any, door: MemoryTimers
) -> None:
    door.fails = BadTimer("😀" * 10_000)
    told = await refused(stub.GetTimer(pb.GetTimerRequest(id="x")))
    assert told.code() is StatusCode.INVALID_ARGUMENT
    assert told.details() == "😀" * (refusals.TEXT_BYTES // 4)


@pytest.mark.parametrize(
    "metadata", [(), (("reason", "late"),), (("grpc-status", "14"), ("next-bin", b"x"))]
)
def test_a_status_that_is_not_ours_is_no_refusal_of_ours(metadata: Any) -> None:
    assert refusals.error("Stream removed", metadata) is None


NOW = HandClock().now()
MAIL = Callback("mail", "post", "mail:")


def mailed(state: State, outcome: Outcome | None = None, **more: Any) -> Mailed:
    delivery = Delivery(state=state, start_at=NOW, due_at=NOW + 5_000, outcome=outcome, **more)
    return Mailed(delivery)


# Retry Timer's table: the timer's state, its mail, and the refusal with its reason and its time.
RETRY: list[tuple[TimerState, Mailed | None, str, str, int | None]] = [
    (TimerState.SCHEDULED, None, SCHEDULED, "scheduled", NOW),
    (TimerState.SERVED, mailed(State.PROCESSING), BEING_SENT, "being_sent", None),
    (
        TimerState.SERVED,
        mailed(State.RETRY, waiting_for="send_limit"),
        LIMITED,
        "send_limit",
        NOW + 5_000,
    ),
    (TimerState.SERVED, mailed(State.RETRY), TRIED_AGAIN, "tried_again", NOW + 5_000),
    (TimerState.EXECUTED, mailed(State.SUCCESS), SENT, "already_sent", None),
    (TimerState.FAILED, mailed(State.ERROR, Outcome.UNKNOWN), IN_DOUBT, "outcome_unknown", None),
]


@pytest.mark.parametrize(("state", "mail", "text", "reason", "at"), RETRY)
async def test_retry_timer_is_refused_by_its_table(
    remote: RemoteTimers,
    door: MemoryTimers,
    state: TimerState,
    mail: Mailed | None,
    text: str,
    reason: str,
    at: int | None,
) -> None:
    door.timers["x"] = Timer("x", state, MAIL, due_at=NOW, created_at=NOW, seq=1)
    if mail is not None:
        door.mails["x"] = mail
    with pytest.raises(TimerRefused) as caught:
        await remote.retry("x")
    assert (str(caught.value), caught.value.reason, caught.value.at) == (text, reason, at)


async def test_force_goes_ahead_where_the_outcome_is_unknown(
    remote: RemoteTimers, door: MemoryTimers
) -> None:
    failed = Timer("x", TimerState.FAILED, MAIL, NOW, NOW, error="Lost.", served_at=NOW, seq=1)
    door.timers["x"] = failed
    door.mails["x"] = mailed(State.ERROR, Outcome.UNKNOWN)
    retried = await remote.retry("x", force=True, mail={"to": "b@example.com"})
    assert (retried.state, retried.retry_count) == (TimerState.SCHEDULED, 1)
    assert (retried.previous_error, retried.previous_served_at) == ("Lost.", NOW)
    assert (retried.error, retried.served_at) == (None, None)
    assert door.asked == [("retry", ("x", True, {"to": "b@example.com"}))]


async def test_tries_that_are_left_are_told_of_a_webhook(
    remote: RemoteTimers, door: MemoryTimers
) -> None:
    tries = (Try(1, NOW - 1, "HTTP 500 “oops”"),)
    hook = Callback("http", "post", "http://h")
    between = Timer(
        "x", TimerState.SERVED, hook, NOW, NOW, None, attempt=1, tries=tries, next_at=NOW + 9
    )
    door.timers["x"] = between
    with pytest.raises(TimerRefused, match="This timer is being tried again") as caught:
        await remote.retry("x")
    assert caught.value.at == NOW + 9
    assert (await remote.read("x")).timer == between


def test_an_unknown_status_of_a_problem_is_internal() -> None:
    ending = refusals.ending(Problem(418, "teapot", "Tea.", "Coffee."), "GetTimer")
    assert ending.code is grpc.StatusCode.INTERNAL
