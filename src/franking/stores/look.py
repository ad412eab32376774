"""What people look at in a database, in bounded time: the same on every one.

Policy. A list looks through windows of the index that its filter names most narrowly, each window
ten times the one before, until it has its lines. Where few match, the look ends at its limit and
says where to go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from franking.stores.base import Filter, HeldAccount, Line, Looked, Stock, Tallied
from franking.stores.look_store import (
    HOUR_MS,
    HOURS_KEPT_MS,
    MINUTE_MS,
    MINUTES_KEPT_MS,
    MOST_COUNTED,
)
from franking.stores.queries import Db
from franking.stores.words import prefixes

FIRST = 2**62
FIRST_WINDOW = 200
TIMES_WIDER = 10
# Among so many accounts the mail is looked for that has been due for longest.
MOST_ACCOUNTS = 20
LAST = 3

Run = Callable[..., Awaitable[Any]]


class _Window(msgspec.Struct, frozen=True):
    """So many mails were looked through, down to the last one's seq; the lines that matched."""

    looked: int
    last: int
    lines: tuple[Line, ...]


class LookRows:
    """`franking.stores.look_store.LookStore`; `write` and `read` run a script each, `pulse` counts
    what was committed."""

    def __init__(self, write: Run, read: Run, pulse: Callable[[], Awaitable[int]]) -> None:
        self._write = write
        self._read = read
        self._pulse = pulse

    async def mails(self, filter: Filter, limit: int, most: int) -> Looked:
        found: Looked = await self._read(lambda db: _looked(db, filter, limit, most))
        return found

    async def tally(self, step_ms: int, since: int, width_ms: int) -> list[Tallied]:
        values = {"step": step_ms, "since": since, "width": width_ms}
        return _tallied.decode(await self._read(lambda db: db.value("tallied", **values)))

    async def stock(self, now: int) -> Stock:
        values = {"now": now, "most": MOST_COUNTED}
        return _stock.decode(await self._read(lambda db: db.value("stock", **values)))

    async def oldest_waiting(self) -> Line | None:
        found = await self._read(lambda db: db.value("oldest_waiting", most=MOST_ACCOUNTS))
        return None if found is None else _line.decode(found)

    async def held_accounts(self, now: int, limit: int) -> list[HeldAccount]:
        values = {"now": now, "limit": limit}
        return _held.decode(await self._read(lambda db: db.value("held_accounts", **values)))

    async def forget_tally(self, now: int, limit: int) -> int:
        def script(db: Db) -> int:
            count = 0
            for step, kept_ms in ((MINUTE_MS, MINUTES_KEPT_MS), (HOUR_MS, HOURS_KEPT_MS)):
                before = now - kept_ms - step  # a slot is kept as long as any of it is
                left = limit - count
                count += db.run("forget_tally", step=step, before=before, limit=left)
            return count

        count: int = await self._write(script, None, LAST)
        return count

    async def pulse(self) -> int:
        return await self._pulse()


def _looked(db: Db, filter: Filter, limit: int, most: int) -> Looked:
    """Window after window, until there are as many lines as wanted or nothing is left to see."""
    name, values = _asked(filter)
    after = FIRST if filter.after is None else filter.after
    lines: tuple[Line, ...] = ()
    left, size = most if name else 0, FIRST_WINDOW
    while left > 0:
        window = min(size, left)
        wanted = {"after": after, "most": window, "limit": limit - len(lines)}
        found = _window.decode(db.value(name, **values, **wanted))
        lines += found.lines
        ended = found.looked < window
        if len(lines) >= limit:
            last = lines[-1].mail.seq
            return Looked(lines, None if ended and last == found.last else last)
        if ended:
            return Looked(lines)
        after, left, size = found.last, left - window, size * TIMES_WIDER
    return Looked(lines, after if name else None)


def _asked(filter: Filter) -> tuple[str, dict[str, Any]]:
    """The query and its values; no query where words are asked for and there are none."""
    values: dict[str, Any] = {
        "touchpoint": filter.touchpoint,
        "category": filter.category,
        "account": filter.account,
        "state": filter.state,
    }
    if filter.q is not None:
        words = prefixes(filter.q)
        return ("lines_by_words" if words else ""), {**values, "q": words}
    by = next((name for name, value in values.items() if value is not None), "")
    return "lines", {**values, "by": by}


_window = msgspec.json.Decoder(_Window)
_line = msgspec.json.Decoder(Line)
_tallied = msgspec.json.Decoder(list[Tallied])
_stock = msgspec.json.Decoder(Stock)
_held = msgspec.json.Decoder(list[HeldAccount])
