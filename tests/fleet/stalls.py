"""A scene with a worker whose network to its database stalls, and another worker beside it.

What became of a mail is read with plain SQL, past franking's own code.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from cli.processes import Serving, franking, serving
from eventually import eventually
from kill.documents import Documents
from kill.session import Point
from kill.sink import Sink
from postgres import cluster, template

from .proxy import Proxy, Way

# As little as a loaded machine needs from a claim to its end.
LEASE_SECONDS = "2"
Process = AbstractAsyncContextManager[Serving]
# How a try ends whose lease a slow machine has used up before the dot.
IN_HASTE = ("returned", None)
FINAL = ("SUCCESS", "ERROR")
# Both workers: a lease that is soon over, one mail after the other, no CRM.
SETTINGS = {
    "lease_seconds": LEASE_SECONDS,
    "connections": "1",
    "outlet": "none",
    "retry_seconds": "1",
}
_HAND_IN = "INSERT INTO inbox (id, document) VALUES (%s, %s)"
_MAIL = "SELECT state, outcome, epoch, attempts, end_at, info FROM mail WHERE id = %s"
_ATTEMPTS = "SELECT event, late FROM attempt WHERE mail = %s ORDER BY epoch"
_TOLD = "SELECT count(*) FROM event WHERE mail = %s AND kind = 'email_Sent'"


class Row(NamedTuple):
    """A mail as it is on disk."""

    state: str
    outcome: str | None
    epoch: int
    attempts: int
    end_at: int | None
    info: str | None


class Story(NamedTuple):
    """How a mail stands: how often the server took it and `email_Sent` was told, and how its
    attempts ended, oldest first, each with what its own worker said of it later."""

    state: str
    outcome: str | None
    taken: int
    told: int
    attempts: tuple[str, ...]


class Scene:
    """`proxy` is what may stall; `sink` the SMTP server of both."""

    def __init__(self, folder: Path, name: str, proxy: Proxy, sink: Sink) -> None:
        self.proxy = proxy
        self.sink = sink
        self.folder = folder
        self.url = cluster().url(name)
        self.far_url = proxy.url(name)
        self._documents = Documents()
        self._recipients: dict[str, str] = {}
        self._database = psycopg.connect(self.url, autocommit=True)

    def close(self) -> None:
        """Read no more."""
        self._database.close()

    def hand_in(self, *ids: str, on_unknown: str = "ask") -> None:
        """Mails with these ids, written with SQL as an application does."""
        with self._database.transaction():
            for id in ids:
                document = self._documents.one(onUnknown=on_unknown)
                self._recipients[id] = document["to"][0]
                self._database.execute(_HAND_IN, (id, json.dumps(document)))

    def stall_at(self, query: str, way: Way) -> None:
        """Stall as a transaction with this query commits; an end is one of a mail that went."""
        if query != "settle_mails":
            self.proxy.stall_at(query, way)
            return
        self.sink.trap(Point.DOT, 1, lambda: self.proxy.stall_at(query, way))

    def another(self) -> Process:
        """A worker whose network is well, in a process of its own."""
        return self.worker(self.url)

    def worker(
        self, url: str, only: str = "worker", values: str = "{}", lease: str = LEASE_SECONDS
    ) -> Process:
        """A process on a database; some of its constants have these values, as JSON."""
        given = {"database_url": url, "values": values, **SETTINGS, "lease_seconds": lease}
        return serving(self.folder, self.sink.port, only=only, **given)

    def end_leases(self) -> None:
        """Every lease is over, whatever who has it counts."""
        self._database.execute("UPDATE mail SET lease_expires_at = 0 WHERE state = 'PROCESSING'")

    def row(self, id: str) -> Row | None:
        """None while nobody has taken it in."""
        found = self._database.execute(_MAIL, (id,)).fetchone()
        return None if found is None else Row(*found)

    def state(self, id: str) -> str | None:
        """The mail's state."""
        row = self.row(id)
        return None if row is None else row.state

    def story(self, id: str) -> Story | None:
        """None while it has not ended."""
        row = self.row(id)
        if row is None or row.state not in FINAL:
            return None
        [[told]] = self._database.execute(_TOLD, (id,)).fetchall()
        attempts = self._database.execute(_ATTEMPTS, (id,)).fetchall()
        history = tuple(_told(*one) for one in attempts if one != IN_HASTE)
        return Story(row.state, row.outcome, self.taken(id), told, history)

    def taken(self, id: str) -> int:
        """How often the server took the mail."""
        return self.sink.times(self._recipients[id])

    async def ended(self, id: str) -> Story:
        """How it stands once it is SUCCESS or ERROR."""
        story: Story = await self.found(lambda: self.story(id))
        return story

    async def becomes(self, id: str, expected: Story) -> Story | None:
        """How it stands, once it stands so or has not for long."""
        try:
            await self.found(lambda: self.story(id) == expected)
        except AssertionError:
            return self.story(id)
        return expected

    async def found(self, look: Callable[[], Any]) -> Any:
        """What a look finds, in the end."""

        async def looked() -> Any:
            return look()

        return await eventually(looked)

    async def stuck(self) -> str:
        """The doctor's last line."""
        ended = await franking(self.folder, "doctor", database_url=self.url)
        return ended.out.splitlines()[-1]


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """A scene on a database of its own."""
    name = await asyncio.to_thread(cluster().create, template())
    socket = cluster().folder / ".s.PGSQL.5432"
    try:
        async with Sink() as sink, Proxy(socket) as proxy:
            made = Scene(folder, name, proxy, sink)
            try:
                yield made
            finally:
                made.close()
    finally:
        await asyncio.to_thread(cluster().drop, name)


def _told(event: str, late: str | None) -> str:
    return event if late is None else f"{event}, then {json.loads(late)['event']}"
