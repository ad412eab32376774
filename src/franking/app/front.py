"""The office and the calls that reach it, on a store."""

from __future__ import annotations

from collections.abc import Callable

from franking.apis.http import Front, build
from franking.app import reach
from franking.clock import SystemClock
from franking.config import Settings
from franking.office import Office
from franking.stores.base import Store
from franking.transports.base import Outfitter


def front(
    settings: Settings,
    store: Store,
    wake: Callable[[], None],
    outfit: Outfitter | None = None,
    *,
    trusted: bool = False,
) -> tuple[Office, Front]:
    """The one door to the store, and HTTP's way to it; `trusted` asks for no key."""
    clock = SystemClock()
    office = Office(store, clock, wake, outfit)
    return office, build(office, clock, hosts=reach.hosts(settings), trusted=trusted)
