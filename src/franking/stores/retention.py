"""Letting go of what is old, in a database: the same on every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from franking.stores.queries import Db
from franking.stores.retention_store import Walk, Walked
from franking.stores.rows import text

LAST = 3

Run = Callable[..., Awaitable[Any]]
Row = tuple[Any, Any]


class _Near(msgspec.Struct, frozen=True):
    """So many rows were looked at, down to the key `last`; `rows` are keys and ids that may go."""

    looked: int
    last: Any
    young: bool
    rows: list[Row]


class RetentionRows:
    """`franking.stores.retention_store.RetentionStore`; `write` runs a script."""

    def __init__(self, write: Run) -> None:
        self._write = write

    async def walk(
        self, walk: Walk, after: Any | None, before: int, look: int, most: int
    ) -> Walked:
        values = {"before": before, "look": look, "most": most, **_AFTER[walk](after)}
        found: Walked = await self._write(lambda db: _walked(db, walk, values, most), None, LAST)
        return found


def _walked(db: Db, walk: Walk, values: dict[str, Any], most: int) -> Walked:
    near = _near.decode(db.value(f"old_{walk}", **values))
    if near.rows:
        _REMOVE[walk](db, near.rows)
    if len(near.rows) == most:
        return Walked(near.rows[-1][0], most)
    ended = near.young or near.looked < values["look"]
    return Walked(None if ended else near.last, len(near.rows))


def _remove_mails(db: Db, rows: Sequence[Row]) -> None:
    """Mails with their remainders and all that is theirs alone; their timers, which have ended."""
    ids = text([id for _, id in rows])
    both = [*rows, *_rows.decode(db.value("old_remainders", ids=ids))]
    seqs, names = text([seq for seq, _ in both]), text([id for _, id in both])
    db.run("remove_documents", seqs=seqs)
    db.run("remove_attempts", ids=names)
    db.run("remove_bounces_of", ids=names)
    db.run("remove_mails", seqs=seqs)
    db.run("remove_timers", ids=ids)
    db.run("remove_lives_of", ids=ids)


def _remove_timers(db: Db, rows: Sequence[Row]) -> None:
    ids = text([id for _, id in rows])
    db.run("remove_timers", ids=ids)
    db.run("remove_lives_of", ids=ids)


def _remove_keys(query: str) -> Callable[[Db, Sequence[Row]], None]:
    def remove(db: Db, rows: Sequence[Row]) -> None:
        db.run(query, keys=text([key for key, _ in rows]))

    return remove


def _remove_seqs(query: str) -> Callable[[Db, Sequence[Row]], None]:
    def remove(db: Db, rows: Sequence[Row]) -> None:
        db.run(query, seqs=text([seq for seq, _ in rows]))

    return remove


def _seq(after: Any | None) -> dict[str, Any]:
    return {"after": after or 0}


def _life(after: Any | None) -> dict[str, Any]:
    timer, life = after or ("", 0)
    return {"timer": timer, "life": life}


def _answer(after: Any | None) -> dict[str, Any]:
    at, scope, key = after or (-1, "", "")
    return {"at": at, "scope": scope, "key": key}


_AFTER = {
    **dict.fromkeys((Walk.MAILS, Walk.TIMERS, Walk.EVENTS, Walk.BOUNCES), _seq),
    Walk.LIVES: _life,
    Walk.ANSWERS: _answer,
}
_REMOVE: dict[Walk, Callable[[Db, Sequence[Row]], None]] = {
    Walk.MAILS: _remove_mails,
    Walk.TIMERS: _remove_timers,
    Walk.LIVES: _remove_keys("remove_lives"),
    Walk.EVENTS: _remove_seqs("remove_events"),
    Walk.BOUNCES: _remove_seqs("remove_bounces"),
    Walk.ANSWERS: _remove_keys("remove_answers"),
}
_near = msgspec.json.Decoder(_Near)
_rows = msgspec.json.Decoder(list[Row])
