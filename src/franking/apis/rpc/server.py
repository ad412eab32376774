"""The server of the Data API: its address, TLS, limits, health and reflection; start and stop.

Policy. Health and reflection need no key: what asks for health has none, as with /healthz, and
reflection tells what the published `.proto` tells. Health is SERVING while calls are taken, and
NOT_SERVING from the moment that a stop is asked for, so that a balancer sends no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import grpc
import msgspec
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from franking.apis.access import Access
from franking.apis.rpc import data_api_pb2_grpc
from franking.apis.rpc.service import NAME, DataApi
from franking.config import PREFIX, Address, SettingRefused
from franking.office.timer_door import TimerDoor

MESSAGE_BYTES = 10 * 1024 * 1024
CALLS_AT_ONCE = 1_000
# How long a stop waits for answers that are on their way, and then for those who only watch.
ANSWER_SECONDS = 5.0
WATCH_SECONDS = 0.5

OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    # Two processes on one port would share its calls without either of them knowing.
    ("grpc.so_reuseport", 0),
    # A client may ask whether we are still there, also while it has no call under way.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)


class Pem(msgspec.Struct, frozen=True):
    """The files of TLS: the certificate with its chain, and its private key."""

    certificate: Path
    key: Path


class Rpc:
    """The Data API on one address, in the running loop, from `start` to `stop`.

    `address` is where it listens, once it was started: port 0 becomes the one that was free.
    """

    def __init__(
        self, door: TimerDoor, access: Access, address: Address, tls: Pem | None = None
    ) -> None:
        self.address = address
        self._tls = tls
        self._calls = DataApi(door, access)
        self._health: Any = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Take calls. Raises `SettingRefused` where the address or the certificate can't serve."""
        server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=CALLS_AT_ONCE)
        data_api_pb2_grpc.add_DataApiServicer_to_server(self._calls, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(
            (NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), server
        )
        self.address = self._bound(server)
        await self._health.set(NAME, health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        self._server = server

    async def stop(self, seconds: float = ANSWER_SECONDS) -> None:
        """Take no more calls, finish those that were taken, and wait so long for them at most."""
        server, self._server = self._server, None
        if server is None:
            return
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.create_task(server.stop(seconds))
        await self._calls.under_way.ended(seconds)
        # Who watches our health would hold up the stop for all of `seconds`.
        await server.stop(min(WATCH_SECONDS, seconds))
        await stopping

    def _bound(self, server: grpc.aio.Server) -> Address:
        wanted = self.address
        host = "127.0.0.1" if wanted.host == "localhost" else wanted.host
        place = str(Address(host, wanted.port))
        try:
            if self._tls is None:
                port = server.add_insecure_port(place)
            else:
                port = server.add_secure_port(place, _credentials(self._tls))
        except RuntimeError:
            raise _refused(wanted, host) from None
        return Address(wanted.host, port)


def _credentials(tls: Pem) -> grpc.ServerCredentials:
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    except OSError as error:
        names = f"{PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY"
        raise SettingRefused(f"{names} can't be read: {error.strerror}.") from None
    return grpc.ssl_server_credentials([pair])


def _refused(address: Address, host: str) -> SettingRefused:
    """gRPC does not tell why it can't listen; a socket of our own meets the same."""
    why = "gRPC can't use it with this certificate and key"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        try:
            probe.bind((host, address.port))
        except OSError as error:
            why = str(error.strerror)
    words = f"{PREFIX}GRPC is {str(address)!r}, which can't be served: {why}."
    return SettingRefused(f"{words} Stop what listens there, or set another port.")
