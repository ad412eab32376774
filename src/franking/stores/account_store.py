"""What every store promises of accounts; what returns has been committed, on disk.

An account that was only named by a mail has a row too, for its turn; it counts as an account once
it was set, but for the installation's own, which always does. Forgetting one leaves its row for
the mails that name it. Each call raises `StoreUnavailable` where the store does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from franking.core.account import Account
from franking.core.prediction import Expectation
from franking.core.sender import Settled, Shown

# How far what waits is counted, for an account and before one mail.
MOST_WAITING = 10_000
MOST_AHEAD = 100_000

Set = Callable[[Settled], Settled]
Stand = Callable[[Account], Account]


class AccountStore(Protocol):
    """The accounts of a store."""

    async def save(self, id: str, decide: Set, now: int) -> bool:
        """Write what `decide` says of an account's settings; was there none before?

        Its state and its usage stay. What `decide` raises changed nothing.
        """

    async def forget(self, id: str) -> bool:
        """Forget an account's settings, secret and state; false where it was never set."""

    async def stand(self, id: str, decide: Stand, now: int) -> None:
        """Read where an account stands and write where `decide` says it does."""

    async def settings(self, id: str) -> Settled | None:
        """An account's settings with its sealed secret; None where it was never even named."""

    async def show(self, id: str, now: int) -> Shown | None:
        """One account, without its secret."""

    async def page(self, after: str, limit: int, now: int) -> list[Shown]:
        """Accounts whose id comes after `after`, by id."""

    async def expected(
        self, account: str, priority: int, due_at: int, now: int
    ) -> Expectation | None:
        """When a waiting mail goes; None where MOST_AHEAD or more go before it."""

    async def secret_headers(self) -> list[tuple[bytes, int]]:
        """How the sealed secrets begin, each with how many do."""

    async def sealed_otherwise(self, header: bytes, limit: int) -> list[str]:
        """Accounts whose secret does not begin so."""

    async def reseal(self, id: str, old: bytes, new: bytes) -> bool:
        """Put `new` where `old` still is; the version stays, for the secret is the same."""
