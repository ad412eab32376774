"""A receiver of webhooks in the test process, which answers as each test wants."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from eventually import eventually
from franking.core.lifecycle import TYPE
from transports.receiver import OK, Heard, Receiver, receiving

Say = Callable[["Told"], bytes]


class Told(NamedTuple):
    """One call: the event in it, and how it came."""

    kind: str
    mail: str
    id: str
    event: dict[str, Any]
    heard: Heard


def told(heard: Heard) -> Told:
    """The CloudEvent of a call."""
    event = json.loads(heard.body)
    kind = event["type"].removeprefix(TYPE)
    return Told(kind, event["subject"], event["id"], event, heard)


class Hearer:
    """`it.say` answers each call; `it.calls` are all that came, also those that were refused."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.say: Say = lambda _: OK
        self.accepted: list[Told] = []
        self.pause: Callable[[Told], Awaitable[None]] | None = None

    @property
    def calls(self) -> list[Told]:
        return [told(one) for one in self.receiver.heard]

    def kinds(self, mail: str = "m1") -> list[str]:
        """What was accepted of a mail, in the order in which it was."""
        return [one.kind for one in self.accepted if one.mail == mail]

    def by_mail(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for one in self.accepted:
            found[one.mail].append(one.kind)
        return dict(found)

    async def heard(self, *kinds: str, mail: str = "m1") -> list[Told]:
        """Wait until just these were accepted of a mail, in this order; they."""

        async def all_there() -> bool:
            return len(self.kinds(mail)) >= len(kinds)

        try:
            await eventually(all_there)
        except AssertionError:
            raise AssertionError(f"heard {self.kinds(mail)}, not {list(kinds)}") from None
        assert self.kinds(mail) == [*kinds], self.kinds(mail)
        return [one for one in self.accepted if one.mail == mail]

    async def last(self, kind: str, mail: str = "m1") -> Told:
        """Wait for an event of a kind; the newest."""

        async def there() -> Told | None:
            found = [one for one in self.accepted if (one.kind, one.mail) == (kind, mail)]
            return found[-1] if found else None

        return await eventually(there)


class _Answering(Receiver):
    """A receiver whose answer depends on the call."""

    def __init__(self) -> None:
        super().__init__([OK])
        self.hearer = Hearer(self)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        one = told(self.heard[-1])
        if self.hearer.pause is not None:
            await self.hearer.pause(one)
        self.answers = [self.hearer.say(one)]
        if self.answers[0].split(b" ")[1:2] == [b"204"]:
            self.hearer.accepted.append(one)
        return await super()._answer(reader, writer)


@asynccontextmanager
async def hearing() -> AsyncIterator[Hearer]:
    """A receiver on a free port."""
    async with receiving() as plain:
        answering = _Answering()
        answering.host, answering.scheme = plain.host, plain.scheme
        server = await asyncio.start_server(answering.serve, "127.0.0.1", 0)
        answering.port = server.sockets[0].getsockname()[1]
        try:
            yield answering.hearer
        finally:
            server.close()
            for writer in tuple(answering.open):
                writer.transport.abort()


async def add(http: httpx.AsyncClient, url: str, **fields: Any) -> dict[str, Any]:
    """A new webhook, as it is shown with its secret."""
    answer = await http.post("/v1/webhooks", json={"url": url, **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
