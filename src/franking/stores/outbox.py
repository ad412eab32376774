"""The outbox in a database: what a store promises of it, the same on every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from franking.core.reporting import Report
from franking.stores.base import StoredEvent
from franking.stores.outbox_store import (
    MOST_COUNTED,
    OutboxCounts,
    Pause,
    Unheard,
    Waiting,
)
from franking.stores.queries import Db
from franking.stores.rows import text

FIRST = 2**62

_ids = msgspec.json.Decoder(list[str])
_seqs = msgspec.json.Decoder(list[int])
_waiting = msgspec.json.Decoder(list[Waiting])
_unheard = msgspec.json.Decoder(list[Unheard])
_events = msgspec.json.Decoder(list[StoredEvent])
_pause = msgspec.json.Decoder(Pause)
_counts = msgspec.json.Decoder(OutboxCounts)


class OutboxRows:
    """`franking.stores.outbox_store.OutboxStore`; `write` and `read` run a script each."""

    def __init__(self, write: Callable[..., Any], read: Callable[..., Any]) -> None:
        self._write = write
        self._read = read

    async def claim(self, now: int, limit: int, each: int, until: int) -> list[Waiting]:
        found: list[Waiting]
        found, idle = await self._write(lambda db: _claim(db, now, limit, each, until))
        # Whoever has nothing waiting is held by nobody, or what comes would wait for the lease's
        # end. By itself: the locks come in the other order here.
        if idle:
            await self.free([(touchpoint, now) for touchpoint in idle])
        return found

    async def settle(self, reports: Sequence[Report]) -> None:
        await self._write(_settle, reports)

    async def free(self, touchpoints: Sequence[tuple[str, int]]) -> None:
        await self._write(lambda db: _freed(db, touchpoints))

    async def next_due(self) -> int | None:
        found: int | None = await self._read(lambda db: db.value("next_report"))
        return found

    async def pause(self, until: int | None, reason: str | None, now: int) -> None:
        await self._write(lambda db: db.run("pause_outlet", until=until, reason=reason, now=now))

    async def paused(self) -> Pause:
        return _pause.decode(await self._read(lambda db: db.value("outlet_pause")))

    async def counts(self) -> OutboxCounts:
        found = await self._read(lambda db: db.value("outbox_counts", most=MOST_COUNTED))
        return _counts.decode(found)

    async def page(
        self, state: str | None, touchpoint: str | None, after: int | None, limit: int
    ) -> list[Unheard]:
        values = {
            "state": state,
            "touchpoint": touchpoint,
            "after": FIRST if after is None else after,
            "limit": limit,
        }
        return _unheard.decode(await self._read(lambda db: db.value("page_outbox", **values)))

    async def resend(self, seq: int | None, touchpoint: str | None, now: int, limit: int) -> int:
        found: int = await self._write(lambda db: _resend(db, seq, touchpoint, now, limit))
        return found

    async def events_of(self, touchpoint: str, limit: int) -> list[StoredEvent]:
        found = await self._read(
            lambda db: db.value("events_of_touchpoint", touchpoint=touchpoint, limit=limit)
        )
        return _events.decode(found)

    async def report_again(self, seqs: Sequence[int], now: int) -> None:
        def script(db: Db) -> None:
            db.run("report_again", seqs=text(list(seqs)))
            db.run("wake_touchpoints", seqs=text(list(seqs)), now=now)

        await self._write(script)


def _claim(db: Db, now: int, limit: int, each: int, until: int) -> tuple[list[Waiting], list[str]]:
    """What waits, and the touchpoints of which nothing does."""
    ids = db.value("ready_touchpoints", now=now, limit=limit)
    ready = _ids.decode(ids)
    if not ready:
        return [], []
    db.run("lease_touchpoints", ids=ids, until=until)
    found = _waiting.decode(db.value("waiting_events", ids=ids, each=each))
    return found, sorted(set(ready) - {waiting.touchpoint_id for waiting in found})


def _settle(db: Db, reports: Sequence[Report]) -> list[None]:
    """Several callers' reports together; one answer for each, as the writer asks of a merger."""
    lock(db, [r.touchpoint_id for r in reports])
    told = [r.seq for r in reports if r.state == "told"]
    if told:
        db.run("told_events", seqs=text(told))
    others = [r for r in reports if r.state != "told"]
    if others:
        db.run("try_events", rows=text(others))
    _free(db, [(r.touchpoint_id, r.next_at) for r in reports])
    return [None] * len(reports)


def _freed(db: Db, touchpoints: Sequence[tuple[str, int]]) -> None:
    lock(db, [touchpoint for touchpoint, _ in touchpoints])
    _free(db, touchpoints)


def lock(db: Db, touchpoints: Sequence[str]) -> None:
    """Let nobody else write events of these touchpoints until the transaction ends, so that none is
    missed that comes just now."""
    db.value("lock_touchpoints", rows=text([(touchpoint,) for touchpoint in touchpoints]))


def _free(db: Db, touchpoints: Sequence[tuple[str, int]]) -> None:
    latest: dict[str, int] = {}
    for touchpoint, next_at in touchpoints:
        latest[touchpoint] = max(next_at, latest.get(touchpoint, 0))
    rows = text(list(latest.items()))
    db.run("leave_touchpoints", rows=rows)
    db.run("free_touchpoints", rows=rows)


def _resend(db: Db, seq: int | None, touchpoint: str | None, now: int, limit: int) -> int:
    found = db.value("parked_events", seq=seq, touchpoint=touchpoint, limit=limit)
    db.run("resend_events", seqs=found)
    db.run("wake_touchpoints", seqs=found, now=now)
    return len(_seqs.decode(found))
