"""The office and the calls that reach it, on a store."""

from __future__ import annotations

from collections.abc import Callable

from franking.apis.http import Front, build
from franking.app import reach
from franking.app.outlets import Embedded
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
    embedded: Embedded | None = None,
) -> tuple[Office, Front]:
    """The one door to the store, and HTTP's way to it; `trusted` asks for no key.

    `due` hears when a timer is; `timers` is the way to those of another process. `embedded` is
    the package, whose way to the email side is set here.
    """
    clock = SystemClock()
    office = Office(store, clock, wake, outfit, due)
    here = embedded or Embedded(store, clock)

    def built(*, trusted: bool) -> Front:
        return build(
            office,
            clock,
            hosts=reach.hosts(settings),
            trusted=trusted,
            timers=timers,
            max_document_bytes=settings.max_document_bytes,
            package=here.package,
        )

    here.services.app = built(trusted=True)
    return office, here.services.app if trusted else built(trusted=False)
