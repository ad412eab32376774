"""The embedded package's rows in a database: what a store promises of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core.touchpoint import ConquerError, Touchpoint
from franking.core.touchpoint.head import words
from franking.stores import cadence_look
from franking.stores.cadence_look import FIRST
from franking.stores.cadence_store import (
    MOST_CHILDREN,
    DecideTouchpoint,
    Found,
    LookedTouchpoints,
    TouchpointFilter,
    Write,
)
from franking.stores.queries import Db
from franking.stores.rows import text
from franking.stores.words import plain

# How many touchpoints one read of a page looks through, so that others get their turn.
PAGE_LOOKED = 10_000

_touchpoint = msgspec.json.Decoder(Touchpoint)
_touchpoints = msgspec.json.Decoder(list[Touchpoint])
_error = msgspec.json.Decoder(ConquerError)
_errors = msgspec.json.Decoder(tuple[ConquerError, ...])
_families = msgspec.json.Decoder(list[tuple[ConquerError, ...]])
_ids = msgspec.json.Decoder(list[str])


class _Numbered(msgspec.Struct, frozen=True):
    seq: int
    error: ConquerError


_numbered = msgspec.json.Decoder(list[_Numbered])


class CadenceRows:
    """`franking.stores.cadence_store.CadenceStore`; `write` and `read` run a script each."""

    def __init__(self, write: Callable[..., Any], read: Callable[..., Any]) -> None:
        self._write = write
        self._read = read

    async def create(self, touchpoint: Touchpoint, unfinished: bytes | None) -> None:
        await self._write(lambda db: _insert(db, touchpoint, unfinished))

    async def forget(self, id: str) -> None:
        await self._write(lambda db: _forget(db, id))

    async def change(
        self, id: str, decide: DecideTouchpoint, event_id: str | None = None
    ) -> Touchpoint | None:
        found: Touchpoint | None = await self._write(lambda db: _change(db, id, decide, event_id))
        return found

    async def read(self, id: str) -> tuple[Touchpoint, tuple[ConquerError, ...]] | None:
        found: tuple[Touchpoint, tuple[ConquerError, ...]] | None = await self._read(
            lambda db: _whole(db, id)
        )
        return found

    async def children(self, ids: Sequence[str]) -> list[tuple[ConquerError, ...]]:
        found = await self._read(
            lambda db: db.value("conquer_errors_of_each", ids=text(ids), limit=MOST_CHILDREN)
        )
        return _families.decode(found)

    async def page(self, filter: TouchpointFilter, limit: int) -> list[Touchpoint]:
        found: list[Touchpoint] = []
        while len(found) < limit:
            looked = await self.look(filter, limit - len(found), PAGE_LOOKED)
            found += looked.touchpoints
            if looked.next is None:
                break
            filter = replace(filter, after=looked.next)
        return found

    async def look(self, filter: TouchpointFilter, limit: int, most: int) -> LookedTouchpoints:
        found: LookedTouchpoints = await self._read(
            lambda db: cadence_look.look(db, filter, limit, most)
        )
        return found

    async def count(self, filter: TouchpointFilter, most: int) -> int:
        found: int = await self._read(lambda db: cadence_look.count(db, filter, most))
        return found

    async def statuses(self, most: int) -> dict[str, int]:
        found: dict[str, int] = await self._read(lambda db: cadence_look.statuses(db, most))
        return found

    async def errors(
        self, touchpoint: str | None, status: str | None, after: int | None, limit: int
    ) -> list[tuple[int, ConquerError]]:
        values: dict[str, Any] = {"after": FIRST if after is None else after, "limit": limit}
        name = "page_conquer_errors"
        if touchpoint is not None:
            name += "_by_touchpoint"
            values |= {"touchpoint": touchpoint, "status": status}
        elif status is not None:
            name += "_by_status"
            values["status"] = status
        found = await self._read(lambda db: db.value(name, **values))
        return [(one.seq, one.error) for one in _numbered.decode(found)]

    async def unfinished(self, limit: int) -> list[tuple[Touchpoint, bytes]]:
        found: list[tuple[Touchpoint, bytes]] = await self._read(lambda db: _unfinished(db, limit))
        return found

    async def after(self, seq: int, limit: int) -> list[Touchpoint]:
        found = await self._read(lambda db: db.value("touchpoints_after", after=seq, limit=limit))
        return _touchpoints.decode(found)


def _insert(db: Db, touchpoint: Touchpoint, unfinished: bytes | None) -> None:
    given = unfinished and unfinished.decode()
    db.run(
        "insert_touchpoint", t=text(touchpoint), words=plain(words(touchpoint)), unfinished=given
    )


def _forget(db: Db, id: str) -> None:
    db.value("lock_touchpoint", id=id)
    row = db.row("read_touchpoint", id=id)
    if row is not None:
        db.run("delete_touchpoint", id=id, version=row[1])


def _change(db: Db, id: str, decide: DecideTouchpoint, event_id: str | None) -> Touchpoint | None:
    db.value("lock_touchpoint", id=id)
    row = db.row("read_touchpoint", id=id)
    wanted: Write | None = decide(_found(db, row, event_id))
    if row is None:
        return None
    touchpoint = _touchpoint.decode(row[0])
    if wanted is None:
        return touchpoint
    if wanted.children:
        named = [replace(c, id=c.id or f"ce-{c.event_id}") for c in wanted.children]
        db.run("insert_conquer_errors", rows=text(named))
    _update(db, wanted, row[1])
    return wanted.touchpoint


def _update(db: Db, wanted: Write, version: int) -> None:
    db.run(
        "update_touchpoint",
        t=text(wanted.touchpoint),
        words=plain(words(wanted.touchpoint)),
        version=version,
        unfinished=wanted.unfinished and wanted.unfinished.decode(),
    )


def _found(db: Db, row: tuple[Any, ...] | None, event_id: str | None) -> Found | None:
    if row is None:
        return None
    touchpoint = _touchpoint.decode(row[0])
    last = db.value("last_conquer_error", touchpoint=touchpoint.id)
    known = event_id is not None and bool(db.value("conquer_error_known", event_id=event_id))
    return Found(
        touchpoint,
        None if last is None else _error.decode(last),
        known,
        None if row[2] is None else row[2].encode(),
    )


def _whole(db: Db, id: str) -> tuple[Touchpoint, tuple[ConquerError, ...]] | None:
    row = db.row("read_touchpoint", id=id)
    if row is None:
        return None
    children = db.value("conquer_errors_of", touchpoint=id, limit=MOST_CHILDREN)
    return _touchpoint.decode(row[0]), _errors.decode(children)


def _unfinished(db: Db, limit: int) -> list[tuple[Touchpoint, bytes]]:
    found: list[tuple[Touchpoint, bytes]] = []
    for id in _ids.decode(db.value("unfinished_touchpoints", limit=limit)):
        row = db.row("read_touchpoint", id=id)
        if row is not None and row[2] is not None:
            found.append((_touchpoint.decode(row[0]), row[2].encode()))
    return found
