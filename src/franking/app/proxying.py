"""The proxy in a process of its own: Skyring's API here, the timers behind the Data API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from franking.apis.proxy import build_proxy
from franking.app import reach
from franking.app.data_api import remote
from franking.app.listening import Listener, address, bound
from franking.clock import SystemClock
from franking.config import Settings


class Proxy:
    """A running proxy, and where it listens."""

    def __init__(self, url: str, listener: Listener) -> None:
        self.url = url
        self.listener = listener


@asynccontextmanager
async def proxying(settings: Settings) -> AsyncIterator[Proxy]:
    """The proxy up; on leaving, down. Raises `SettingRefused`."""
    tls = reach.tls(settings)
    async with AsyncExitStack() as parts:
        socket = parts.enter_context(bound(settings.http))
        timers = remote(settings)
        parts.push_async_callback(timers.close)
        app = build_proxy(timers, SystemClock(), hosts=reach.hosts(settings))
        listener = Listener(app, socket, tls)
        parts.push_async_callback(listener.stop)
        await listener.started()
        yield Proxy(reach.url(address(socket), encrypted=tls is not None), listener)
