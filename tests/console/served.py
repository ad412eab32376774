"""An installation with its console on a real socket, in a thread beside the test.

Playwright's plain calls and asyncio do not mix in one thread, so the installation has a loop of its
own; `run` carries what a test asks of it there.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from franking.apis.http import build
from franking.app.listening import Listener, address, bound
from franking.config import Address
from franking.web import console
from installation import Installation

T = TypeVar("T")

STOP_SECONDS = 20


class Served:
    """`with Served(tmp_path) as it`; `it.url` is the console, `it.box` the mail server.

    `settings` are the installation's; the embedded package hears of events. With `tls` it is HTTPS.
    """

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None, **settings: Any) -> None:
        self._tls = tls
        self.installation = Installation(folder, **{"cadence": True, **settings})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 30) -> T:
        """What a coroutine comes to on the installation's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    @property
    def box(self) -> Any:
        """The mail server (`postbox.Postbox`)."""
        return self.installation.box

    async def _start(self) -> None:
        it = await self.installation.__aenter__()
        package = it.embedded.package
        pages = console(it.office, it.clock, it.office.timers, package)
        self._front = build(it.office, it.clock, package=package, console=pages)
        socket = bound(Address("127.0.0.1", 0))
        self._listener = Listener(self._front, socket, self._tls)
        await self._listener.started()
        scheme = "http" if self._tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{address(socket).port}"

    async def _stop(self) -> None:
        self._front.stop()
        await self._listener.stop()
        await self.installation.__aexit__(None, None, None)
