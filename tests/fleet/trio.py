"""Three workers on one database, each with a network of its own, an API, and an SMTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from cli.processes import Serving, franking, serving
from eventually import eventually
from kill.documents import Documents
from kill.session import Taken
from kill.sink import ANSWERS, Sink
from postgres import cluster

from .proxy import Proxy

WORKERS = 3
QUOTA = "quota"


class Watched(Sink):
    """A sink that knows when each mail was taken, and for whom a mail was begun; to an address of
    the kind QUOTA it says, once, that the sender's limit is reached."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.seconds: dict[str, list[float]] = {}

    def answer_to(self, address: str) -> str:
        self.begun.append(address)
        if address.startswith(QUOTA) and address not in self.refused_once:
            self.refused_once.add(address)
            return ANSWERS["limited"]
        return super().answer_to(address)

    def took(self, mail: list[Taken]) -> None:
        """The local part's first word says which kind of address it is."""
        kind = mail[0].recipient.partition("-")[0]
        self.seconds.setdefault(kind, []).append(now())
        super().took(mail)

    def count(self, kind: str) -> int:
        """How many mails to addresses of a kind were taken."""
        return len(self.seconds.get(kind, ()))


def now() -> float:
    """Seconds of the clock by which the sink counts."""
    return asyncio.get_running_loop().time()


class Trio:
    """`door` is the API's process, `workers` are the others, each behind one of `proxies`."""

    def __init__(self, folder: Path, url: str, sink: Watched) -> None:
        self.folder = folder
        self.url = url
        self.sink = sink
        self.proxies: list[Proxy] = []
        self.workers: list[Serving] = []
        self.door: Serving
        self.http: aiohttp.ClientSession
        self._documents = Documents()

    async def account(self, name: str, **limits: int) -> None:
        """A mailbox that sends through the sink."""
        uri = f"smtp://127.0.0.1:{self.sink.port}"
        await self.call("PUT", name, {"transport": {"type": "smtp", "uri": uri}, "limits": limits})

    async def call(self, verb: str, path: str, body: Any = None) -> Any:
        """What a call of an account answers."""
        async with self.http.request(verb, f"/v1/accounts/{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def command(self, *words: str) -> None:
        """A command of franking, told to the API."""
        ended = await franking(self.folder, *words, "--url", self.door.url)
        assert ended.code == 0, ended.err

    async def hand_in(self, count: int, *kinds: str, account: str) -> None:
        """So many mails of an account, each to an address of each kind."""
        mails = [self._documents.one(*kinds, account=account) for _ in range(count)]
        async with self.http.post("/v1/mail/batch", json=mails) as answer:
            assert {entry["status"] for entry in await answer.json()} == {201}

    async def taken(self, kind: str, count: int) -> None:
        """Wait until so many of a kind were taken."""

        async def look() -> bool:
            return self.sink.count(kind) >= count

        await eventually(look)

    def asked(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database has, past franking's own code."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()


@asynccontextmanager
async def trio(folder: Path, url: str) -> AsyncIterator[Trio]:
    """All of them, on a database that is at `url`."""
    given = {"outlet": "none", "lease_seconds": "10", "connections": "3"}
    async with AsyncExitStack() as stack:
        made = Trio(folder, url, Watched())
        await stack.enter_async_context(made.sink)
        port = made.sink.port
        door = serving(folder, port, only="api", database_url=url, **given)
        made.door = await stack.enter_async_context(door)
        made.http = await stack.enter_async_context(aiohttp.ClientSession(made.door.url))
        for _ in range(WORKERS):
            proxy = await stack.enter_async_context(Proxy(cluster().folder / ".s.PGSQL.5432"))
            far = proxy.url(url.partition("?")[0].rpartition("/")[2])
            worker = serving(folder, port, only="worker", database_url=far, **given)
            made.proxies.append(proxy)
            made.workers.append(await stack.enter_async_context(worker))
        yield made
