"""A sender's mailbox: its limits, and whether it may send now.

Policy. An account is ok, paused until a time, or disconnected. A sending limit pauses it until
the time that the provider named, or 1, 5, 15 and then 60 minutes; when a pause ends one mail is
tried first (the probe), and the rest only after it went. Any answer to the probe but another limit
or a connection fault ends the pausing. Rejected credentials disconnect the account until a person
resumes it.

`perMinute` is kept by a token bucket that is never fuller than a tenth of the limit, so that no
sixty seconds see more than the limit. `perDay` and `recipientsPerDay` count a rolling 24 hours, in
slots of a quarter of an hour; a slot counts until its end is a day old.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

MINUTE_MS = 60_000
DAY_MS = 24 * 3_600_000
SLOT_MS = 15 * MINUTE_MS
SHORTEST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = DAY_MS
# After a person resumed an account, what waited is spread out: at most this many a minute.
RESUMED_PER_MINUTE = 60
RESUMED_MS = 10 * MINUTE_MS
MANY = 1_000_000_000
RESUMED = "resumed"


class AccountState(StrEnum):
    """Whether an account may send, beside its pause."""

    OK = "ok"
    DISCONNECTED = "disconnected"


class Limits(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What an account may send; None is no limit of ours."""

    per_minute: int | None = None
    per_day: int | None = None
    recipients_per_day: int | None = None
    connections: int | None = None


class Usage(msgspec.Struct, frozen=True):
    """What was sent in the quarter of an hour that begins at `slot`."""

    slot: int
    mails: int
    recipients: int


class Account(msgspec.Struct, frozen=True):
    """What the governor knows of an account; times are milliseconds since 1970 UTC."""

    id: str
    state: AccountState = AccountState.OK
    reason: str | None = None
    since: int | None = None
    paused_until: int | None = None
    pauses: int = 0
    probe_until: int | None = None
    tokens: float | None = None
    tokens_at: int | None = None
    limits: Limits | None = None


class Allowance(msgspec.Struct, frozen=True):
    """How many mails (and recipients) may go now; `again_at`: when more may, if none."""

    mails: int
    recipients: int
    tokens: float | None
    probe: bool
    again_at: int | None


def allowance(account: Account, usage: Sequence[Usage], now: int) -> Allowance:
    """What the account may send at `now`, by its state and its limits."""
    blocked = _blocked_until(account, now)
    if blocked is not None:
        return Allowance(0, 0, account.tokens, False, blocked)
    limits = account.limits or Limits()
    per_minute = _per_minute(account, limits, now)
    tokens = _tokens(account, per_minute, now)
    mails = MANY if tokens is None else int(tokens)
    again_at = None
    if mails == 0 and per_minute is not None and tokens is not None:
        again_at = now + int((1 - tokens) / _rate(per_minute)) + 1
    day, recipients, free_at = _day(limits, usage, now)
    if min(mails, day, recipients) == 0:
        again_at = max(t for t in (again_at, free_at, now + 1) if t is not None)
        return Allowance(0, 0, tokens, False, again_at)
    probe = account.pauses > 0
    return Allowance(1 if probe else min(mails, day), recipients, tokens, probe, None)


def limited(account: Account, until: int, reason: str, now: int) -> Account:
    """The account after a mail of its met the sending limit, until the provider's time or ours.

    Several mails may meet the same limit at once: they make one pause, the longest of theirs.
    """
    at_once = account.pauses > 0 and (account.paused_until or 0) > now
    told = min(max(until, now + SHORTEST_PAUSE_MS), now + LONGEST_PAUSE_MS)
    return msgspec.structs.replace(
        account,
        paused_until=max(told, account.paused_until or 0),
        pauses=account.pauses + (0 if at_once else 1),
        probe_until=None,
        reason=reason,
        since=account.since if account.pauses else now,
    )


def disconnected(account: Account, reason: str, now: int) -> Account:
    """The account after its credentials were rejected."""
    return msgspec.structs.replace(
        account,
        state=AccountState.DISCONNECTED,
        reason=reason,
        since=now,
        probe_until=None,
    )


def proved(account: Account) -> Account:
    """The account after its probe went: the pausing is over."""
    return msgspec.structs.replace(
        account, paused_until=None, pauses=0, probe_until=None, reason=None, since=None
    )


def probe_failed(account: Account) -> Account:
    """The account after its probe met a connection fault: another mail is the next probe."""
    return msgspec.structs.replace(account, probe_until=None)


def paused(account: Account, until: int, reason: str, now: int) -> Account:
    """The account after a person paused it."""
    return msgspec.structs.replace(
        account, paused_until=until, pauses=0, probe_until=None, reason=reason, since=now
    )


def resumed(account: Account, now: int) -> Account:
    """The account after a person resumed it: what waited goes, in order, spread out."""
    return msgspec.structs.replace(
        account,
        state=AccountState.OK,
        paused_until=None,
        pauses=0,
        probe_until=None,
        reason=RESUMED,
        since=now,
        tokens=1.0,
        tokens_at=now,
    )


def _blocked_until(account: Account, now: int) -> int | None:
    if account.state is AccountState.DISCONNECTED:
        return now + DAY_MS
    for until in (account.paused_until, account.probe_until):
        if until is not None and until > now:
            return until
    return None


def _per_minute(account: Account, limits: Limits, now: int) -> int | None:
    """The limit of a minute: a resumed account's first minutes are spread out."""
    since = account.since if account.reason == RESUMED else None
    if since is not None and now < since + RESUMED_MS:
        return min(limits.per_minute or MANY, RESUMED_PER_MINUTE)
    return limits.per_minute


def _tokens(account: Account, per_minute: int | None, now: int) -> float | None:
    if per_minute is None:
        return None
    most = _burst(per_minute)
    if account.tokens is None or account.tokens_at is None:
        return float(most)
    grown = account.tokens + max(now - account.tokens_at, 0) * _rate(per_minute)
    return min(float(most), grown)


def _burst(per_minute: int) -> int:
    return max(1, per_minute // 10)


def _rate(per_minute: int) -> float:
    """Tokens in a millisecond: with a full bucket no minute sees more than the limit."""
    return max(per_minute - _burst(per_minute), 0.5) / MINUTE_MS


def _day(limits: Limits, usage: Sequence[Usage], now: int) -> tuple[int, int, int | None]:
    """Mails and recipients left of the rolling day, and when the oldest of them is free."""
    counted = [u for u in usage if u.slot + SLOT_MS + DAY_MS > now]
    free_at = min((u.slot + SLOT_MS + DAY_MS for u in counted), default=None)
    mails = _left(limits.per_day, sum(u.mails for u in counted))
    recipients = _left(limits.recipients_per_day, sum(u.recipients for u in counted))
    return mails, recipients, free_at


def _left(limit: int | None, used: int) -> int:
    return MANY if limit is None else max(limit - used, 0)
