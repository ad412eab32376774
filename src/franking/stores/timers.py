"""Timers in a database: what a store promises of them, the same on every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from franking.core.attempt import Lease
from franking.core.timer import Life, Timer, TimerEnd, TimerState
from franking.core.timer.kept import all_decoded
from franking.core.timer.lanes import MAIL_LANE
from franking.stores import timer_changes, timer_serving
from franking.stores.base import (
    AlreadyExists,
    DecideTimer,
    FreshTimer,
    Once,
    Replay,
    Serve,
    Stored,
    TimerFilter,
)
from franking.stores.queries import Db
from franking.stores.rows import update
from franking.stores.timer_store import MOST_LIVES, MOST_MATCHES
from franking.stores.writes import lock as lock_mails
from franking.stores.writes import once as only_once

FIRST = 2**62
END = 1

Write = Callable[..., Any]
Read = Callable[[Callable[[Db], Any]], Any]

_stored = msgspec.json.Decoder(Stored)
_lives = msgspec.json.Decoder(tuple[Life, ...])


class TimerRows:
    """`franking.stores.timer_store.TimerStore`; `write` and `read` run a script each."""

    def __init__(self, write: Write, read: Read) -> None:
        self._write = write
        self._read = read

    async def create(
        self, timers: Sequence[FreshTimer], once: Once | None = None
    ) -> list[Timer | Exception] | Replay:
        if once is None:
            return await self._write(_create, timers)  # type: ignore[no-any-return]
        key, ids = once, [t.id for t in timers]
        return await self._write(  # type: ignore[no-any-return]
            lambda db: only_once(db, key, ids, lambda: _create(db, timers))
        )

    async def change(
        self, id: str, decide: DecideTimer, once: Once | None = None
    ) -> Timer | Exception | Replay | None:
        def script(db: Db) -> Timer | Exception | None:
            return _change(db, id, decide)

        if once is None:
            return await self._write(script)  # type: ignore[no-any-return]
        key = once
        return await self._write(  # type: ignore[no-any-return]
            lambda db: only_once(db, key, [id], lambda: script(db))
        )

    async def read(self, id: str) -> tuple[Timer, tuple[Life, ...]] | None:
        return await self._read(lambda db: _read(db, id))  # type: ignore[no-any-return]

    async def page(self, filter: TimerFilter, limit: int) -> list[Timer]:
        return await self._read(lambda db: _page(db, filter, limit))  # type: ignore[no-any-return]

    async def claim(
        self, now: int, limit: int, lease_ms: int, room: dict[str, int], share: int
    ) -> list[Timer]:
        return await self._write(  # type: ignore[no-any-return]
            lambda db: timer_serving.claim(db, now, limit, lease_ms, room, share)
        )

    async def renew(self, leases: Sequence[Lease], expires_at: int) -> list[bool]:
        rows = [(lease, expires_at) for lease in leases]
        return await self._write(timer_serving.renew, rows)  # type: ignore[no-any-return]

    async def end(self, ends: Sequence[TimerEnd]) -> list[bool]:
        return await self._write(timer_serving.end, ends, END)  # type: ignore[no-any-return]

    async def serve_mails(self, now: int, limit: int, serve: Serve) -> int:
        return await self._write(  # type: ignore[no-any-return]
            lambda db: timer_serving.serve_mails(db, now, limit, serve)
        )

    async def next_due(self, full: Sequence[str]) -> int | None:
        given = timer_changes.text([MAIL_LANE, *full])
        return await self._read(  # type: ignore[no-any-return]
            lambda db: db.value("next_lane_due", full=given)
        )

    async def next_mail_due(self) -> int | None:
        return await self._read(  # type: ignore[no-any-return]
            lambda db: db.value("lane_due", lane=MAIL_LANE)
        )


def _create(db: Db, timers: Sequence[FreshTimer]) -> list[Timer | Exception]:
    results = timer_changes.create(db, timers)
    return [AlreadyExists(str(r)) if isinstance(r, timer_changes.Taken) else r for r in results]


def _change(db: Db, id: str, decide: DecideTimer) -> Timer | Exception | None:
    """What is refused is an answer; whatever else is raised undoes the whole."""
    lock_mails(db, [id])  # first, as who settles a mail and then ends its timer
    timer_changes.lock(db, [id])
    timer = timer_changes.read(db, id)
    mail = None if timer is None or not timer.mailed else db.value("read_mail", id=id)
    stored = None if mail is None else _stored.decode(mail)
    if stored is not None and stored.timer is None:
        stored = None  # nobody's, or of an earlier life of the id: not this timer's to touch
    try:
        change = decide(timer, stored)
    except Exception as refusal:
        return refusal
    if timer is None or change is None:
        return timer
    timer_changes.write(db, timer, change)
    if change.mail is not None and stored is not None:
        update(db, stored.mail, change.mail)
    return change.refuse or timer_changes.read(db, id)


def _read(db: Db, id: str) -> tuple[Timer, tuple[Life, ...]] | None:
    timer = timer_changes.read(db, id)
    if timer is None:
        return None
    return timer, _lives.decode(db.value("lives_of", id=id, limit=MOST_LIVES))


def _page(db: Db, filter: TimerFilter, limit: int) -> list[Timer]:
    """By the narrowest index there is for the filter."""
    values: dict[str, Any] = {
        "state": filter.state,
        "transport": filter.transport,
        "after": FIRST if filter.after is None else filter.after,
        "limit": limit,
        "data": filter.data,
    }
    if filter.q:
        return all_decoded(db.value("page_timers_by_id", q=filter.q, most=MOST_MATCHES, **values))
    if filter.transport is not None:
        states = [filter.state] if filter.state else list(TimerState)
        values["states"] = timer_changes.text(states)
        return all_decoded(db.value("page_timers_by_transport", **values))
    return all_decoded(
        db.value("page_timers_by_state" if filter.state else "page_timers", **values)
    )
