"""Claims: which due mails are leased now, by whose account may send, in whose turn."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from franking.core import lifecycle
from franking.stores import governor
from franking.stores.base import Claimed
from franking.stores.queries import Db
from franking.stores.rows import text

_claims = msgspec.json.Decoder(list[Claimed])
_numbers = msgspec.json.Decoder(list[int])
_owned = msgspec.json.Decoder(list[tuple[str, bool]])


def claim(db: Db, now: int, limit: int, lease_ms: int) -> list[Claimed]:
    """Lease due mails, an equal share for each account, the longest unserved first.

    Of an account no more are leased than it may send now; after a pause, just its probe.
    """
    db.run("gather_wakes")
    ready = _locked(db, db.value("ready_accounts", now=now, limit=limit))
    granted: dict[int, governor.Grant] = {}
    served: list[str] = []
    bound: list[str] = []
    for place, grant in enumerate(governor.grants(db, list(ready), now)):
        share = -(-(limit - len(granted)) // (len(ready) - place))
        if share <= 0:
            break
        seqs = governor.take(db, grant, share, now, lease_ms)
        granted |= dict.fromkeys(seqs, grant)
        if ready[grant.account.id]:
            served.append(grant.account.id)
        if grant.bound:
            bound.append(grant.account.id)
    claimed = _lease(db, list(granted), now, lease_ms)
    turn = db.value("draw_epochs", count=len(served)) if served else 0
    for place, account in enumerate(reversed(served)):
        db.run("serve_account", account=account, turn=turn - place)
    governor.put_off(db, bound, now)
    return [_told(c, granted[c.mail.seq]) for c in claimed]


def _locked(db: Db, ready: str) -> dict[str, bool]:
    """Which of these accounts are to be claimed of, in their order, and is each one ours?

    Of one without limits several may claim at once, and it is written by the one whose it is.
    """
    return dict(_owned.decode(db.value("lock_accounts", ids=ready)))


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


def _told(claimed: Claimed, grant: governor.Grant) -> Claimed:
    if not grant.account.pauses:
        return claimed
    return replace(claimed, pauses=grant.account.pauses, probe=grant.allowance.probe)
