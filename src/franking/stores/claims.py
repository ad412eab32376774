"""Claims: which due mails are leased now, by whose account may send, in whose turn."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from franking.core import lifecycle
from franking.stores import governor
from franking.stores.base import Claimed
from franking.stores.queries import Db
from franking.stores.rows import text
from franking.stores.shares import Grant, Take

_claims = msgspec.json.Decoder(list[Claimed])
_numbers = msgspec.json.Decoder(list[int])
_owned = msgspec.json.Decoder(list[tuple[str, bool]])


def claim(db: Db, now: int, limit: int, lease_ms: int) -> list[Claimed]:
    """Lease due mails, an equal share for each account, the longest unserved first.

    Of an account no more are leased than it may send now; after a pause, just its probe.
    """
    db.run("gather_wakes")
    ours = dict(_owned.decode(db.value("ready_accounts", now=now, limit=limit)))
    found = [
        # Of one that somebody else writes nothing is taken that would have to be counted.
        grant
        for grant in governor.grants(db, list(ours), now)
        if ours[grant.account.id] or not grant.bound
    ]
    takes = governor.take(db, found, limit, now, lease_ms)
    granted = {seq: take.grant for take in takes for seq, _ in take.due}
    claimed = _lease(db, list(granted), now, lease_ms)
    _serve(db, [take for take in takes if ours[take.grant.account.id]])
    governor.put_off(db, [grant.account.id for grant in found if grant.bound], now)
    return [_told(c, granted[c.mail.seq]) for c in claimed]


def _serve(db: Db, takes: list[Take]) -> None:
    """It was the turn of these accounts, in their order."""
    if takes:
        turn = db.value("draw_epochs", count=len(takes)) - len(takes)
        rows = [(t.grant.account.id, turn + place, t.more) for place, t in enumerate(takes, 1)]
        db.run("serve_accounts", rows=text(rows))


def claim_alone(db: Db, now: int, lease_ms: int) -> Claimed | None:
    """Lease one mail that must not be claimed beside others."""
    seqs = _numbers.decode(db.value("claimable_alone", now=now))
    return next(iter(_lease(db, seqs, now, lease_ms)), None)


def _lease(db: Db, seqs: list[int], now: int, lease_ms: int) -> list[Claimed]:
    if not seqs:
        return []
    base = db.value("draw_epochs", count=len(seqs)) - len(seqs)
    given = text(seqs)
    fact = text(lifecycle.fact(lifecycle.CLAIMED, now))
    db.run("lease_mails", seqs=given, base=base, expires_at=now + lease_ms, fact=fact)
    claimed = _claims.decode(db.value("claimed_mails", seqs=given))
    return [_with_content(db, c) if c.mail.remainder_of is not None else c for c in claimed]


def _with_content(db: Db, claimed: Claimed) -> Claimed:
    return Claimed(claimed.mail, claimed.document, db.value("content_of", seq=claimed.mail.seq))


def _told(claimed: Claimed, grant: Grant) -> Claimed:
    if not grant.account.pauses:
        return claimed
    return replace(claimed, pauses=grant.account.pauses, probe=grant.allowance.probe)
