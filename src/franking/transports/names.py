"""Looks names up, and refuses those at private addresses where an operator has closed them.

A name is looked up once for a connection, and what was found is what is connected to: a name that
points elsewhere a moment later gains nothing. Of a name with open and closed addresses the open
ones are used.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any, Literal

import msgspec

from franking.transports import addresses
from franking.transports.addresses import IPAddress

# Lookups block a thread each. They have their own, for a server of names that does not answer
# would else hold up all that the loop's few threads are for.
THREADS = 32
MOST_FOUND = 16

Lookup = Callable[..., list[Any]]


class PrivateAddress(Exception):
    """A host that is at no open address; the text says what an operator can set."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is at a private address, and FRANKING_WEBHOOK_PRIVATE_ADDRESSES is deny"
        )


class Found(msgspec.Struct, frozen=True):
    """One address of a host, as text, and its family (`socket.AF_INET` or `AF_INET6`)."""

    address: str
    family: socket.AddressFamily


class Names:
    """`private` is the setting of that name; `lookup` is as `socket.getaddrinfo`."""

    def __init__(
        self,
        private: Literal["allow", "deny"] = "allow",
        *,
        lookup: Lookup = socket.getaddrinfo,
        closed: Callable[[IPAddress], bool] = addresses.closed,
        threads: int = THREADS,
    ) -> None:
        self._closed = closed if private == "deny" else _nothing
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(threads, "names")

    def close(self) -> None:
        """No more lookups; those under way are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def check(self, host: str) -> None:
        """Raises `PrivateAddress` where the host is spelled as one; looks nothing up."""
        address = addresses.spelled(host)
        if address is not None and self._closed(address):
            raise PrivateAddress(host)

    async def find(self, host: str, port: int) -> list[Found]:
        """Its open addresses, at least one. Raises `PrivateAddress`; OSError if none is known."""
        self.check(host)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._look_up, host, port)
        if not found:
            raise OSError("no address is known")
        usable = [one for one in found if not self._closed(ip_address(one.address))]
        if not usable:
            raise PrivateAddress(host)
        return usable[:MOST_FOUND]

    def _look_up(self, host: str, port: int) -> list[Found]:
        # As bytes, since Python would else encode the name and raise for empty or long labels.
        answers = self._lookup(
            host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        return [
            Found(_with_zone(answer), family)
            for family, _, _, _, answer in answers
            if family in (socket.AF_INET, socket.AF_INET6)
        ]


def _nothing(_: IPAddress) -> bool:
    return False


def _with_zone(answer: tuple[Any, ...]) -> str:
    """A link-local address needs its zone; the others have none."""
    text = str(answer[0])
    if len(answer) == 4 and answer[3] and "%" not in text:
        return f"{text}%{answer[3]}"
    return text
