"""The office and the calls that reach it, on a store."""

from __future__ import annotations

from collections.abc import Callable

from franking.apis.http import Front, build
from franking.clock import SystemClock
from franking.config import Settings
from franking.office import Office
from franking.stores.base import Store


def front(settings: Settings, store: Store, wake: Callable[[], None]) -> tuple[Office, Front]:
    """The one door to the store, and HTTP's way to it."""
    clock = SystemClock()
    office = Office(store, clock, wake)
    return office, build(office, clock, hosts=settings.hosts)
