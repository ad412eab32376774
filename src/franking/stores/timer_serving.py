"""Due timers, in one transaction: leased to who calls out, or handed over as mails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
import structlog

from franking.core.attempt import Lease
from franking.core.timer import Timer, TimerEnd, TimerState
from franking.core.timer.calls import WORKER_LOST
from franking.core.timer.kept import all_decoded
from franking.core.timer.lanes import MAIL_LANE
from franking.stores.queries import Db
from franking.stores.rows import insert
from franking.stores.timer_changes import tell_timers, text
from franking.stores.values import NewMail, Serve, Unserved
from franking.stores.writes import change as change_mail
from franking.stores.writes import lock as lock_mails

log = structlog.get_logger()

PUT_OFF_MS = 60_000
GIVE_UP_MS = 24 * 3_600_000
UNSERVABLE = "Error: The timer could not be handed over: {}"
LANES_AT_ONCE = 64
# As much data is taken at once; one timer is taken however much it has.
BYTES_AT_ONCE = 16 * 1024 * 1024

_lanes = msgspec.json.Decoder(list[str])
_sized = msgspec.json.Decoder(list[tuple[int, int]])
_numbers = msgspec.json.Decoder(list[int])
_revisions = msgspec.json.Decoder(dict[str, int])


def claim(
    db: Db, now: int, limit: int, lease_ms: int, room: dict[str, int], share: int
) -> list[Timer]:
    """Lease due timers that call out, of each lane as many as there is room for."""
    db.run("gather_lanes")
    full = [MAIL_LANE, *(lane for lane, free in room.items() if free <= 0)]
    lanes = _lanes.decode(db.value("ready_lanes", now=now, full=text(full), limit=LANES_AT_ONCE))
    seqs: list[int] = []
    served: list[str] = []
    bytes_left = BYTES_AT_ONCE
    for lane in lanes:
        most = min(limit - len(seqs), room.get(lane, share))
        if most <= 0 or bytes_left <= 0:
            break
        taken, bytes_left = _due(db, lane, now, most, bytes_left)
        seqs += taken
        served.append(lane)
    timers = _lease(db, seqs, now, lease_ms)
    _serve_lanes(db, served)
    return timers


def renew(db: Db, rows: Sequence[tuple[Lease, int]]) -> list[bool]:
    """Later ends for leases that still hold."""
    given = text([{"seq": e.seq, "epoch": e.epoch, "expires_at": at} for e, at in rows])
    if db.run("renew_timers", rows=given) == len(rows):
        return [True] * len(rows)
    return _held(db, given, len(rows))


def end(db: Db, ends: Sequence[TimerEnd]) -> list[bool]:
    """How calls ended; what lost its lease changes nothing."""
    given = text(ends)
    held = _held(db, given, len(ends))
    db.run("end_timers", rows=given)
    if any(e.next_at is not None for e in ends):
        db.run("wake_lanes_of", rows=given)
    return held


def serve_mails(db: Db, now: int, limit: int, serve: Serve) -> int:
    """Hand due timers over as mails: new ones together, each alone where that fails."""
    db.run("gather_lanes")
    seqs, _ = _due(db, MAIL_LANE, now, limit, BYTES_AT_ONCE)
    if not seqs:
        _serve_lanes(db, [MAIL_LANE])
        return 0
    timers = all_decoded(db.value("leased_timers", seqs=text(seqs)))
    known = _revisions.decode(db.value("mails_known", ids=text([t.id for t in timers])))
    fresh = [timer for timer in timers if timer.id not in known]
    others = [timer for timer in timers if timer.id in known]
    if fresh and db.alone(lambda: _serve_fresh(db, fresh, now, serve)):
        others += fresh
    for timer in others:
        _serve_alone(db, timer, now, serve)
    _serve_lanes(db, [MAIL_LANE])
    return len(timers)


def _due(db: Db, lane: str, now: int, limit: int, most_bytes: int) -> tuple[list[int], int]:
    """Seqs of a lane's due timers, and how many bytes of data are left to take."""
    taken: list[int] = []
    for seq, size in _sized.decode(db.value("due_timers", lane=lane, now=now, limit=limit)):
        if most_bytes <= 0:
            break
        taken.append(seq)
        most_bytes -= size
    return taken, most_bytes


def _lease(db: Db, seqs: list[int], now: int, lease_ms: int) -> list[Timer]:
    if not seqs:
        return []
    base = db.value("draw_epochs", count=len(seqs)) - len(seqs)
    given = text(seqs)
    expires_at = now + lease_ms
    db.run("lease_timers", seqs=given, base=base, now=now, expires_at=expires_at, lost=WORKER_LOST)
    return all_decoded(db.value("leased_timers", seqs=given))


def _held(db: Db, given: str, count: int) -> list[bool]:
    held = set(_numbers.decode(db.value("held_timers", rows=given)))
    return [place in held for place in range(count)]


def _serve_fresh(db: Db, timers: Sequence[Timer], now: int, serve: Serve) -> None:
    """Timers whose ids no mail has: their mails are inserted together."""
    mails: list[NewMail] = []
    for timer in timers:
        wanted = serve(timer, None)
        if isinstance(wanted, Unserved) or wanted.insert is None:
            raise ValueError("one of them is not inserted")
        mails.append(wanted.insert)
    insert(db, mails)
    _served(db, [timer.seq for timer in timers], now)
    tell_timers(db, [(m.id, m.delivery) for m in mails])


def _serve_alone(db: Db, timer: Timer, now: int, serve: Serve) -> None:
    """One that can't be served is looked at again a minute later, and a day later has failed."""
    error = db.alone(partial(_serve_one, db, timer, now, serve))
    if error is None:
        return
    log.error("a timer could not be served", timer=timer.id, why=error)
    if now - timer.due_at < GIVE_UP_MS:
        db.run("put_off_timer", seq=timer.seq, until=now + PUT_OFF_MS)
        return
    _served(db, [timer.seq], now)
    rows = [(timer.id, TimerState.FAILED, now, UNSERVABLE.format(error))]
    db.run("end_mailed", rows=text(rows))


def _serve_one(db: Db, timer: Timer, now: int, serve: Serve) -> None:
    unserved: list[Unserved] = []

    def decide(stored: object) -> object:
        wanted = serve(timer, stored)  # type: ignore[arg-type]
        if isinstance(wanted, Unserved):
            unserved.append(wanted)
            return None
        return wanted

    _served(db, [timer.seq], now)
    lock_mails(db, [timer.id])
    mail = change_mail(db, timer.id, decide)  # type: ignore[arg-type]
    if unserved:
        rows = [(timer.id, TimerState.FAILED, now, unserved[0].error)]
        db.run("end_mailed", rows=text(rows))
    elif mail is not None:
        tell_timers(db, [(mail.mail.id, mail.mail.delivery)])


def _served(db: Db, seqs: Iterable[int], now: int) -> None:
    db.run("serve_timers", seqs=text(list(seqs)), now=now)


def _serve_lanes(db: Db, lanes: Sequence[str]) -> None:
    """Each lane is due when its next timer is, or gone; whoever writes it now says so otherwise."""
    for lane in _lanes.decode(db.value("lock_lanes", lanes=text(list(lanes)))):
        if not db.run("serve_lane", lane=lane):
            db.run("drop_lane", lane=lane)
