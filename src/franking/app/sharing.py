"""What a process does because others work on its database too: it hears them, and keeps their time.

On a SQLite file there is nobody else, and nothing of it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from franking.app import databases
from franking.app.roles import CLAIMING, Role
from franking.clock import Clock, FollowingClock, SystemClock
from franking.config import Settings
from franking.engine.following import Follower
from franking.engine.loop import Engine
from franking.engine.news import News
from franking.stores.base import Store

# A lease is lost only to who is off by more than what is left when it is renewed.
LEASE_PARTS = 4


def clock(settings: Settings, roles: frozenset[Role]) -> Clock:
    """The process's clock. One that claims goes astray at a quarter of a lease."""
    if not settings.postgresql:
        return SystemClock()
    most_off_ms = settings.lease_seconds * 1000 // LEASE_PARTS
    return FollowingClock(SystemClock(), most_off_ms if roles & CLAIMING else None)


@asynccontextmanager
async def sharing(store: Store, clock: Clock, engine: Engine) -> AsyncIterator[None]:
    """Hear what others commit, and follow the database's time, from the first moment on. Raises
    `StoreUnavailable`."""
    found = databases.shared(store)
    if found is None or not isinstance(clock, FollowingClock):
        yield
        return
    follower = Follower(clock, found.time, lambda: found.connects, engine.heard)
    await follower.look()
    following = asyncio.create_task(follower.run(), name="clock")
    found.on_foreign(News(engine.heard).hear)
    try:
        yield
    finally:
        found.on_foreign(lambda: None)
        following.cancel()
