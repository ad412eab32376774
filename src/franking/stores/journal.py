"""Claims, leases, fences and the ends of attempts: the same script on every database.

Each function takes a `Db` and a batch. Those that settle an attempt look first which leases still
hold; what lost its lease goes to `stores/late`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from franking.core.attempt import Lease, Settlement
from franking.core.delivery import WAITING
from franking.stores.base import Claimed, Decide, Lapse, Mail
from franking.stores.late import record
from franking.stores.news import tell_parent
from franking.stores.queries import Db
from franking.stores.rows import insert_remainder, report, text, wake
from franking.stores.writes import change

_claims = msgspec.json.Decoder(list[Claimed])
_mail = msgspec.json.Decoder(Mail)
_mails = msgspec.json.Decoder(list[Mail])
_numbers = msgspec.json.Decoder(list[int])
_names = msgspec.json.Decoder(list[str])


def claim(db: Db, now: int, limit: int, lease_ms: int) -> list[Claimed]:
    """Lease due mails, an equal share for each account, the longest unserved first."""
    accounts = _names.decode(db.value("ready_accounts", now=now, limit=limit))
    seqs: list[int] = []
    shares: list[str] = []
    for place, account in enumerate(accounts):
        share = -(-(limit - len(seqs)) // (len(accounts) - place))
        if share <= 0:
            break
        found = _numbers.decode(db.value("claimable", account=account, now=now, share=share))
        seqs += found
        shares.append(account)
    claimed = _lease(db, seqs, now, lease_ms)
    turn = db.value("draw_epochs", count=len(shares)) if shares else 0
    for place, account in enumerate(reversed(shares)):
        db.run("serve_account", account=account, turn=turn - place)
    return claimed


def claim_alone(db: Db, now: int, lease_ms: int) -> Claimed | None:
    """Lease one mail that must not be claimed beside others."""
    seqs = _numbers.decode(db.value("claimable_alone", now=now))
    return next(iter(_lease(db, seqs, now, lease_ms)), None)


def transmitting(db: Db, rows: Sequence[tuple[Lease, int]]) -> list[bool]:
    """The fence before the dot, for each lease at its time."""
    given = text([{"seq": e.seq, "epoch": e.epoch, "now": now} for e, now in rows])
    if db.run("mark_transmitting", rows=given) == len(rows):
        return [True] * len(rows)
    held = set(_numbers.decode(db.value("transmitting_of", rows=given)))
    return [place in held for place in range(len(rows))]


def renew(db: Db, rows: Sequence[tuple[Lease, int]]) -> list[bool]:
    """Later ends for leases that still hold."""
    given = [{"seq": e.seq, "epoch": e.epoch, "expires_at": at} for e, at in rows]
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
    return [True if place in held else record(db, s) for place, s in enumerate(settlements)]


def sweep(db: Db, now: int, limit: int, lapse: Lapse) -> int:
    """Settle leases that ran out."""
    mails = _mails.decode(db.value("lapsed", now=now, limit=limit))
    if mails:
        _write_ends(db, [lapse(mail) for mail in mails])
    return len(mails)


def give_up(db: Db, now: int, limit: int, decide: Decide) -> int:
    """Apply `decide` to waiting mails that may not wait any longer."""
    ids = _names.decode(db.value("overdue", now=now, limit=limit))
    for id in ids:
        change(db, id, decide)
    return len(ids)


def _write_ends(db: Db, kept: Sequence[Settlement]) -> None:
    db.run("settle_mails", rows=text([(s.lease, s.delivery) for s in kept]))
    db.run("insert_attempts", rows=text([s.attempt for s in kept]))
    wake(db, [s.lease.seq for s in kept if s.delivery.state in WAITING])
    report(db, [s.event for s in kept if s.event is not None])
    for settlement in kept:
        if settlement.remainder is not None:
            parent = _mail.decode(db.value("read_row", seq=settlement.lease.seq))
            insert_remainder(db, settlement.remainder, parent)
        if settlement.parent is not None:
            tell_parent(db, settlement.lease.seq, settlement.parent, settlement.delivery)


def _lease(db: Db, seqs: list[int], now: int, lease_ms: int) -> list[Claimed]:
    if not seqs:
        return []
    base = db.value("draw_epochs", count=len(seqs)) - len(seqs)
    given = text(seqs)
    db.run("lease_mails", seqs=given, base=base, expires_at=now + lease_ms)
    claimed = _claims.decode(db.value("claimed_mails", seqs=given))
    return [_with_content(db, c) if c.mail.remainder_of is not None else c for c in claimed]


def _with_content(db: Db, claimed: Claimed) -> Claimed:
    return Claimed(claimed.mail, claimed.document, db.value("content_of", seq=claimed.mail.seq))
