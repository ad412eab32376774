"""The office and the calls that reach it, on a store."""

from __future__ import annotations

from collections.abc import Callable

from franking import web
from franking.apis.console import Console
from franking.apis.http import Front, build
from franking.app import reach
from franking.app.outlets import Embedded
from franking.clock import Clock, SystemClock
from franking.config import Settings
from franking.core.expiry import Expiry, Unit
from franking.engine.meter import Meter
from franking.engine.tracing import Tracer
from franking.office import Office
from franking.office.rendering import Rendering
from franking.office.timer_door import TimerDoor
from franking.office.webhooks import Hooks
from franking.stores.base import Store
from franking.transports.base import Outfitter


def front(
    settings: Settings,
    store: Store,
    wake: Callable[[], None],
    outfit: Outfitter | None = None,
    *,
    clock: Clock | None = None,
    trusted: bool = False,
    due: Callable[[int], None] = lambda at: None,
    timers: TimerDoor | None = None,
    embedded: Embedded | None = None,
    console: bool = False,
    hooks: Hooks | None = None,
    rendering: Rendering | None = None,
    meter: Meter | None = None,
    tracer: Tracer | None = None,
) -> tuple[Office, Front]:
    """The one door to the store, and HTTP's way to it; `trusted` asks for no key.

    `due` hears when a timer is; `timers` is the way to those of another process. `embedded` is
    the package, whose way to the email side is set here. `console`: its pages are served too.
    `meter` is what the process counts, `tracer` follows mails. Without `hooks` no webhook can be
    set or tried, without `rendering` no template tried out. Raises `AssetsMissing`.
    """
    clock = clock or SystemClock()
    office = Office(
        store,
        clock,
        wake,
        outfit,
        due,
        Expiry(Unit(settings.ttl_expire_type), settings.ttl_expire_value),
        rendering,
        hooks,
    )
    here = embedded or Embedded(store, clock)

    def built(*, trusted: bool, pages: Console | None = None) -> Front:
        return build(
            office,
            clock,
            hosts=reach.hosts(settings),
            trusted=trusted,
            timers=timers,
            max_document_bytes=settings.max_document_bytes,
            package=here.package,
            console=pages,
            meter=meter,
            tracer=None if trusted else tracer,
        )

    here.services.app = built(trusted=True)
    if trusted:
        return office, here.services.app
    door = office.timers if timers is None else timers
    pages = web.console(office, clock, door, here.package) if console else None
    return office, built(trusted=False, pages=pages)
