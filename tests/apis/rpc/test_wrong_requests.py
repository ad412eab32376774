"""Wrong requests are refused in the words of REST, alone and in a batch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import requests
from franking.apis.rpc.client import RemoteTimers
from franking.core import times
from franking.core.timer import Callback, Timer
from franking.core.timer.request import Asked, BadTimer, asked
from franking.office.timer_door import NewTimer, TimerExists

from .conftest import new, refused, trailing
from .memory import MemoryTimers

CALL = pb.Callback(transport="http", method="post", uri="http://h")


BODY = {"callback": {"transport": "http", "method": "post", "uri": "http://h"}}


def raw(value: bytes) -> Any:
    return msgspec.Raw(value)


# A spec, and the body that asks REST for the same.
WRONG: list[tuple[pb.TimerSpec, dict[str, Any]]] = [
    (pb.TimerSpec(), {}),
    (pb.TimerSpec(callback=CALL), BODY),
    (pb.TimerSpec(callback=CALL, timeout_ms=0), {**BODY, "timeout": 0}),
    (pb.TimerSpec(callback=CALL, timeout_ms=-1), {**BODY, "timeout": -1}),
    (pb.TimerSpec(callback=CALL, timeout_ms=2**31), {**BODY, "timeout": 2**31}),
    (pb.TimerSpec(callback=CALL, timeout_ms=2**63 - 1), {**BODY, "timeout": 2**63 - 1}),
    (
        pb.TimerSpec(callback=CALL, timeout_ms=1, created_ms=-1),
        {**BODY, "timeout": 1, "created": -1},
    ),
    (
        pb.TimerSpec(callback=CALL, timeout_ms=1, created_ms=times.LATEST + 1),
        {**BODY, "timeout": 1, "created": times.LATEST + 1},
    ),
    (pb.TimerSpec(timeout_ms=1), {"timeout": 1}),
    (pb.TimerSpec(timeout_ms=1, callback=pb.Callback()), {"timeout": 1, "callback": {}}),
    (
        pb.TimerSpec(timeout_ms=1, callback=pb.Callback(transport="http", uri="u")),
        {"timeout": 1, "callback": {"transport": "http", "uri": "u"}},
    ),
    (
        pb.TimerSpec(timeout_ms=1, callback=pb.Callback(transport="zmq", method="m", uri="u")),
        {"timeout": 1, "callback": {"transport": "zmq", "method": "m", "uri": "u"}},
    ),
    (
        pb.TimerSpec(timeout_ms=1, callback=pb.Callback(transport="mail", method="m", uri="u")),
        {"timeout": 1, "callback": {"transport": "mail", "method": "m", "uri": "u"}},
    ),
    *(
        (
            pb.TimerSpec(timeout_ms=1, callback=CALL, json=json),
            {"timeout": 1, "data": raw(json.encode()), **BODY},
        )
        for json in ("5", "true", "[1]", '{"a":', '{"a":"\\ud800"}', '{"a":1} x', "{'a':1}")
    ),
]


@pytest.mark.parametrize(("spec", "body"), WRONG)
async def test_a_wrong_spec_is_refused_in_the_words_of_rest(
    stub: Any, door: MemoryTimers, spec: pb.TimerSpec, body: dict[str, Any]
) -> None:
    fields = {name: raw(msgspec.json.encode(value)) for name, value in body.items()}
    with pytest.raises(BadTimer) as rest:
        asked(fields)
    for call in (
        stub.CreateTimer(pb.CreateTimerRequest(spec=spec)),
        stub.ReplaceTimer(pb.ReplaceTimerRequest(id="x", spec=spec)),
    ):
        told = await refused(call)
        assert (told.code(), told.details()) == (StatusCode.INVALID_ARGUMENT, str(rest.value))
        assert trailing(told)["reason"] == "bad_timer"
    assert door.asked == []


@pytest.mark.parametrize(
    "at",
    [
        Timestamp(seconds=times.EARLIEST // 1000 - 1, nanos=999_999_999),
        Timestamp(seconds=times.LATEST // 1000 + 1),
        Timestamp(seconds=2**63 - 1),
        Timestamp(seconds=-(2**63)),
        Timestamp(nanos=-1),
        Timestamp(nanos=1_000_000_000),
        Timestamp(nanos=2**31 - 1),
    ],
)
async def test_a_time_that_is_none_is_refused(stub: Any, at: Timestamp) -> None:
    spec = pb.TimerSpec(callback=CALL, due_time=at)
    told = await refused(stub.CreateTimer(pb.CreateTimerRequest(spec=spec)))
    assert told.code() is StatusCode.INVALID_ARGUMENT
    assert (told.details() or "").startswith("due_time must be a time in the years 1 to 9999")


@pytest.mark.parametrize("id", ["", "x" * 256, "a\nb", "a\x00"])
async def test_an_id_that_is_none_is_refused_by_every_call(
    stub: Any, door: MemoryTimers, id: str
) -> None:
    spec = pb.TimerSpec(callback=CALL, timeout_ms=1)
    for call in (
        stub.CreateTimer(pb.CreateTimerRequest(id=id, spec=spec)),
        stub.GetTimer(pb.GetTimerRequest(id=id)),
        stub.ReplaceTimer(pb.ReplaceTimerRequest(id=id, spec=spec)),
        stub.DeleteTimer(pb.DeleteTimerRequest(id=id)),
        stub.RetryTimer(pb.RetryTimerRequest(id=id)),
    ):
        told = await refused(call)
        assert told.code() is StatusCode.INVALID_ARGUMENT
        assert (told.details() or "").startswith("x-timer-id must have")
    assert door.asked == []


@pytest.mark.parametrize("json", ["", "5", "[]", '"a"', "null", "{", '{"a":"\\ud800"}', "{},{}"])
async def test_what_a_retry_merges_must_be_an_object(
    stub: Any, door: MemoryTimers, json: str
) -> None:
    told = await refused(stub.RetryTimer(pb.RetryTimerRequest(id="x", mail_json=json)))
    assert (told.code(), told.details()) == (StatusCode.INVALID_ARGUMENT, requests.NO_MAIL)
    assert door.asked == []


@pytest.mark.parametrize("depth", [100, 5_000])
async def test_what_a_retry_merges_must_not_be_too_deep(stub: Any, depth: int) -> None:
    json = '{"a":' + "[" * depth + "]" * depth + "}"
    told = await refused(stub.RetryTimer(pb.RetryTimerRequest(id="x", mail_json=json)))
    assert (told.code(), trailing(told)["reason"]) == (StatusCode.INVALID_ARGUMENT, "too_deep")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListTimersRequest(page_size=-1), "page_size"),
        (pb.ListTimersRequest(page_size=201), "page_size"),
        (pb.ListTimersRequest(state=99), "state"),  # type: ignore[arg-type]
        (pb.ListTimersRequest(page_token="x"), "page_token"),
        (pb.ListTimersRequest(page_token="-1"), "page_token"),
        (pb.ListTimersRequest(page_token="²"), "page_token"),
        (pb.ListTimersRequest(page_token="9" * 19), "page_token"),
    ],
)
async def test_a_wrong_query_is_refused_by_field(
    stub: Any, door: MemoryTimers, request_: pb.ListTimersRequest, field: str
) -> None:
    told = await refused(stub.ListTimers(request_))
    assert told.code() is StatusCode.INVALID_ARGUMENT
    assert (trailing(told)["reason"], trailing(told)["field"]) == ("bad_query", field)
    assert door.asked == []


async def test_a_batch_answers_each_in_order_and_stops_at_none(
    stub: Any, remote: RemoteTimers
) -> None:
    await remote.create([new("taken")])
    spec = pb.TimerSpec(callback=CALL, timeout_ms=1)
    batch = [("a", spec), ("", spec), ("taken", spec), ("b", pb.TimerSpec()), ("c", spec)]
    asked = [pb.CreateTimerRequest(id=id, spec=spec) for id, spec in batch]
    found = (await stub.CreateTimers(pb.CreateTimersRequest(timers=asked))).answers
    assert [one.timer.id or one.refusal.reason for one in found] == [
        *("a", "bad_timer", "timer_exists", "bad_timer", "c"),
    ]
    assert [one.refusal.code for one in found] == [0, 3, 6, 3, 0]
    assert found[2].refusal.message == "Timer with id taken already exists"
    assert found[3].refusal.message == "timeout is required and must be a positive number"


async def test_the_client_answers_each_of_a_batch(remote: RemoteTimers) -> None:
    wrong = NewTimer(Asked(Callback("zmq", "push", "u"), timeout_ms=1), "z")
    first, again, bad, last = await remote.create([new("a"), new("a"), wrong, new()])
    assert isinstance(first, Timer)
    assert isinstance(last, Timer)
    assert type(again) is TimerExists
    assert str(again) == "Timer with id a already exists"
    assert type(bad) is BadTimer
    assert str(bad) == "Unknown transport zmq"


@pytest.mark.parametrize(("count", "taken"), [(0, True), (1_000, True), (1_001, False)])
async def test_a_batch_has_a_thousand_at_most(
    stub: Any, door: MemoryTimers, count: int, taken: bool
) -> None:
    one = pb.CreateTimerRequest(spec=pb.TimerSpec(callback=CALL, timeout_ms=1))
    batch = stub.CreateTimers(pb.CreateTimersRequest(timers=[one] * count))
    if taken:
        assert len((await batch).answers) == len(door.timers) == count
    else:
        told = await refused(batch)
        assert told.code() is StatusCode.INVALID_ARGUMENT
        assert told.details() == "The batch has 1001 timers; 1000 are the most."
        assert door.asked == []
