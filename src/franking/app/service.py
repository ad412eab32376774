"""One process that does it all: the store, what sends, the engine, and HTTP before them.

Policy. Everything that can be refused is refused before anything is served. The lock comes
first, then the socket, so that of two processes one only touches the database. A first SIGTERM
or SIGINT stops gracefully: no more requests are taken, what is being transmitted is finished
within STOP_SECONDS, the rest is given back, and no lease is left; a second one ends at once. An
engine that ends by itself ends the process, in failure: mails would else wait with nobody there.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from franking.app import Stopped, databases, logs, maildir, reach, vault
from franking.app.attachments import fetching
from franking.app.callers import callers
from franking.app.closing import Closing
from franking.app.data_api import remote, served
from franking.app.front import front
from franking.app.hooks import AppHooks, poster
from franking.app.listening import Listener, address, bound
from franking.app.lock import locked
from franking.app.outlets import Embedded, outlet
from franking.app.proxying import proxying
from franking.app.rendering import Renderings
from franking.app.roles import ALL, Role, apart, chosen
from franking.app.routes import Routes
from franking.app.sender import check_senders, through
from franking.clock import SystemClock
from franking.config import Settings
from franking.core.delivery import Bounds
from franking.core.expiry import Expiry, Unit
from franking.engine.beside import several_cores
from franking.engine.loop import Engine, EngineSettings
from franking.office import Office
from franking.office.rendering import Rendering
from franking.outlets.base import Outlet, Package
from franking.stores.base import Store
from franking.transports.base import Caller, Fetcher, Poster


class Service:
    """A running service: its office, its package, and where it listens."""

    def __init__(
        self,
        office: Office,
        package: Package,
        url: str,
        engine: Engine,
        listener: Listener,
        grpc: str | None,
    ) -> None:
        self.office = office
        self.package = package
        self.url = url
        self.grpc = grpc
        self._engine = engine
        self._listener = listener

    async def failed(self) -> Stopped:
        """Wait until a part ends by itself; why it did."""
        engine = asyncio.create_task(self._engine.failed())
        await asyncio.wait([engine, self._listener.serving], return_when=asyncio.FIRST_COMPLETED)
        if not engine.done():
            engine.cancel()
            return Stopped("franking stopped: HTTP ended by itself.")
        why = engine.result()
        words = "" if why is None else f": {why!r}"
        return Stopped(f"franking stopped: its engine ended by itself{words}.")


async def serve(settings: Settings, say: Callable[[str], None], only: str | None = None) -> None:
    """Serve until a signal asks to stop. `say` gets one line, which tells where it listens.

    `only` names the roles, all where it is None. Raises `SettingRefused`, `StoreRefused`, or
    `Stopped` where it ended by itself.
    """
    logs.configure(settings.log_format)
    roles = chosen(only)
    stop = signalled()
    others = "" if settings.http.loopback else f" ({settings.http})"
    if apart(roles, settings):
        async with proxying(settings) as proxy:
            say(f"franking's proxy listens on {proxy.url}{others}, for {settings.data_api}.")
            await _first(stop.wait(), asyncio.shield(proxy.listener.serving))
        return
    async with running(settings, "serve", roles) as service:
        grpc = "" if service.grpc is None else f" and gRPC on {service.grpc}"
        where = f"{service.url}{others}{grpc}"
        # What was made until now stays: to look through it again and again stops everything.
        gc.collect()
        gc.freeze()
        say(f"franking listens on {where}, with {settings.database_path}.")
        await until(stop, service)


def signalled() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the next one does what it does to any process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    return stop


async def until(stop: asyncio.Event, service: Service) -> None:
    """Wait until asked to stop. Raises `Stopped` where the service ends before."""
    asked = asyncio.create_task(stop.wait())
    failed = asyncio.create_task(service.failed())
    await asyncio.wait([asked, failed], return_when=asyncio.FIRST_COMPLETED)
    if not asked.done():
        asked.cancel()
        raise failed.result()
    failed.cancel()


async def _first(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


@asynccontextmanager
async def running(
    settings: Settings, command: str, roles: frozenset[Role] = ALL
) -> AsyncIterator[Service]:
    """Everything up, in order; on leaving, everything down. Raises as `serve` does."""
    sending = through(settings)
    check_senders(settings)
    maildir.check(settings)
    tls = reach.tls(settings)
    keys = vault.vault(settings)
    async with AsyncExitStack() as parts:
        to_close = Closing(parts)
        lock = await locked(settings.database_path, command)
        parts.callback(lock.release)
        socket = parts.enter_context(bound(settings.http))
        store = databases.store(settings)
        await store.open()
        parts.push_async_callback(store.close)
        await reach.check_keys(settings, store)
        await vault.check_keys(keys, store)
        routes = to_close(Routes(store, keys, SystemClock(), sending, settings.connections))
        called = callers(settings, SystemClock())
        for caller in called.values():
            to_close(caller)
        fetcher = to_close(fetching(settings))
        timers = None if settings.data_api is None else to_close(remote(settings))
        embedded = Embedded(store, SystemClock())
        told = to_close(outlet(settings, SystemClock(), embedded.services))
        post = to_close(poster(settings, SystemClock(), keys))
        renderings = to_close(Renderings(settings, store))
        engine = _engine(settings, store, routes, called, told, fetcher, post, renderings.mails)
        office, calls = front(
            settings,
            store,
            engine.wake,
            routes,
            due=engine.due,
            timers=timers,
            embedded=embedded,
            console=Role.CONSOLE in roles,
            hooks=AppHooks(keys, post, engine.hooks_changed),
            rendering=renderings.trials,
        )
        rpc = served(settings, office.timers, calls.access)
        if Role.DATA_API in roles:
            parts.push_async_callback(rpc.stop)
            await rpc.start()
        engine.start(
            worker=Role.WORKER in roles,
            timers=Role.TIMERS in roles,
            outbox=Role.OUTBOX in roles,
        )
        if Role.CADENCE in roles:
            finishing = asyncio.create_task(embedded.package.run(), name="cadence")
            parts.callback(finishing.cancel)
        listener = Listener(calls, socket, tls)

        async def stop() -> None:
            calls.stop()
            stops = (listener.stop(), rpc.stop(), engine.stop(settings.stop_seconds))
            await asyncio.gather(*stops)

        parts.push_async_callback(stop)
        await parts.enter_async_context(maildir.reading(settings, office))
        await listener.started()
        url = reach.url(address(socket), encrypted=tls is not None)
        lock.announce(url)
        grpc = str(rpc.address) if Role.DATA_API in roles else None
        yield Service(office, embedded.package, url, engine, listener, grpc)


def _engine(
    settings: Settings,
    store: Store,
    routes: Routes,
    called: Mapping[str, Caller],
    told: Outlet,
    fetcher: Fetcher,
    post: Poster,
    rendering: Rendering | None,
) -> Engine:
    bounds = Bounds(
        transient_attempts=settings.transient_attempts,
        retry_base_ms=settings.retry_seconds * 1000,
        max_wait_ms=settings.max_wait_hours * 3_600_000,
    )
    given = EngineSettings(
        default_from=settings.default_from or "",
        default_reply_to=settings.default_reply_to or "",
        lease_ms=settings.lease_seconds * 1000,
        connections=settings.connections,
        bounds=bounds,
        # The embedded package has no field for any of them.
        events=settings.events if settings.outlet == "salesforce" else (),
        users=settings.users_collection,
        expiry=Expiry(Unit(settings.ttl_expire_type), settings.ttl_expire_value),
        beside=several_cores(),
    )
    return Engine(
        store, routes, SystemClock(), given, called, told, rendering, fetcher=fetcher, poster=post
    )
