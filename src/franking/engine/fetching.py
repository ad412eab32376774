"""The wait for attachments that a mail names by an address, before it is composed.

A mail that waits for another's server takes no place of those that are sent, so that a server that
does not answer holds up nobody else. It holds no SMTP connection, its
lease is renewed as any other's, and a stop ends its wait: it goes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franking.compose.envelope import Unsendable
from franking.compose.links import NOTHING, Fetched, links
from franking.engine.waiting import Waiting, nobody_waits
from franking.transports.base import Fetcher


class Fetching:
    """Fetches for mails, which are counted in `waiting` meanwhile.

    Without a `fetcher` nothing is fetched, and what is at an address is refused.
    """

    def __init__(self, fetcher: Fetcher | None, waiting: Waiting) -> None:
        self._fetcher = fetcher
        self._waiting = waiting

    async def fetched(self, epoch: int, document: Mapping[str, Any]) -> Fetched | Unsendable:
        """What is at the addresses in a document, or why it is not to be had.

        `epoch` is the lease's; what was fetched is counted for it until `ended`.
        """
        wanted = links(document)
        if not wanted or self._fetcher is None:
            return NOTHING
        with self._waiting.counted():
            return await self._fetcher.fetch(wanted, epoch)

    def ended(self, epoch: int) -> None:
        """The mail under that lease has ended."""
        if self._fetcher is not None:
            self._fetcher.let_go(epoch)


NO_FETCHING = Fetching(None, nobody_waits())
