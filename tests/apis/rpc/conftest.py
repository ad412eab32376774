"""The Data API on a real port over a door in memory, with real keys; a raw stub and the client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import pytest

from franking.apis.access import Access
from franking.apis.rpc import data_api_pb2_grpc
from franking.apis.rpc.client import RemoteTimers
from franking.apis.rpc.server import Rpc
from franking.clock import HandClock
from franking.config import Address
from franking.core.timer import Callback
from franking.core.timer.request import Asked
from franking.office.keys import Keys
from franking.office.timer_door import NewTimer
from franking.stores.base import Store

from .memory import MemoryTimers

ANY_PORT = Address("127.0.0.1", 0)
CALLBACK = Callback("http", "post", "http://127.0.0.1:9/hook")


def new(id: str | None = None, **asked: Any) -> NewTimer:
    """A timer for the client to create."""
    return NewTimer(Asked(CALLBACK, **{"timeout_ms": 1_000, **asked}), id)


@pytest.fixture
def door(clock: HandClock) -> MemoryTimers:
    return MemoryTimers(clock)


@pytest.fixture
def keys(store: Store, clock: HandClock) -> Keys:
    return Keys(store, clock)


@pytest.fixture
def access(keys: Keys, clock: HandClock) -> Access:
    return Access(cast(Any, None), keys, clock)


@pytest.fixture
async def rpc(door: MemoryTimers, access: Access) -> AsyncIterator[Rpc]:
    rpc = Rpc(door, access, ANY_PORT)
    await rpc.start()
    yield rpc
    door.gate.set()
    await rpc.stop(5)


@pytest.fixture
async def remote(rpc: Rpc) -> AsyncIterator[RemoteTimers]:
    remote = RemoteTimers(str(rpc.address))
    yield remote
    await remote.close()


@pytest.fixture
async def channel(rpc: Rpc) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(str(rpc.address)) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> Any:
    return data_api_pb2_grpc.DataApiStub(channel)


async def refused(call: Any) -> grpc.aio.AioRpcError:
    """The status that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def trailing(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The trailing metadata of a status."""
    return dict(tuple(error.trailing_metadata()))


async def asked(door: MemoryTimers, done: int = 0) -> bool:
    """Was the door asked for anything, and did it do so much?"""
    return bool(door.asked) and len(door.done) >= done
