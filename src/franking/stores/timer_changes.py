"""What is asked of timers, in one transaction: created, replaced, deleted, retried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from franking.core.delivery import FINAL, Delivery, State
from franking.core.machine import follow
from franking.core.timer import LIVE, MAILED, TABLE, Callback, Timer, TimerState
from franking.core.timer.kept import decoded
from franking.stores.queries import Db
from franking.stores.values import FreshTimer, TimerChange

encode = msgspec.json.Encoder().encode
_states = msgspec.json.Decoder(dict[str, TimerState])
_revisions = msgspec.json.Decoder(dict[str, int])


class Taken(Exception):
    """The id is taken, by a timer or by a mail that no timer made."""


def create(db: Db, timers: Sequence[FreshTimer]) -> list[Timer | Exception]:
    """Insert timers; an ended id begins a new life, one that lives is refused."""
    lock(db, [t.id for t in timers])
    known = _states.decode(db.value("timers_known", ids=text([t.id for t in timers])))
    ids = [t.id for t in timers if t.callback.transport in MAILED]
    mails = _revisions.decode(db.value("mails_known", ids=text(ids))) if ids else {}
    results: list[Timer | Exception] = []
    fresh: list[FreshTimer] = []
    for timer in timers:
        state = known.get(timer.id)
        if state in LIVE or mails.get(timer.id) == 0:
            whose = "Timer" if state in LIVE else "Mail"
            results.append(Taken(f"{whose} with id {timer.id} already exists"))
            continue
        known[timer.id] = TimerState.SCHEDULED
        if state is None:
            fresh.append(timer)
            results.append(_as_stored(timer))
        else:
            results.append(_created_anew(db, timer))
    if fresh:
        db.run("insert_timers", rows=text([_row(t) for t in fresh]))
        db.run("wake_lanes", rows=text([(t.lane, t.due_at) for t in fresh]))
    return results


def lock(db: Db, ids: Sequence[str]) -> None:
    """Let nobody else write these timers until the transaction ends, so that what is read stays."""
    db.value("lock_timers", ids=text(list(ids)))


def read(db: Db, id: str) -> Timer | None:
    """One timer."""
    found = db.value("read_timer", id=id)
    return None if found is None else decoded(found)


def write(db: Db, timer: Timer, change: TimerChange) -> None:
    """Write a change over a timer as it was read."""
    if change.does == "asked":
        db.run("ask_again", seq=timer.seq, at=change.asked_at)
    elif change.does == "deleted":
        _deleted(db, timer, change)
    elif change.does == "retried":
        _retried(db, timer, change)
    elif change.fresh is not None:
        _begun(db, timer, change.fresh, "replaced")


def tell_timers(db: Db, ends: Sequence[tuple[str, Delivery]]) -> None:
    """The timers of these mails have ended with them."""
    rows = [_end_of(id, delivery) for id, delivery in ends if delivery.state in FINAL]
    if rows:
        db.run("end_mailed", rows=text(rows))


def text(value: Any) -> str:
    """JSON for a query's list."""
    return encode(value).decode()


def _end_of(id: str, delivery: Delivery) -> tuple[str, TimerState, int, str | None]:
    """The id, how its work ended, when, and why badly; a preset delivery has no end of its own."""
    at = delivery.end_at if delivery.end_at is not None else delivery.due_at
    if delivery.state is State.SUCCESS:
        return id, TimerState.EXECUTED, at, None
    return id, TimerState.FAILED, at, delivery.error


def _created_anew(db: Db, fresh: FreshTimer) -> Timer:
    timer = read(db, fresh.id)
    assert timer is not None
    _begun(db, timer, fresh, "created")
    return decoded(db.value("read_timer", id=fresh.id))


def _begun(db: Db, timer: Timer, fresh: FreshTimer, ended_by: str) -> None:
    follow(TABLE, timer.state, ended_by)
    db.run("keep_life", seq=timer.seq, ended_by=ended_by)
    db.run(
        "begin_timer",
        seq=timer.seq,
        state=timer.state,
        epoch=timer.epoch,
        fresh=db.value("draw_epochs", count=1),
        kept=int(ended_by == "replaced"),
        transport=fresh.callback.transport,
        lane=fresh.lane,
        due_at=fresh.due_at,
        now=fresh.created_at,
        callback=text(fresh.callback),
        data=_data(fresh.data),
    )
    db.run("wake_lanes", rows=text([(fresh.lane, fresh.due_at)]))


def _deleted(db: Db, timer: Timer, change: TimerChange) -> None:
    follow(TABLE, timer.state, "deleted")
    db.run(
        "delete_timer",
        seq=timer.seq,
        state=timer.state,
        epoch=timer.epoch,
        fresh=db.value("draw_epochs", count=1),
        now=change.now,
    )


def _retried(db: Db, timer: Timer, change: TimerChange) -> None:
    follow(TABLE, timer.state, "retried")
    db.run("keep_life", seq=timer.seq, ended_by="retried")
    db.run(
        "retry_timer",
        seq=timer.seq,
        state=timer.state,
        epoch=timer.epoch,
        now=change.now,
        data=_data(change.data),
    )
    if change.served:
        db.run("serve_timers", seqs=text([timer.seq]), now=change.now)
    else:
        db.run("wake_lane_of", seq=timer.seq)


def _row(timer: FreshTimer) -> tuple[Any, ...]:
    callback: Callback = timer.callback
    return (
        timer.id,
        callback.transport,
        timer.lane,
        timer.due_at,
        timer.created_at,
        callback,
        _data(timer.data),
    )


def _data(data: msgspec.Raw | None) -> str | None:
    return None if data is None else bytes(data).decode()


def _as_stored(timer: FreshTimer) -> Timer:
    return Timer(
        id=timer.id,
        state=TimerState.SCHEDULED,
        callback=timer.callback,
        due_at=timer.due_at,
        created_at=timer.created_at,
        data=timer.data,
        next_at=timer.due_at,
    )
