"""The server: what it refuses to serve, TLS, how it stops; health and reflection."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from eventually import eventually
from franking.apis.access import Access
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import data_api_pb2_grpc, server
from franking.apis.rpc.client import RemoteTimers, Trust
from franking.apis.rpc.server import Pem, Rpc
from franking.apis.rpc.service import NAME
from franking.config import Address, SettingRefused
from franking.core.key import Scope
from franking.office.keys import Keys
from franking.office.timer_door import NoTimer, Unreachable

from .conftest import ANY_PORT, asked, refused
from .memory import MemoryTimers

SERVING = health_pb2.HealthCheckResponse.SERVING


NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


LIST = pb.ListTimersRequest()


async def test_a_port_that_is_taken_is_refused_by_name(
    rpc: Rpc, door: MemoryTimers, access: Access
) -> None:
    with pytest.raises(SettingRefused) as caught:
        await Rpc(door, access, rpc.address).start()
    assert str(caught.value) == (
        f"FRANKING_GRPC is '{rpc.address}', which can't be served: Address already in use."
        " Stop what listens there, or set another port."
    )


async def test_an_address_that_is_not_ours_is_refused(door: MemoryTimers, access: Access) -> None:
    with pytest.raises(SettingRefused, match=r"^FRANKING_GRPC is '192\.0\.2\.1:50052', which"):
        await Rpc(door, access, Address("192.0.2.1", 50052)).start()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Pem, Trust]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    pem = Pem(tmp_path / "cert.pem", tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(pem.certificate)
    issued.private_key_pem.write_to_path(pem.key)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return pem, Trust(tmp_path / "ca.pem")


async def test_a_certificate_that_can_not_be_used_is_refused(
    door: MemoryTimers, access: Access, certificate: tuple[Pem, Trust], tmp_path: Path
) -> None:
    pem, _ = certificate
    with pytest.raises(SettingRefused, match=r"^FRANKING_TLS_CERTIFICATE and .* can't be read: No"):
        await Rpc(door, access, ANY_PORT, Pem(pem.certificate, tmp_path / "none")).start()
    with pytest.raises(SettingRefused, match="with this certificate and key"):
        await Rpc(door, access, ANY_PORT, Pem(pem.certificate, pem.certificate)).start()


async def test_tls_is_for_those_who_trust_it(
    door: MemoryTimers, access: Access, certificate: tuple[Pem, Trust], tmp_path: Path
) -> None:
    pem, trust = certificate
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    rpc = Rpc(door, access, ANY_PORT, pem)
    await rpc.start()
    try:
        for tls in (None, Trust(), Trust(tmp_path / "other.pem")):
            remote = RemoteTimers(str(rpc.address), tls)
            with pytest.raises(Unreachable):
                await remote.read("x")
            await remote.close()
        assert door.asked == []
        remote = RemoteTimers(str(rpc.address), trust)
        with pytest.raises(NoTimer):
            await remote.read("x")
        await remote.close()
    finally:
        await rpc.stop(5)


async def test_a_stop_finishes_what_is_under_way_and_takes_no_more(
    rpc: Rpc, stub: Any, door: MemoryTimers, channel: grpc.aio.Channel
) -> None:
    door.gate.clear()
    call = asyncio.ensure_future(stub.ListTimers(LIST))
    await eventually(lambda: asked(door))
    stopping = asyncio.create_task(rpc.stop(10))

    async def closed() -> bool:
        try:
            async with grpc.aio.insecure_channel(str(rpc.address)) as another:
                await data_api_pb2_grpc.DataApiStub(another).DeleteTimer(
                    pb.DeleteTimerRequest(id="x"), timeout=1
                )
        except grpc.aio.AioRpcError as error:
            return error.code() is not StatusCode.NOT_FOUND
        return False

    await eventually(closed)
    assert not call.done()
    door.gate.set()
    assert await call == pb.ListTimersResponse()
    await stopping


async def test_a_stop_waits_for_work_whose_caller_has_hung_up(
    rpc: Rpc, stub: Any, door: MemoryTimers
) -> None:
    door.gate.clear()
    call = stub.ListTimers(LIST)
    await eventually(lambda: asked(door))
    call.cancel()
    stopping = asyncio.create_task(rpc.stop(10))
    assert not (await asyncio.wait([stopping], timeout=2 * server.WATCH_SECONDS))[0]
    door.gate.set()
    await stopping
    assert door.done == ["page"]


async def test_a_stop_waits_no_longer_than_it_may(rpc: Rpc, stub: Any, door: MemoryTimers) -> None:
    door.gate.clear()
    call = asyncio.ensure_future(stub.ListTimers(LIST))
    await eventually(lambda: asked(door))
    async with asyncio.timeout(5):
        await rpc.stop(0.1)
    assert (await refused(call)).code() in (StatusCode.CANCELLED, StatusCode.UNAVAILABLE)
    await rpc.stop()  # once more does no harm


async def test_who_watches_does_not_hold_up_a_stop(rpc: Rpc, channel: grpc.aio.Channel) -> None:
    watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
    assert (await watching.read()).status == SERVING
    async with asyncio.timeout(10):
        await rpc.stop(60)


@pytest.mark.parametrize("service", [NAME, ""])
async def test_health_is_told_without_a_key_until_the_stop(
    rpc: Rpc, channel: grpc.aio.Channel, keys: Keys, service: str
) -> None:
    await keys.create("", [Scope.TIMERS], None)
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=service)
    assert (await stub.Check(request)).status == SERVING
    watching = stub.Watch(request)
    assert (await watching.read()).status == SERVING
    stopping = asyncio.create_task(rpc.stop(5))
    assert (await watching.read()).status == NOT_SERVING
    await stopping


async def test_nobody_knows_the_health_of_another_service(channel: grpc.aio.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    told = await refused(stub.Check(health_pb2.HealthCheckRequest(service="other")))
    assert told.code() is StatusCode.NOT_FOUND


async def test_reflection_tells_the_service_without_a_key(
    channel: grpc.aio.Channel, keys: Keys
) -> None:
    await keys.create("", [Scope.TIMERS], None)
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=NAME),
    ]
    services, file = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]
    assert {one.name for one in services.list_services_response.service} == {
        *(NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"),
    }
    assert any(b"RetryTimer" in f for f in file.file_descriptor_response.file_descriptor_proto)
