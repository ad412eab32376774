"""Touchpoints in a list: looked through in windows that grow, so that no filter costs a table."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.touchpoint import Status, Touchpoint
from franking.stores.cadence_store import LookedTouchpoints, TouchpointFilter
from franking.stores.queries import Db
from franking.stores.words import prefixes

FIRST = 2**62
FIRST_WINDOW = 200
GROWTH = 10
# How many statuses are counted, besides the six that there are from the start.
MOST_STATUSES = 50


class _Window(msgspec.Struct, frozen=True):
    """How many an index named and the last of them; how many match, and the newest that do."""

    looked: int = 0
    last: int | None = None
    matched: int = 0
    touchpoints: tuple[Touchpoint, ...] = ()


_window = msgspec.json.Decoder(_Window)
_counts = msgspec.json.Decoder(dict[str, int])


def look(db: Db, filter: TouchpointFilter, limit: int, most: int) -> LookedTouchpoints:
    """The newest that match: `limit` of them, from 1, among the `most` that an index names.

    One more is looked for than asked for, so that a `next` is told only where there is more.
    """
    found: tuple[Touchpoint, ...] = ()
    after, looked, size = filter.after, 0, max(FIRST_WINDOW, limit + 1)
    while looked < most:
        size = min(size, most - looked)
        seen = _seen(db, filter, after, size, limit + 1 - len(found))
        found += seen.touchpoints
        looked += seen.looked
        if len(found) > limit:
            return LookedTouchpoints(found[:limit], found[limit - 1].seq)
        if seen.looked < size:
            return LookedTouchpoints(found)
        after = seen.last
        size *= GROWTH
    return LookedTouchpoints(found, after)


def count(db: Db, filter: TouchpointFilter, most: int) -> int:
    """How many match among the newest `most` that an index names."""
    return _seen(db, filter, filter.after, most, 0).matched


def statuses(db: Db, most: int) -> dict[str, int]:
    """How many are in each status, each counted up to `most`; the six are always there."""
    known = msgspec.json.encode([status.value for status in Status]).decode()
    counted = db.value("count_statuses", known=known, statuses=MOST_STATUSES, most=most)
    return _counts.decode(counted)


def _seen(db: Db, filter: TouchpointFilter, after: int | None, window: int, limit: int) -> _Window:
    values: dict[str, Any] = {
        "status": filter.status,
        "category": filter.category,
        "member": filter.member,
        "after": FIRST if after is None else after,
        "window": window,
        "limit": limit,
    }
    named = [name for name in _NARROWEST if values[name] is not None]
    if filter.q is None:
        values |= {"by": named[0] if named else "", "alone": len(named) < 2}
        return _window.decode(db.value("look_touchpoints", **values))
    words = prefixes(filter.q)
    if not words:
        return _Window()
    values |= {"q": words, "alone": not named}
    return _window.decode(db.value("look_touchpoints_by_words", **values))


_NARROWEST = ("member", "category", "status")
