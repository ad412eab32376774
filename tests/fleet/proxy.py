"""A network between a process and its database: it may stall, whole or half, at any moment.

What stalls is kept, and arrives when the network goes on: late, and also where whoever sent it has
given up meanwhile, as on a real one. New connections stall with the others.
"""

from __future__ import annotations

import asyncio
import re
import struct
from enum import Flag
from pathlib import Path
from typing import NamedTuple

from franking.stores.queries import load

_CHUNK = 1 << 16
_HEAD = struct.Struct("!I")
_TYPED = struct.Struct("!cI")
# A client asks for one of these before it says who it is, in a frame without a type.
_ENCRYPTION = (80877103, 80877104)
_LISTEN, _BEGIN, _COMMIT = b"LISTEN", b"BEGIN", b"COMMIT"


class Way(Flag):
    """What is held back."""

    REQUESTS = 1
    ANSWERS = 2
    BOTH = 3


class Moment(NamedTuple):
    """When a transaction in which the query of this name ran is about to be committed; with no
    name, when one is about to begin. Then it stalls `way`: answers alone, and the COMMIT is heard.
    """

    query: str
    way: Way


class Proxy:
    """`async with Proxy(socket) as proxy`: it listens at `host`, and passes on to a database's
    socket in the file system."""

    def __init__(self, socket: Path, host: str = "127.0.0.1") -> None:
        self.port = 0
        self._host = host
        self._socket = socket
        self._open = {Way.REQUESTS: asyncio.Event(), Way.ANSWERS: asyncio.Event()}
        self._moment: Moment | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stalling: Said | None = None
        self.stalled = asyncio.Event()
        # Who spoke when it stalled has hung up, and the database has yet to hear of it.
        self.given_up = asyncio.Event()

    async def __aenter__(self) -> Proxy:
        self.go_on()
        self._server = await asyncio.start_server(self._connected, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, database: str) -> str:
        """How a database is reached through it."""
        return f"postgresql://franking@{self._host}:{self.port}/{database}"

    def stall(self, way: Way = Way.BOTH) -> None:
        """Pass nothing on."""
        for one in way:
            self._open[one].clear()
        self.stalled.set()

    def stall_at(self, query: str, way: Way = Way.BOTH) -> None:
        """Stall when the next transaction with that query commits; `Moment` says it all."""
        self._moment = Moment(query, way)

    def go_on(self) -> None:
        """Pass on what was kept, and what comes."""
        self._moment = self._stalling = None
        self.stalled.clear()
        self.given_up.clear()
        for gate in self._open.values():
            gate.set()

    async def _connected(self, near: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._open[Way.REQUESTS].wait()
            far, forth = await asyncio.open_unix_connection(str(self._socket))
            try:
                await self._carry(near, to, far, forth)
            finally:
                forth.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one of them has hung up, or the test is over
        finally:
            to.close()
            self._tasks.discard(task)

    async def _carry(
        self,
        near: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:
        """Until one of them has hung up, and the other has heard all that was said."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        hearing = asyncio.create_task(self._hear(near, queue))
        ways = {
            asyncio.create_task(self._forth(queue, forth)),
            asyncio.create_task(self._back(far, to)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (hearing, *ways):
                task.cancel()
            await asyncio.gather(hearing, *ways, return_exceptions=True)

    async def _hear(self, near: asyncio.StreamReader, queue: asyncio.Queue[bytes]) -> None:
        """What a client says, message by message; nothing is its end."""
        said = Said()
        try:
            while not said.introduced:
                queue.put_nowait(await said.introduction(near))
            while True:
                queue.put_nowait(await said.message(near))
                self._look(said)
        except (OSError, asyncio.IncompleteReadError):
            queue.put_nowait(b"")
            if said is self._stalling:
                self.given_up.set()

    async def _forth(self, queue: asyncio.Queue[bytes], forth: asyncio.StreamWriter) -> None:
        message = b"!"
        while message:
            message = await queue.get()
            await self._open[Way.REQUESTS].wait()
            forth.write(message)
            await forth.drain()

    async def _back(self, far: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        chunk = b"!"
        while chunk:
            chunk = await far.read(_CHUNK)
            await self._open[Way.ANSWERS].wait()
            to.write(chunk)
            await to.drain()

    def _look(self, said: Said) -> None:
        moment = self._moment
        if moment is None or said.listens:
            return
        wanted = _COMMIT if moment.query else _BEGIN
        if said.now.startswith(wanted) and (not moment.query or moment.query in said.queries):
            self._moment, self._stalling = None, said
            self.stall(moment.way)


class Said:
    """What one connection has said: `now`, and the named `queries` of its transaction."""

    def __init__(self) -> None:
        self.now = b""
        self.queries: set[str] = set()
        self.listens = False
        self.introduced = False
        self._prepared: dict[bytes, bytes] = {}

    async def introduction(self, near: asyncio.StreamReader) -> bytes:
        """What is said before there are types: who it is, perhaps after a wish."""
        head = await near.readexactly(_HEAD.size)
        body = await near.readexactly(_HEAD.unpack(head)[0] - _HEAD.size)
        self.introduced = _HEAD.unpack(body[: _HEAD.size])[0] not in _ENCRYPTION
        return head + body

    async def message(self, near: asyncio.StreamReader) -> bytes:
        """Any other: https://www.postgresql.org/docs/current/protocol-message-formats.html."""
        head = await near.readexactly(_TYPED.size)
        kind, size = _TYPED.unpack(head)
        body = await near.readexactly(size - _HEAD.size)
        self._note(kind, body)
        return head + body

    def _note(self, kind: bytes, body: bytes) -> None:
        self.now = b""
        if kind == b"Q":
            self.now = body.rstrip(b"\0")
            self.listens = self.listens or self.now.startswith(_LISTEN)
            if self.now.startswith(_BEGIN):
                self.queries.clear()
        elif kind == b"P":
            name, text = body.split(b"\0")[:2]
            self._prepared[name] = text
        elif kind == b"B":
            self._ran(self._prepared.get(body.split(b"\0")[1], b""))

    def _ran(self, text: bytes) -> None:
        name = _NAMES.get(_VALUE.sub("?", text.decode()))
        if name is not None:
            self.queries.add(name)


_VALUE = re.compile(r"\$\d+|%\(\w+\)s")
_NAMES = {_VALUE.sub("?", text): name for name, text in load("postgres").items()}
