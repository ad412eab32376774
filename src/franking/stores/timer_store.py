"""What every store promises of timers; what returns has been committed, on disk.

A timer of a webhook is served under a lease, fenced by an epoch; one that is handed over as a mail
is served in the transaction that writes the mail, and ends in the one that settles it. Each call
raises `StoreUnavailable` where the store does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from franking.core.attempt import Lease
from franking.core.timer import Life, Timer, TimerEnd
from franking.stores.values import (
    DecideTimer,
    FreshTimer,
    Once,
    Replay,
    Serve,
    TimerFilter,
)

# How many earlier lives are told, and among how many the beginning of an id is looked for: the
# first that begin so, and, with more than these, the newest in the state that is named beside it.
MOST_LIVES = 1_000
MOST_MATCHES = 10_000


class TimerStore(Protocol):
    """The timers of a store."""

    async def create(
        self, timers: Sequence[FreshTimer], once: Once | None = None
    ) -> list[Timer | Exception] | Replay:
        """Insert timers; for each the timer, or `AlreadyExists` where one is scheduled or being
        served under its id, or a mail has it that no timer made. An ended id begins a new life.
        """

    async def change(
        self, id: str, decide: DecideTimer, once: Once | None = None
    ) -> Timer | Exception | Replay | None:
        """Read a timer and its mail, and write what `decide` says, in one transaction.

        The answer is the timer as it is then, None where there is none, or what `decide` raised.
        """

    async def read(self, id: str) -> tuple[Timer, tuple[Life, ...]] | None:
        """One timer with its earlier lives, oldest first."""

    async def page(self, filter: TimerFilter, limit: int) -> list[Timer]:
        """The newest timers that match."""

    async def claim(
        self, now: int, limit: int, lease_ms: int, room: dict[str, int], share: int
    ) -> list[Timer]:
        """Lease up to `limit` due timers that call out: of each lane as many as `room` has for
        it, `share` where it says nothing. Each has its attempt counted, on disk."""

    async def renew(self, leases: Sequence[Lease], expires_at: int) -> list[bool]:
        """Move the end of each lease that still holds."""

    async def end(self, ends: Sequence[TimerEnd]) -> list[bool]:
        """Write how calls ended; false for those whose lease was lost, which changes nothing."""

    async def serve_mails(self, now: int, limit: int, serve: Serve) -> int:
        """Hand up to `limit` due timers over as mails, as `serve` says; how many were due.

        One that can't be written is put off by a minute, so that it can't stop the others; a day
        after it was due it has failed.
        """

    async def next_due(self, full: Sequence[str]) -> int | None:
        """When the next timer that calls out must be looked at; those of `full` lanes left out."""

    async def next_mail_due(self) -> int | None:
        """When the next timer is due that makes a mail."""
