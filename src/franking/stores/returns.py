"""What every store promises of what comes back: bounces, suppressed addresses, unknown errors.

What returns has been committed, on disk. Each call raises `StoreUnavailable` where the store does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from franking.core.bounce import Bounce, Decide, Filing
from franking.core.suppression import Suppression
from franking.core.unknown import UnknownError


class Returns(Protocol):
    """What came back to a store's mails, and what was learned from it."""

    async def file(self, message_ids: Sequence[str], decide: Decide) -> Filing | None:
        """Read the mails of the first Message-ID that any has, and write what `decide` says.

        Entries, proofs, events, suppressed addresses and unknown errors go in one transaction.
        None where no mail has any of them.
        """

    async def bounces(self, mail: str) -> list[Bounce]:
        """What came back for a mail, oldest first."""

    async def any_suppressed(self) -> bool:
        """Is there any address that nothing is sent to?"""

    async def suppressed(self, addresses: Sequence[str]) -> dict[str, Suppression]:
        """Those of the addresses, in their normal form, that are on the list."""

    async def suppressions(self, q: str | None, after: str, limit: int) -> list[Suppression]:
        """Addresses on the list after one, in their order; `q` is a part of each."""

    async def suppress(self, suppression: Suppression) -> Suppression:
        """Put an address on the list, or give it another reason; as it stands there then."""

    async def allow(self, address: str) -> bool:
        """Take an address from the list; false where it was not there."""

    async def unknown_errors(self, limit: int) -> list[UnknownError]:
        """Errors that no rule knows, the most frequent first."""

    @property
    def suppression_changes(self) -> int:
        """A number that grows when this process has changed the suppression list."""
