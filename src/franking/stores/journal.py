"""Leases, fences and the ends of attempts: the same script on every database.

Each function takes a `Db` and a batch. Those that settle an attempt look first which leases still
hold; what lost its lease goes to `stores/late`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import structlog

from franking.core import lifecycle
from franking.core.attempt import Lease, Settlement
from franking.core.delivery import WAITING
from franking.stores import governor
from franking.stores.base import Change, Decide, Lapse, Mail
from franking.stores.bounces import count_unknown
from franking.stores.late import record
from franking.stores.news import tell_parent
from franking.stores.queries import Db
from franking.stores.rows import insert_remainder, report, text, wake
from franking.stores.timer_changes import tell_timers
from franking.stores.writes import change

log = structlog.get_logger()

# How long a row that can't be written is left alone.
PUT_OFF_MS = 3_600_000

_mail = msgspec.json.Decoder(Mail)
_mails = msgspec.json.Decoder(list[Mail])
_numbers = msgspec.json.Decoder(list[int])
_names = msgspec.json.Decoder(list[str])


def transmitting(db: Db, rows: Sequence[tuple[Lease, int]]) -> list[bool]:
    """The fence before the dot, for each lease at its time."""
    given = text([{"seq": e.seq, "epoch": e.epoch, "now": now} for e, now in rows])
    if db.run("mark_transmitting", rows=given) == len(rows):
        return [True] * len(rows)
    held = set(_numbers.decode(db.value("transmitting_of", rows=given)))
    return [place in held for place in range(len(rows))]


def renew(db: Db, rows: Sequence[tuple[Lease, int]]) -> list[bool]:
    """Later ends for leases that still hold."""
    if not rows:
        return []
    given = [{"seq": e.seq, "epoch": e.epoch, "expires_at": at} for e, at in rows]
    ends = max(at for _, at in rows)
    db.run("renew_probes", rows=text(given), expires_at=ends)
    if db.run("renew_leases", rows=text(given)) == len(rows):
        return [True] * len(rows)
    held = set(_numbers.decode(db.value("held", rows=text([(e,) for e, _ in rows]))))
    return [place in held for place in range(len(rows))]


def settle(db: Db, settlements: Sequence[Settlement]) -> list[bool]:
    """The ends of attempts; what lost its lease is recorded as late evidence."""
    leases = text([(s.lease,) for s in settlements])
    held = set(_numbers.decode(db.value("held", rows=leases)))
    kept = [s for place, s in enumerate(settlements) if place in held]
    if kept:
        _write_ends(db, kept)
    for place, lost in enumerate(settlements):
        if place not in held and lost.news is not None and lost.news.kind != "unused":
            governor.hear(db, lost.news, lost.attempt.ended_at)
    return [True if place in held else record(db, s) for place, s in enumerate(settlements)]


def sweep(db: Db, now: int, limit: int, lapse: Lapse) -> int:
    """Settle leases that ran out, together; where that fails each alone.

    One that can't be settled is put off by an hour, so that it can't stop the others.
    """
    mails = _mails.decode(db.value("lapsed", now=now, limit=limit))
    if mails and db.alone(lambda: _write_ends(db, [lapse(mail) for mail in mails])):
        for mail in mails:
            _sweep_alone(db, mail, now, lapse)
    return len(mails)


def give_up(db: Db, now: int, limit: int, decide: Decide) -> int:
    """Apply `decide` to waiting mails that may not wait any longer."""
    return _change_each(db, _names.decode(db.value("overdue", now=now, limit=limit)), decide, now)


def give_up_held(
    db: Db, limited_before: int, disconnected_before: int, limit: int, decide: Decide
) -> int:
    """Apply `decide` to mails that their account has held for too long."""
    ids = _names.decode(db.value("held_by_pauses", before=limited_before, limit=limit))
    ids += _names.decode(db.value("held_by_disconnection", before=disconnected_before, limit=limit))
    return _change_each(db, ids, decide, max(limited_before, disconnected_before))


def delete_expired(db: Db, now: int, limit: int) -> int:
    """Delete mails that have ended and expired, each with its attempts; how many there were."""
    ids = _names.decode(db.value("expired", now=now, limit=limit))
    for id in ids:
        error = db.alone(partial(_deleted, db, id))
        if error is not None:
            log.error("an expired mail could not be deleted", mail=id, why=error)
            db.run("put_off_expiry", id=id, until=now + PUT_OFF_MS)
    return len(ids)


def _deleted(db: Db, id: str) -> None:
    change(db, id, lambda stored: Change(delete=True))


def _sweep_alone(db: Db, mail: Mail, now: int, lapse: Lapse) -> None:
    error = db.alone(lambda: _write_ends(db, [lapse(mail)]))
    if error is not None:
        log.error("a lapsed mail could not be settled", mail=mail.id, why=error)
        lease = {"seq": mail.seq, "epoch": mail.delivery.epoch, "expires_at": now + PUT_OFF_MS}
        db.run("renew_leases", rows=text([lease]))


def _change_each(db: Db, ids: Sequence[str], decide: Decide, now: int) -> int:
    for id in ids:
        error = db.alone(partial(_changed, db, id, decide))
        if error is not None:
            log.error("a mail that waited too long could not be ended", mail=id, why=error)
            db.run("put_off_mail", id=id, until=now + PUT_OFF_MS)
    return len(ids)


def _changed(db: Db, id: str, decide: Decide) -> None:
    change(db, id, decide)


def _write_ends(db: Db, kept: Sequence[Settlement]) -> None:
    db.run("settle_mails", rows=text([(s.lease, s.delivery, _fact(s)) for s in kept]))
    db.run("insert_attempts", rows=text([s.attempt for s in kept]))
    wake(db, [s.lease.seq for s in kept if s.delivery.state in WAITING])
    report(db, [s.event for s in kept if s.event is not None])
    tell_timers(db, [(s.attempt.mail, s.delivery) for s in kept if s.timed])
    for settlement in kept:
        count_unknown(db, settlement.unknown, settlement.attempt.ended_at)
        if settlement.remainder is not None:
            parent = _mail.decode(db.value("read_row", seq=settlement.lease.seq))
            insert_remainder(db, settlement.remainder, parent)
        if settlement.parent is not None:
            tell_parent(db, settlement.lease.seq, settlement.parent, settlement.delivery)
        if settlement.news is not None:
            governor.hear(db, settlement.news, settlement.attempt.ended_at)


def _fact(settlement: Settlement) -> object:
    told = lifecycle.settled(settlement.attempt.event, settlement.delivery)
    return lifecycle.fact(told, settlement.attempt.ended_at)
