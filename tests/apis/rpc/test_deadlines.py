"""Calls that end early: too large, too late, cancelled; and what was begun is finished."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from grpc import StatusCode

from eventually import eventually
from franking.apis.access import Access
from franking.apis.problems import Problem
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import server
from franking.apis.rpc.client import RemoteTimers
from franking.apis.rpc.service import DataApi
from franking.core.timer import Timer

from .conftest import asked, new, refused, trailing
from .memory import MemoryTimers

LIST = pb.ListTimersRequest()


async def test_a_request_too_large_reaches_nothing(
    stub: Any, remote: RemoteTimers, door: MemoryTimers
) -> None:
    text = "x" * server.MESSAGE_BYTES
    request = pb.CreateTimerRequest(spec=pb.TimerSpec(text=text))
    told = await refused(stub.CreateTimer(request))
    assert told.code() is StatusCode.RESOURCE_EXHAUSTED
    assert "reason" not in trailing(told)
    with pytest.raises(Problem) as caught:
        await remote.create([new(data=f'"{text}"'.encode())])
    assert (caught.value.status, caught.value.reason) == (413, "too_large")
    assert door.asked == []


async def test_a_request_just_within_the_limit_is_served_and_answered(
    remote: RemoteTimers,
) -> None:
    text = "x" * (server.MESSAGE_BYTES - 1_000)
    [created] = await remote.create([new(data=f'"{text}"'.encode())])
    assert isinstance(created, Timer)
    assert created.data == msgspec.Raw(f'"{text}"'.encode())


async def test_a_call_whose_deadline_is_over_before_the_write_does_nothing(
    stub: Any, door: MemoryTimers, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, open_, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(*_: Any) -> None:
        entered.set()
        try:
            await open_.wait()
        except asyncio.CancelledError:
            left.set()
            raise

    monkeypatch.setattr(access, "admitted", slow)
    told = await refused(stub.DeleteTimer(pb.DeleteTimerRequest(id="x"), timeout=0.2))
    assert told.code() is StatusCode.DEADLINE_EXCEEDED
    assert entered.is_set()
    async with asyncio.timeout(10):
        await left.wait()
    call = stub.DeleteTimer(pb.DeleteTimerRequest(id="x"))
    entered.clear()
    left.clear()
    async with asyncio.timeout(10):
        await entered.wait()
        call.cancel()
        await left.wait()
    open_.set()
    assert door.asked == []


class Ended(Exception):
    """What `abort` raises."""


class LateContext:
    """A call whose deadline is over, and whose end gRPC has not told us yet."""

    code: Any = None

    def invocation_metadata(self) -> Any:
        return ()

    def peer(self) -> str:
        return "ipv4:127.0.0.1:5"

    def time_remaining(self) -> float:
        return 0.0

    async def abort(self, code: Any, text: str, metadata: Any) -> None:
        self.code = code
        raise Ended


async def test_a_deadline_that_is_over_is_seen_before_grpc_tells(
    door: MemoryTimers, access: Access
) -> None:
    context: Any = LateContext()
    with pytest.raises(Ended):
        await DataApi(door, access).DeleteTimer(pb.DeleteTimerRequest(id="x"), context)
    assert context.code is StatusCode.DEADLINE_EXCEEDED
    assert door.asked == []


async def test_what_was_begun_is_finished_though_its_caller_hangs_up(
    stub: Any, door: MemoryTimers
) -> None:
    door.gate.clear()
    call = stub.ListTimers(LIST)
    await eventually(lambda: asked(door))
    call.cancel()
    late = await refused(stub.ListTimers(LIST, timeout=0.1))
    assert late.code() is StatusCode.DEADLINE_EXCEEDED
    assert door.done == []
    door.gate.set()
    await eventually(lambda: asked(door, done=2))
