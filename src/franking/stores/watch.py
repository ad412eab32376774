"""What is watched in a database: the same on every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from franking.core.delivery import FINAL, State
from franking.core.rules import SENTENCES
from franking.core.timer import TimerState
from franking.stores.queries import Db
from franking.stores.watch_store import (
    FEWER_WATCHED,
    MOST_ACCOUNTS,
    MOST_WATCHED,
    Usage,
    Watched,
)

Run = Callable[..., Awaitable[Any]]

_watched = msgspec.json.Decoder(Watched)
_counts = msgspec.json.Decoder(dict[str, int])


class WatchRows:
    """`franking.stores.watch_store.WatchStore`; `read` runs a script, `usage` tells of it now."""

    def __init__(self, read: Run, usage: Callable[[], Usage]) -> None:
        self._read = read
        self.usage = usage

    async def watched(self, now: int) -> Watched:
        limits = {"most": MOST_WATCHED, "few": FEWER_WATCHED, "accounts": MOST_ACCOUNTS}
        values = {"now": now, **limits, **_NAMES}

        def script(db: Db) -> Watched:
            watched = _watched.decode(db.value("watched", **values))
            webhooks = _counts.decode(db.value("webhooks_standing", most=FEWER_WATCHED))
            states = {**watched.states, **watched.ended}
            return msgspec.structs.replace(watched, states=states, ended={}, webhooks=webhooks)

        found: Watched = await self._read(script)
        return found


_NAMES = {
    "states": msgspec.json.encode([s for s in State if s not in FINAL]).decode(),
    "ended": msgspec.json.encode(FINAL).decode(),
    "categories": msgspec.json.encode(list(SENTENCES)).decode(),
    "timer_states": msgspec.json.encode(list(TimerState)).decode(),
}
