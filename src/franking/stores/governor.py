"""What accounts may send now, what they took, and what attempts say of them, in the store.

The token buckets, the usage of a day, pauses and probes are rows, shared by all workers and safe
from a kill; what follows from them is decided in `core/account`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from franking.core import account as policy
from franking.core.account import DAY_MS, SLOT_MS, Account, Limits, Usage
from franking.core.attempt import AccountNews
from franking.stores import shares
from franking.stores.queries import Db
from franking.stores.rows import text
from franking.stores.shares import Grant, Take

_accounts = msgspec.json.Decoder(list[tuple[Account, list[Usage]]])


def grants(db: Db, ids: Sequence[str], now: int) -> list[Grant]:
    """What each of these accounts may send, in their order."""
    return [
        Grant(account, policy.allowance(account, usage, now))
        for account, usage in _read(db, ids, now)
    ]


def take(db: Db, found: Sequence[Grant], limit: int, now: int, lease_ms: int) -> list[Take]:
    """The due mails that the accounts may send now, `limit` of all at most, an equal share of each,
    counted against their limits. What one leaves of its share is for those that have more."""
    takes = [Take(grant) for grant in found]
    shares.take(db, takes, limit, now)
    for each in takes:
        limits = each.grant.account.limits or Limits()
        each.due = _fitting(each.due, each.grant.allowance.recipients, limits)
    _count(db, [each for each in takes if each.due], now, lease_ms)
    return takes


def put_off(db: Db, ids: Sequence[str], now: int) -> None:
    """Accounts that may not send now are looked at again when they may."""
    rows = []
    for account, usage in _read(db, ids, now):
        again_at = policy.allowance(account, usage, now).again_at
        if again_at is not None:
            rows.append((account.id, again_at))
    if rows:
        db.run("put_off_accounts", rows=text(rows))


def hear(db: Db, news: AccountNews, now: int) -> None:
    """What the end of an attempt says of its account."""
    db.value("lock_account", id=news.account)
    found = _read(db, [news.account], now)
    if not found:
        return
    account = found[0][0]
    if news.kind == "unused":
        _give_back(db, account, now)
    after = _after(account, news, now)
    if after != account:
        write(db, after)


def write(db: Db, account: Account) -> None:
    """Where an account stands now, and when its next mail is due."""
    db.run(
        "write_account_state",
        id=account.id,
        state=account.state,
        reason=account.reason,
        since=account.since,
        paused_until=account.paused_until,
        pauses=account.pauses,
        probe_until=account.probe_until,
        tokens=account.tokens,
        tokens_at=account.tokens_at,
    )
    db.run("serve_accounts", rows=text([(account.id, None, False)]))


def _read(db: Db, ids: Sequence[str], now: int) -> list[tuple[Account, list[Usage]]]:
    if not ids:
        return []
    since = now - DAY_MS - 2 * SLOT_MS
    return _accounts.decode(db.value("read_accounts", ids=text(list(ids)), since=since))


def _after(account: Account, news: AccountNews, now: int) -> Account:
    match news.kind:
        case "limited":
            until = now if news.until is None else news.until
            return policy.limited(account, until, news.reason, now)
        case "disconnected":
            return policy.disconnected(account, news.reason, now)
        case "went":
            return policy.proved(account)
    return policy.probe_failed(account)


def _fitting(due: list[tuple[int, int]], recipients: int, limits: Limits) -> list[tuple[int, int]]:
    """As many of the mails, in order, as the day's recipients allow.

    A mail that alone names more than a whole day allows goes when nothing else was sent: else it
    would wait for ever.
    """
    fitting: list[tuple[int, int]] = []
    for seq, count in due:
        fresh_day = not fitting and recipients == limits.recipients_per_day
        if count > recipients and not fresh_day:
            break
        fitting.append((seq, count))
        recipients = max(recipients - count, 0)
    return fitting


def _count(db: Db, taken: Sequence[Take], now: int, lease_ms: int) -> None:
    minutes, days = [], []
    for each in taken:
        id, allowed = each.grant.account.id, each.grant.allowance
        if allowed.tokens is not None or allowed.probe:
            left = None if allowed.tokens is None else allowed.tokens - len(each.due)
            minutes.append((id, left, now + lease_ms if allowed.probe else None))
        if _by_day(each.grant.account):
            days.append((id, len(each.due), sum(count for _, count in each.due)))
    if minutes:
        db.run("use_accounts", rows=text(minutes), now=now)
    _use(db, days, now)


def _give_back(db: Db, account: Account, now: int) -> None:
    """What it took is there again, so its next mail may be due sooner."""
    db.run("give_back", id=account.id)
    db.run("serve_accounts", rows=text([(account.id, None, False)]))
    if _by_day(account):
        _use(db, [(account.id, -1, -1)], now)


def _by_day(account: Account) -> bool:
    limits = account.limits
    return limits is not None and bool(limits.per_day or limits.recipients_per_day)


def _use(db: Db, rows: Sequence[tuple[str, int, int]], now: int) -> None:
    if rows:
        db.run("count_usage", rows=text(rows), slot=now - now % SLOT_MS)
