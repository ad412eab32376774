"""What is looked up, in named queries that each have an index to read from."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.attempt import Attempt
from franking.stores.base import Counts, Filter, Stored, StoredEvent
from franking.stores.outbox_store import MOST_COUNTED
from franking.stores.queries import Db
from franking.stores.words import prefixes

MOST_ATTEMPTS = 1_000
MOST_STUCK = 1_000
FIRST = 2**62

_stored = msgspec.json.Decoder(Stored)
_page = msgspec.json.Decoder(list[Stored])
_attempts = msgspec.json.Decoder(list[Attempt])
_events = msgspec.json.Decoder(list[StoredEvent])
_states = msgspec.json.Decoder(dict[str, int])
_matches = msgspec.json.Decoder(list[tuple[int, str]])
_stuck = msgspec.json.Decoder(list[dict[str, Any]])
_outbox = msgspec.json.Decoder(dict[str, Any])


def read(db: Db, id: str) -> Stored | None:
    """One mail with its document."""
    found = db.value("read_mail", id=id)
    return _stored.decode(found) if found is not None else None


def page(db: Db, filter: Filter, limit: int) -> list[Stored]:
    """The newest mails that match, by the narrowest index there is for the filter."""
    values: dict[str, Any] = {
        "state": filter.state,
        "category": filter.category,
        "account": filter.account,
        "touchpoint": filter.touchpoint,
        "after": FIRST if filter.after is None else filter.after,
        "limit": limit,
    }
    if filter.q is not None:
        words = prefixes(filter.q)
        return _page.decode(db.value("page_by_words", q=words, **values)) if words else []
    return _page.decode(db.value(_narrowest(filter), **values))


def matching(db: Db, filter: Filter, limit: int) -> list[tuple[int, str]]:
    """Seq and id of the oldest mails that match, after `filter.after`."""
    values: dict[str, Any] = {
        "state": filter.state,
        "category": filter.category,
        "account": filter.account,
        "touchpoint": filter.touchpoint,
        "after": filter.after or 0,
        "limit": limit,
    }
    if filter.q is not None:
        words = prefixes(filter.q)
        if not words:
            return []
        return _matches.decode(db.value("matching_words", q=words, **values))
    by = next((name for name in _NARROWEST if values[name] is not None), "")
    return _matches.decode(db.value("matching", by=by, **values))


def timeline(db: Db, id: str) -> list[Attempt]:
    """Every attempt at a mail and at its remainders, oldest first."""
    return _attempts.decode(db.value("timeline", id=id, limit=MOST_ATTEMPTS))


def events(db: Db, after: int, limit: int) -> list[StoredEvent]:
    """Events in the order of their commits."""
    upto = db.value("last_event")  # first, so that what came before it is seen by then
    return _events.decode(db.value("events_after", after=after, upto=upto, limit=limit))


def counts(db: Db, now: int, grace_ms: int) -> Counts:
    """How many mails are in each state, how the outbox stands, and what is stuck."""
    before = now - grace_ms
    stuck = _stuck.decode(db.value("stuck", before=before, limit=MOST_STUCK))
    stuck += _stuck.decode(db.value("stuck_timers", before=before, limit=MOST_STUCK))
    stuck += _stuck.decode(db.value("stuck_inbox", before=before, limit=MOST_STUCK))
    events = _stuck.decode(db.value("stuck_events", limit=MOST_STUCK))
    events += _stuck.decode(db.value("stuck_queued", limit=MOST_STUCK))
    stuck += [{**one, "id": f"event {one['id']}"} for one in events]
    states = _states.decode(db.value("count_states"))
    timers = _states.decode(db.value("count_timers"))
    outbox = _outbox.decode(db.value("outbox_counts", most=MOST_COUNTED))
    webhooks = _states.decode(db.value("webhooks_standing", most=MOST_COUNTED))
    inbox = _outbox.decode(db.value("inbox_standing", now=now, most=MOST_COUNTED))
    return Counts(states, stuck, timers, outbox, webhooks, inbox)


def _narrowest(filter: Filter) -> str:
    if filter.touchpoint is not None:
        return "page_by_touchpoint"
    if filter.category is not None:
        return "page_by_category"
    if filter.state is not None:
        return "page_by_state"
    return "page_by_account" if filter.account is not None else "page_all"


_NARROWEST = ("touchpoint", "category", "account", "state")
