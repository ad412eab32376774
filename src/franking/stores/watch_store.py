"""What every store promises to whoever watches it: how much there is, and how busy it is itself.

Asked for again and again, so nothing here costs more because there are a million mails: each count
ends at a limit, each time comes from the head of an index.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

# How far mails are counted that have not ended, and how far anything else.
MOST_WATCHED = 100_000
FEWER_WATCHED = 10_000
# Among so many accounts, those first whose mail is due first, one that may send is looked for.
MOST_ACCOUNTS = 10_000


class Watched(msgspec.Struct, frozen=True):
    """What there is now; times are milliseconds since 1970 UTC.

    `states` are mails by state, remainders with them, `categories` those in RETRY and ERROR by
    what they failed of, `timers` by state (`ended` is a part of
    `states` on its way here). `webhooks`: how many are `ok`, `paused` and `disabled`,
    and how many events are `waiting` and `parked` for all of them. `paused` and `disconnected`
    count accounts. `free_since` is since when the first mail could have gone whose account may
    send, `timer_since` when the first timer must be looked at.
    """

    states: dict[str, int]
    categories: dict[str, int]
    timers: dict[str, int]
    ended: dict[str, int] = {}
    webhooks: dict[str, int] = {}
    paused: int = 0
    disconnected: int = 0
    free_since: int | None = None
    timer_since: int | None = None


class Usage(msgspec.Struct, frozen=True):
    """What this process does with its database: how often it committed, how many connections it
    may use for reading or in all, how many of them are at work, how many callers wait for one, and
    how many writes wait for their commit."""

    commits: int
    connections: int
    used: int
    waiting: int
    writes: int


class WatchStore(Protocol):
    """How a store stands, for whoever watches it."""

    async def watched(self, now: int) -> Watched:
        """What there is now. Raises `StoreUnavailable`."""

    def usage(self) -> Usage:
        """How busy this process's part of the store is; asks no database."""
