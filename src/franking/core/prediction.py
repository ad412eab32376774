"""When a waiting mail will be sent, as far as its account tells, and because of what.

Policy. A mail goes when it is due, its account's pause is over, and those before it have gone
within the account's limits: the bucket's tokens first, then one for each step in which a token
grows; and no more in a day than the day has left, until its slots grow a day old. It is the
earliest time that the limits allow, not a promise: workers and servers may be slower. While the
account is disconnected, or paused for ever, there is no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from franking.core.account import (
    DAY_MS,
    MANY,
    SLOT_MS,
    Account,
    AccountState,
    Limits,
    Usage,
    allowance,
)
from franking.core.times import LATEST

SEND_LIMIT = "send_limit"
ACCOUNT_PAUSED = "account_paused"
ACCOUNT_DISCONNECTED = "account_disconnected"
# A pause without an end.
FOREVER = LATEST


class Standing(msgspec.Struct, frozen=True):
    """Where a mail's account stands: `ok` or `disconnected`, and the end of its pause.

    `pauses` counts the sending limits that it met in a row; a person's pause counts none.
    """

    state: str
    paused_until: int | None = None
    pauses: int = 0
    reason: str | None = None


class Expectation(msgspec.Struct, frozen=True):
    """When a mail goes, None where nobody can tell; what its account holds it for, if it does."""

    at: int | None
    because: str | None = None


def held(account: Standing, due_at: int, now: int) -> Expectation:
    """What its account's state alone says of a mail that is due at `due_at`."""
    if account.state == AccountState.DISCONNECTED:
        return Expectation(None, ACCOUNT_DISCONNECTED) if due_at <= now else Expectation(due_at)
    until = account.paused_until
    if until is None or until <= max(now, due_at):
        return Expectation(due_at)
    because = SEND_LIMIT if account.pauses else ACCOUNT_PAUSED
    return Expectation(None if until >= FOREVER else until, because)


def expected(
    account: Account, usage: Sequence[Usage], ahead: int, due_at: int, now: int
) -> Expectation:
    """When a waiting mail goes that has `ahead` others of its account before it."""
    found = held(Standing(account.state, account.paused_until, account.pauses), due_at, now)
    if found.at is None:
        return found
    start = max(found.at, now)
    free = replace(account, paused_until=None, pauses=0, probe_until=None)
    at = max(_by_minute(free, ahead, start), _by_day(free, usage, ahead, start))
    if at <= start:
        return found
    return Expectation(at, SEND_LIMIT)


def _by_minute(account: Account, ahead: int, start: int) -> int:
    alone = replace(account, limits=Limits(per_minute=(account.limits or Limits()).per_minute))
    tokens = allowance(alone, (), start).tokens
    if tokens is None or ahead + 1 <= tokens:
        return start
    empty = allowance(replace(alone, tokens=0.0, tokens_at=start), (), start)
    step = (empty.again_at or start) - start
    return start + int((ahead + 1 - tokens) * step)


def _by_day(account: Account, usage: Sequence[Usage], ahead: int, start: int) -> int:
    """By the mails of a day; how many recipients those ahead have is not known: one each."""
    limits = account.limits or Limits()
    most = min(limits.per_day or MANY, limits.recipients_per_day or MANY)
    if most == MANY:
        return start
    counted = sorted((u for u in usage if _free_at(u) > start), key=_free_at)
    left = min(
        most - sum(u.mails for u in counted) if limits.per_day else MANY,
        most - sum(u.recipients for u in counted) if limits.recipients_per_day else MANY,
    )
    needed = ahead + 1 - max(left, 0)
    if needed <= 0:
        return start
    for used in counted:
        needed -= used.mails if limits.per_day else used.recipients
        if needed <= 0:
            return _free_at(used)
    # All that was sent is a day old by then; what goes now fills one day after the other.
    return start + DAY_MS * -(-needed // most)


def _free_at(used: Usage) -> int:
    return used.slot + SLOT_MS + DAY_MS
