"""Servers of files under names of their own, for tests of what attachments are fetched from."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from franking.compose.envelope import Unsendable
from franking.compose.links import Link, Source
from franking.config.hosts import file_hosts
from franking.transports.fetching import HttpFetcher, Limits
from franking.transports.names import Names

from .receiver import Receiver, answer

DEADLINE_SECONDS = 20.0
FILES = "files.example.com"
OTHER = "other.example.com"
PDF = answer("200 OK", b"%PDF-1.7", "Content-Type: application/pdf")


class Zone:
    """Stands for the servers of names: every name that it has, at its addresses, counted."""

    def __init__(self, names: Mapping[str, Sequence[str]] | None = None) -> None:
        self.names = dict(names or {FILES: ["127.0.0.1"], OTHER: ["127.0.0.1"]})
        self.asked: list[str] = []

    def __call__(self, host: bytes, port: int, **_: Any) -> list[Any]:
        name = host.decode()
        self.asked.append(name)
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in self.names[name]
        ]


@asynccontextmanager
async def fetching(
    hosts: str, names: Names | None = None, *, tls: Any = None, **limits: Any
) -> AsyncIterator[HttpFetcher]:
    """One that may ask `hosts`, as the setting spells them; closed at the end."""
    listed = file_hosts(hosts) if hosts else ()
    held = {"held_octets": limits.pop("held_octets")} if "held_octets" in limits else {}
    async with asyncio.timeout(DEADLINE_SECONDS):
        found = HttpFetcher(
            listed, names or Names(lookup=Zone()), Limits(**limits), tls=tls, **held
        )
        try:
            yield found
        finally:
            await found.close()


def at(receiver: Receiver, host: str = FILES, path: str = "/a.pdf") -> str:
    """A URL of a file there."""
    return f"{receiver.scheme}://{host}:{receiver.port}{path}"


def hosts(*receivers: Receiver, names: Sequence[str] = (FILES, OTHER)) -> str:
    """The setting that lets these be asked, under these names."""
    return ",".join(f"{name}:{receiver.port}" for receiver in receivers for name in names)


async def got(fetcher: HttpFetcher, url: str, **headers: str) -> Source:
    """What is at one address; it must be there."""
    link = Link(url, tuple(headers.items()))
    found = await fetcher.fetch([link], 1)
    assert not isinstance(found, Unsendable), found
    return found[link]


async def missed(fetcher: HttpFetcher, *urls: str) -> Unsendable:
    """Why what is at these addresses was not fetched."""
    found = await fetcher.fetch([Link(url) for url in urls], 1)
    assert isinstance(found, Unsendable), found
    assert found.error.isprintable()
    return found
