"""HTTP: a bound socket, and uvicorn on it without its own ways of starting, ending and logging."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn

from franking.config import PREFIX, Address, SettingRefused

BACKLOG = 1024
# How long a stop waits for answers that are on their way.
ANSWER_SECONDS = 5


def bound(address: Address) -> socket.socket:
    """A socket at the address. Raises `SettingRefused` where that is taken or not ours."""
    host = "127.0.0.1" if address.host == "localhost" else address.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Unless the protocol is named, asyncio's own loop lets small answers wait (no TCP_NODELAY).
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A restart need not wait for the connections of the last process to be forgotten.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, address.port))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        words = f"{PREFIX}HTTP is {str(address)!r}, which can't be served: {error.strerror}."
        raise SettingRefused(f"{words} Stop what listens there, or set another port.") from None
    return found


def address(listening: socket.socket) -> Address:
    """Where the socket listens."""
    host, port = listening.getsockname()[:2]
    return Address(host, port)


class Listener:
    """A uvicorn that serves one app on one socket until `stop`; HTTPS where `tls` is given."""

    def __init__(
        self, app: Any, listening: socket.socket, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=ANSWER_SECONDS,
                ssl_context_factory=None if tls is None else lambda _config, _default: tls,
            )
        )
        self.serving = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def started(self) -> None:
        """Wait until it takes requests, or has ended before that."""
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait([up, self.serving], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()

    async def stop(self) -> None:
        """Take no more requests, and finish those that were taken."""
        self._server.should_exit = True
        await self.serving


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process's signals are the service's, which has more to end than HTTP."""
        yield
