"""Writes a timer's data to a TCP receiver as one line, and hangs up.

An object is one line of JSON, minified. A string goes as it is: where it has line breaks in it,
the receiver gets as many lines. The call is done when the line was written, for nothing is ever
answered: a receiver that was gone by then may have lost it, as with Skyring's transport.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from franking.core.timer import Timer
from franking.core.timer.calls import Called
from franking.transports.calling import (
    CONNECT_SECONDS,
    CONNECTIONS,
    CONNECTIONS_EACH,
    TOTAL_SECONDS,
    Uncallable,
    data,
)
from franking.transports.names import Names, PrivateAddress
from franking.transports.places import NoPlace, Places
from franking.transports.quoting import printable

WORDS_CHARACTERS = 200


class Line:
    """The `Caller` of the transport `tcp`, for `tcp://host:port`; many calls at once."""

    def __init__(
        self,
        names: Names | None = None,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        connections: int = CONNECTIONS,
        connections_each: int = CONNECTIONS_EACH,
    ) -> None:
        self._names = names or Names()
        self._connect_seconds, self._total_seconds = connect_seconds, total_seconds
        self._places = Places(connections, connections_each, total_seconds)
        self._open: set[asyncio.WriteTransport] = set()
        self._closed = False

    async def call(self, timer: Timer) -> Called:
        """One line at most; errors begin with ETCPERR, as Skyring's do."""
        try:
            host, port = _target(timer.callback.uri)
            line = _line(timer)
        except Uncallable as error:
            return Called(f"ETCPERR: {error}")
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            async with self._places.one(place):
                return await self._call(host, port, place, line)
        except NoPlace:
            words = f"ETCPERR: {place} was not called: too many calls to it are under way"
            return Called(words, again=True)

    async def close(self) -> None:
        """Hang up; lines that are being written end with an error, as do those that come."""
        self._closed = True
        for transport in tuple(self._open):
            transport.abort()

    async def _call(self, host: str, port: int, place: str, line: bytes) -> Called:
        try:
            async with asyncio.timeout(self._total_seconds):
                async with asyncio.timeout(self._connect_seconds):
                    writer = await self._connected(host, port)
                await self._write(writer, line)
        except PrivateAddress as error:
            return Called(f"ETCPERR: {error}")
        except TimeoutError:
            return Called(f"ETCPERR: {place} did not take the line in time", again=True)
        except OSError as error:
            return Called(f"ETCPERR: no line could be written to {place}: {_words(error)}", True)
        return Called()

    async def _connected(self, host: str, port: int) -> asyncio.StreamWriter:
        """To the first of its addresses that takes us, each with its share of the time."""
        found = await self._names.find(host, port)
        seconds = self._connect_seconds / len(found)
        for one in found[:-1]:
            with suppress(OSError):  # of which TimeoutError is one
                async with asyncio.timeout(seconds):
                    return (await asyncio.open_connection(one.address, port))[1]
        return (await asyncio.open_connection(found[-1].address, port))[1]

    async def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        transport = writer.transport
        self._open.add(transport)
        try:
            if self._closed:
                raise ConnectionAbortedError(_STOPPING)
            # Draining waits until all of it is with the system.
            transport.set_write_buffer_limits(0)
            writer.write(line)
            await writer.drain()
            # Draining ends without an error when it was we who hung up.
            if transport.is_closing():
                raise ConnectionAbortedError(_STOPPING)
            writer.close()
            await writer.wait_closed()
        finally:
            self._open.discard(transport)
            transport.abort()


def _target(uri: str) -> tuple[str, int]:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Uncallable("the URI can't be read: it must be tcp://host:port") from None
    if parts.scheme != "tcp" or not port or not _HOST.fullmatch(host):
        raise Uncallable("the URI must be tcp://host:port")
    return host, port


def _line(timer: Timer) -> bytes:
    found = data(timer)
    if found is None:
        return b"\n"
    if found.json:
        return msgspec.json.format(found.content, indent=-1) + b"\n"
    return found.content + b"\n"


def _words(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or not error.errno:
        return printable(error.strerror or str(error) or type(error).__name__, WORDS_CHARACTERS)
    return os.strerror(error.errno)


_STOPPING = "franking is stopping"
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9]+)?")
