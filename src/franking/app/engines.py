"""From settings to the engine, and which of its parts a process runs."""

from __future__ import annotations

from collections.abc import Mapping

from franking.app.roles import Role
from franking.clock import Clock
from franking.config import Settings
from franking.core.delivery import Bounds
from franking.core.expiry import Expiry, Unit
from franking.engine.beside import several_cores
from franking.engine.loop import Engine, EngineSettings
from franking.engine.tracing import Tracer
from franking.office.rendering import Rendering
from franking.outlets.base import Outlet
from franking.stores.base import Store
from franking.transports.base import Caller, Fetcher, Poster, Routes


def start(engine: Engine, roles: frozenset[Role]) -> None:
    """Begin what the roles ask for."""
    engine.start(
        worker=Role.WORKER in roles,
        timers=Role.TIMERS in roles,
        outbox=Role.OUTBOX in roles,
    )


def engine(
    settings: Settings,
    store: Store,
    routes: Routes,
    clock: Clock,
    called: Mapping[str, Caller],
    told: Outlet,
    fetcher: Fetcher,
    post: Poster,
    rendering: Rendering | None,
    tracer: Tracer | None,
) -> Engine:
    """The engine of a process, not started yet."""
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
        retain_days=settings.retain_days,
        max_document_bytes=settings.max_document_bytes,
    )
    return Engine(
        store,
        routes,
        clock,
        given,
        called,
        told,
        rendering,
        fetcher=fetcher,
        poster=post,
        tracer=tracer,
    )
