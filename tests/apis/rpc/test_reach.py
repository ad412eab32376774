"""The client: out of reach in every way, and back; on uvloop too."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
import uvloop
from structlog.testing import capture_logs

from eventually import eventually
from franking.apis.access import Access
from franking.apis.rpc import client, server
from franking.apis.rpc.client import OUT_OF_REACH, RemoteTimers
from franking.apis.rpc.server import Rpc
from franking.clock import HandClock
from franking.office.timer_door import NoTimer, Unreachable

from .conftest import ANY_PORT, asked, new
from .memory import MemoryTimers


async def test_the_client_is_told_once_that_it_is_out_of_reach_and_comes_back(
    rpc: Rpc, remote: RemoteTimers, door: MemoryTimers, access: Access
) -> None:
    with pytest.raises(NoTimer):
        await remote.read("x")
    await rpc.stop(5)
    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(Unreachable) as caught:
                await remote.read("x")
            assert str(caught.value) == OUT_OF_REACH
    assert [log["event"] for log in logs] == ["data_api_out_of_reach"]
    again = Rpc(door, access, rpc.address)
    await again.start()

    async def back() -> bool:
        try:
            await remote.read("x")
        except Unreachable:
            return False
        except NoTimer:
            return True
        return False

    try:
        await eventually(back, seconds=2)
    finally:
        await again.stop(5)


async def test_a_call_that_breaks_off_is_out_of_reach(
    rpc: Rpc, remote: RemoteTimers, door: MemoryTimers
) -> None:
    door.gate.clear()
    call = asyncio.ensure_future(remote.read("x"))
    await eventually(lambda: asked(door))
    await rpc.stop(0)
    with pytest.raises(Unreachable):
        await call


async def test_a_call_that_takes_too_long_is_out_of_reach(
    remote: RemoteTimers, door: MemoryTimers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.CALL_SECONDS == 10
    monkeypatch.setattr(client, "CALL_SECONDS", 0.1)
    door.gate.clear()
    with pytest.raises(Unreachable):
        await remote.read("x")


async def test_what_serves_something_else_there_is_out_of_reach() -> None:
    other = grpc.aio.server()
    port = other.add_insecure_port("127.0.0.1:0")
    await other.start()
    remote = RemoteTimers(f"127.0.0.1:{port}")
    with pytest.raises(Unreachable):  # UNIMPLEMENTED
        await remote.read("x")
    await remote.close()
    await other.stop(None)


async def test_calls_too_many_at_once_are_turned_away(
    door: MemoryTimers, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CALLS_AT_ONCE", 1)
    rpc = Rpc(door, access, ANY_PORT)
    await rpc.start()
    remote = RemoteTimers(str(rpc.address))
    door.gate.clear()
    first = asyncio.ensure_future(remote.create([new()]))
    await eventually(lambda: asked(door))
    with pytest.raises(Unreachable):
        await remote.create([new()])
    door.gate.set()
    assert len(await first) == 1
    await remote.close()
    await rpc.stop(5)


def test_it_works_on_uvloop() -> None:
    class Open:
        async def admitted(self, *_: Any) -> None:
            return None

    async def both() -> None:
        door = MemoryTimers(HandClock())
        access: Any = Open()
        rpc = Rpc(door, access, ANY_PORT)
        await rpc.start()
        remote = RemoteTimers(str(rpc.address))
        answers = await asyncio.gather(*(remote.create([new(f"t{n}")]) for n in range(50)))
        assert len(answers) == len(door.timers) == 50
        await remote.close()
        await rpc.stop(5)

    uvloop.run(both())
