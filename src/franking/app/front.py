"""The office and the calls that reach it, on a store."""

from __future__ import annotations

from collections.abc import Callable

from franking.apis.http import Front, build
from franking.app import reach
from franking.clock import SystemClock
from franking.config import Settings
from franking.office import Office
from franking.office.timer_door import TimerDoor
from franking.stores.base import Store
from franking.transports.base import Outfitter


def front(
    settings: Settings,
    store: Store,
    wake: Callable[[], None],
    outfit: Outfitter | None = None,
    *,
    trusted: bool = False,
    due: Callable[[int], None] = lambda at: None,
    timers: TimerDoor | None = None,
) -> tuple[Office, Front]:
    """The one door to the store, and HTTP's way to it; `trusted` asks for no key.

    `due` hears when a timer is; `timers` is the way to those of another process.
    """
    clock = SystemClock()
    office = Office(store, clock, wake, outfit, due)
    hosts = reach.hosts(settings)
    return office, build(
        office,
        clock,
        hosts=hosts,
        trusted=trusted,
        timers=timers,
        max_document_bytes=settings.max_document_bytes,
    )
