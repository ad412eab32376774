"""Timers come over the wire whole, and their data byte for byte."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import requests, timers
from franking.apis.rpc.client import RemoteTimers
from franking.apis.rpc.moments import moment, read
from franking.apis.rpc.service import PAGE_BYTES
from franking.clock import HandClock
from franking.core import times
from franking.core.timer import Callback, Life, Timer, TimerState, Try
from franking.core.timer.request import Asked
from franking.office.timer_door import NewTimer, TimerFilter, Told

from .conftest import CALLBACK, new
from .memory import MemoryTimers

CALL = pb.Callback(transport="http", method="post", uri="http://h")


def raw(value: bytes) -> Any:
    return msgspec.Raw(value)


# The JSON of data as REST's clients send it, and whether it comes back byte for byte.
DATA: list[tuple[bytes, bool]] = [
    (b'{"n":123456789012345678901234567890,"f":1.10,"e":1E+300}', True),
    (b'{"b" : 1,\t"a":{"a":1,"a":2}}', True),
    ('{"ü":"\\u00fc \\/ 😀 \\ud83d\\ude00"}'.encode(), True),
    (b"{}", True),
    (b'"hello \\"you\\""', True),
    (b'""', True),
    (b'"\\u0000\\u2028\\u00fc"', False),  # a string is the same string, perhaps escaped otherwise
]


@pytest.mark.parametrize(("data", "same_bytes"), DATA)
async def test_data_comes_through_byte_for_byte(
    remote: RemoteTimers, door: MemoryTimers, data: bytes, same_bytes: bool
) -> None:
    [created] = await remote.create([new("x", data=raw(data))])
    for found in (created, door.timers["x"], (await remote.read("x")).timer):
        assert isinstance(found, Timer)
        assert found.data is not None
        if same_bytes:
            assert bytes(found.data) == data
        else:
            assert msgspec.json.decode(found.data) == msgspec.json.decode(data)


async def test_white_space_around_an_object_is_no_part_of_it(stub: Any, door: MemoryTimers) -> None:
    spec = pb.TimerSpec(callback=CALL, timeout_ms=1, json=' \r\n\t{ "a": 1 } \n')
    assert (await stub.CreateTimer(pb.CreateTimerRequest(id="x", spec=spec))).json == '{ "a": 1 }'
    assert door.timers["x"].data == raw(b'{ "a": 1 }')


async def test_a_text_is_handed_over_as_it_is_and_no_data_stays_none(
    stub: Any, door: MemoryTimers
) -> None:
    spec = pb.TimerSpec(callback=CALL, timeout_ms=1, text='{"a":1}')
    assert (await stub.CreateTimer(pb.CreateTimerRequest(id="x", spec=spec))).text == '{"a":1}'
    assert door.timers["x"].data == raw(b'"{\\"a\\":1}"')
    none = pb.TimerSpec(callback=CALL, timeout_ms=1)
    timer = await stub.CreateTimer(pb.CreateTimerRequest(id="y", spec=none))
    assert timer.WhichOneof("data") is None
    assert door.timers["y"].data is None


async def test_big_integers_in_what_is_merged_keep_their_digits(
    remote: RemoteTimers, door: MemoryTimers
) -> None:
    mail = {"n": 123456789012345678901234567890, "ü": ["😀", None, {"a": 1}]}
    await remote.create([new("x")])
    await remote.delete("x")
    await remote.retry("x", mail=mail)
    assert door.asked[-1] == ("retry", ("x", False, mail))


LAST = times.LATEST


@pytest.mark.parametrize(
    "given",
    [
        {"timeout_ms": 1},
        {"timeout_ms": 2**31 - 1, "created_ms": 0},
        {"timeout_ms": 5, "created_ms": LAST},
        {"timeout_ms": None, "due_at": LAST},
        {"timeout_ms": None, "due_at": times.EARLIEST},
        {"timeout_ms": None, "due_at": -1, "created_ms": 0},
        {"timeout_ms": None, "due_at": 0},
    ],
)
async def test_the_office_gets_what_was_asked_and_computes_when_it_is_due(
    remote: RemoteTimers, door: MemoryTimers, clock: HandClock, given: dict[str, Any]
) -> None:
    wanted = new("x", **given)
    [created] = await remote.create([wanted])
    replaced = await remote.replace("x", wanted.asked)
    assert [what for _, what in door.asked] == [[wanted], ("x", wanted.asked)]
    assert isinstance(created, Timer)
    assert created.due_at == replaced.due_at == wanted.asked.due(clock.now())


@given(st.integers(times.EARLIEST, times.LATEST))
def test_every_time_survives_its_timestamp(milliseconds: int) -> None:
    at = moment(milliseconds)
    assert read(at, "t") == milliseconds
    assert 0 <= at.nanos < 10**9
    at.nanos += 999_999  # finer than a millisecond: dropped
    assert read(at, "t") == milliseconds


WHEN = st.integers(times.EARLIEST, times.LATEST)


MAYBE = st.none() | WHEN


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


COUNT = st.integers(0, 2**40)


WIRED = st.builds(
    Timer,
    id=TEXT,
    state=st.sampled_from(TimerState),
    callback=st.builds(Callback, TEXT, TEXT, TEXT),
    due_at=WHEN,
    created_at=WHEN,
    data=st.none() | st.sampled_from([raw(b'{"a" : 1}'), raw(b'"a"')]),
    **dict.fromkeys(
        (
            *("served_at", "executed_at", "deleted_at", "next_at"),
            *("previous_served_at", "previous_executed_at", "previous_deleted_at"),
        ),
        MAYBE,
    ),
    error=st.none() | TEXT,
    previous_error=st.none() | TEXT,
    retry_count=COUNT,
    revision=COUNT,
    attempt=COUNT,
    seq=COUNT,
    tries=st.lists(st.builds(Try, COUNT, WHEN, TEXT), max_size=3).map(tuple),
    epoch=st.just(0),
    asked_at=st.none(),
)


LIVES = st.builds(
    Life,
    ended_by=TEXT,
    due_at=WHEN,
    created_at=WHEN,
    served_at=MAYBE,
    executed_at=MAYBE,
    deleted_at=MAYBE,
    error=st.none() | TEXT,
    retry_count=COUNT,
)


@given(WIRED, st.lists(LIVES, max_size=3).map(tuple))
def test_a_timer_survives_the_wire_with_its_lives(timer: Timer, lives: tuple[Life, ...]) -> None:
    sent = timers.told(Told(timer, lives)).SerializeToString()
    assert timers.told_from(pb.Timer.FromString(sent)) == Told(timer, lives)


def test_every_field_of_a_timer_is_sent_but_those_of_the_store() -> None:
    kept = {name for name in Timer.__struct_fields__ if name not in ("epoch", "asked_at")}
    renamed = {f"{field.removesuffix('_time')}_at" for field in pb.Timer.DESCRIPTOR.fields_by_name}
    sent = {*pb.Timer.DESCRIPTOR.fields_by_name, *renamed, "data", "seq"}
    assert kept - sent == set()


async def test_only_get_timer_tells_earlier_lives(stub: Any, remote: RemoteTimers) -> None:
    await remote.create([new("x")])
    replaced = await stub.ReplaceTimer(requests_of_replace("x"))
    listed = await stub.ListTimers(pb.ListTimersRequest())
    read = await stub.GetTimer(pb.GetTimerRequest(id="x"))
    assert [len(one.lives) for one in (replaced, listed.timers[0], read)] == [0, 0, 1]
    assert read.lives[0].ended_by == "replaced"


def requests_of_replace(id: str) -> pb.ReplaceTimerRequest:
    return pb.ReplaceTimerRequest(id=id, spec=requests.to_spec(new().asked))


async def test_lists_are_filtered_and_paged(remote: RemoteTimers, door: MemoryTimers) -> None:
    tcp = NewTimer(Asked(Callback("tcp", "", "tcp://h:1"), timeout_ms=1), "b9")
    await remote.create([*(new(f"a{n}") for n in range(5)), tcp])
    await remote.delete("a3")
    first = await remote.page(TimerFilter(q="a", state="scheduled"), 3)
    assert [timer.id for timer in first.timers] == ["a4", "a2", "a1"]
    rest = await remote.page(TimerFilter(q="a", state="scheduled", after=first.next), 3)
    assert ([timer.id for timer in rest.timers], rest.next) == (["a0"], None)
    only = await remote.page(TimerFilter(transport="tcp"), 999)
    assert [timer.id for timer in only.timers] == ["b9"]
    assert door.asked[-1] == ("page", (TimerFilter(transport="tcp"), 200))


@pytest.mark.parametrize(("size", "limit"), [(0, 50), (1, 1), (200, 200)])
async def test_a_page_has_its_size(stub: Any, door: MemoryTimers, size: int, limit: int) -> None:
    await stub.ListTimers(pb.ListTimersRequest(page_size=size))
    assert door.asked == [("page", (TimerFilter(), limit))]


async def test_a_page_of_large_data_ends_early_and_goes_on(stub: Any, door: MemoryTimers) -> None:
    data = raw(msgspec.json.encode("x" * (PAGE_BYTES // 2)))
    for n in range(1, 6):
        door.timers[f"t{n}"] = Timer(f"t{n}", TimerState.SCHEDULED, CALLBACK, 0, 0, data, seq=n)
    token = ""
    pages: list[list[str]] = []
    while token or not pages:
        # A client of gRPC takes 4 MiB where it isn't told otherwise: this one isn't.
        page = await stub.ListTimers(pb.ListTimersRequest(page_token=token))
        token = page.next_page_token
        pages.append([timer.id for timer in page.timers])
    assert pages == [["t5", "t4"], ["t3", "t2"], ["t1"]]
