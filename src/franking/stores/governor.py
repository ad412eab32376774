"""What accounts may send now, what they took, and what attempts say of them, in the store.

The token buckets, the usage of a day, pauses and probes are rows, shared by all workers and safe
from a kill; what follows from them is decided in `core/account`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from franking.core import account as policy
from franking.core.account import DAY_MS, SLOT_MS, Account, Allowance, Limits, Usage
from franking.core.attempt import AccountNews
from franking.stores.queries import Db
from franking.stores.rows import text

_accounts = msgspec.json.Decoder(list[tuple[Account, list[Usage]]])
_pairs = msgspec.json.Decoder(list[tuple[int, int]])


class Grant(msgspec.Struct, frozen=True):
    """What one account may send now."""

    account: Account
    allowance: Allowance

    @property
    def bound(self) -> bool:
        """Has it limits, or a pause to prove over?"""
        allowed = self.allowance
        return allowed.mails < policy.MANY or allowed.recipients < policy.MANY


def grants(db: Db, ids: Sequence[str], now: int) -> Iterator[Grant]:
    """What each of these accounts may send, in their order."""
    for account, usage in _read(db, ids, now):
        yield Grant(account, policy.allowance(account, usage, now))


def take(db: Db, grant: Grant, share: int, now: int, lease_ms: int) -> list[int]:
    """The due mails that the account may send now, counted against its limits."""
    allowed = grant.allowance
    if allowed.mails == 0:
        return []
    wanted = min(share, allowed.mails)
    due = _pairs.decode(db.value("claimable", account=grant.account.id, now=now, share=wanted))
    fitting = _fitting(due, allowed.recipients, grant.account.limits or Limits())
    if fitting:
        _count(db, grant, fitting, now, lease_ms)
    return [seq for seq, _ in fitting]


def put_off(db: Db, ids: Sequence[str], now: int) -> None:
    """Accounts that may not send now are looked at again when they may."""
    for account, usage in _read(db, ids, now):
        again_at = policy.allowance(account, usage, now).again_at
        if again_at is not None:
            db.run("put_off_account", id=account.id, again_at=again_at)


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
    db.run("serve_account", account=account.id, turn=None)


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


def _count(db: Db, grant: Grant, taken: list[tuple[int, int]], now: int, lease_ms: int) -> None:
    tokens, limits = grant.allowance.tokens, grant.account.limits
    if tokens is not None or grant.allowance.probe:
        db.run(
            "use_account",
            id=grant.account.id,
            tokens=None if tokens is None else tokens - len(taken),
            now=now,
            probe_until=now + lease_ms if grant.allowance.probe else None,
        )
    if limits is not None and (limits.per_day or limits.recipients_per_day):
        recipients = sum(count for _, count in taken)
        _use(db, grant.account.id, now, len(taken), recipients)


def _give_back(db: Db, account: Account, now: int) -> None:
    """What it took is there again, so its next mail may be due sooner."""
    db.run("give_back", id=account.id)
    db.run("serve_account", account=account.id, turn=None)
    limits = account.limits
    if limits is not None and (limits.per_day or limits.recipients_per_day):
        _use(db, account.id, now, -1, -1)


def _use(db: Db, id: str, now: int, mails: int, recipients: int) -> None:
    slot = now - now % SLOT_MS
    db.run("count_usage", account=id, slot=slot, mails=mails, recipients=recipients)
