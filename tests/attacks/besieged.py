"""The whole service on real sockets, in a thread beside a test that throws things at it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import grpc
import httpx

from franking.app.service import running
from postbox import Postbox
from serviced import loaded

T = TypeVar("T")

PATIENCE_SECONDS = 30


class Besieged:
    """`with Besieged(tmp_path) as it`; `it.http` talks to it, `it.box` is its mail server.

    `settings` are as the environment has them; no private address is called for anybody, unless
    they say so.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._settings = {"webhook_private_addresses": "deny", **settings}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._stack = AsyncExitStack()
        self.box = Postbox()

    def __enter__(self) -> Besieged:
        self._thread.start()
        self.run(self._start())
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        self.channel = grpc.insecure_channel(self.grpc)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()
        self.channel.close()
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = PATIENCE_SECONDS) -> T:
        """What a coroutine comes to on the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    async def _start(self) -> None:
        await self.box.start()
        self._stack.push_async_callback(self.box.stop)
        given = {"smtp_connection_uri": f"smtp://127.0.0.1:{self.box.port}", **self._settings}
        service = await self._stack.enter_async_context(
            running(loaded(self._folder, **given), "serve")
        )
        self.url, self.grpc = service.url, service.grpc or ""
