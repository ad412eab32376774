"""What keeps an HTTP client to what it was told: the address that was checked, and one request."""

from __future__ import annotations

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_middlewares import ClientHandlerType

from franking.transports.names import Names


class Pinned(AbstractResolver):
    """Has aiohttp connect to what `Names` found."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=one.address,
                port=port,
                family=one.family,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for one in await self._names.find(host, port)
        ]

    async def close(self) -> None:
        pass


class Lost(aiohttp.ClientError):
    """A connection that broke once it stood; `error` is how."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


async def once(
    request: aiohttp.ClientRequest, handler: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending an idempotent request again over another connection.

    It does so when one of these two errors comes, and calls them by their type.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Lost(error) from error
