"""The wait for attachments that a mail names by an address, before it is composed.

A mail that waits for another's server takes no place of those that are sent, so that a server that
does not answer holds up nobody else; so many may wait at once. It holds no SMTP connection, its
lease is renewed as any other's, and a stop ends its wait: it goes back as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from franking.compose.envelope import Unsendable
from franking.compose.links import NOTHING, Fetched, links
from franking.transports.base import Fetcher

# More than that, and no other mail is claimed until some have what they wait for.
MOST_WAITING = 1_000


class Fetching:
    """Fetches for mails; `waiting` of them wait now. `stirred` is called when one begins to.

    Without a `fetcher` nothing is fetched, and what is at an address is refused.
    """

    def __init__(self, fetcher: Fetcher | None, stirred: Callable[[], None]) -> None:
        self._fetcher = fetcher
        self._stirred = stirred
        self.waiting = 0

    async def fetched(self, epoch: int, document: Mapping[str, Any]) -> Fetched | Unsendable:
        """What is at the addresses in a document, or why it is not to be had.

        `epoch` is the lease's; what was fetched is counted for it until `ended`.
        """
        wanted = links(document)
        if not wanted or self._fetcher is None:
            return NOTHING
        self.waiting += 1
        self._stirred()
        try:
            return await self._fetcher.fetch(wanted, epoch)
        finally:
            self.waiting -= 1

    def ended(self, epoch: int) -> None:
        """The mail under that lease has ended."""
        if self._fetcher is not None:
            self._fetcher.let_go(epoch)


def _nobody() -> None:
    """There is nobody to stir."""


NO_FETCHING = Fetching(None, _nobody)
