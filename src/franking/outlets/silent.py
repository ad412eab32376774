"""The outlet of an installation that has none: events are heard by nobody and kept by nobody."""

from __future__ import annotations

from franking.core.reporting import Heard, Verdict
from franking.stores.base import StoredEvent


class Silent:
    """`franking.outlets.base.Outlet` that takes everything."""

    def side(self, event: StoredEvent) -> str:
        return "none"

    async def tell(self, event: StoredEvent) -> Verdict:
        return Heard()

    async def close(self) -> None:
        """There is nothing to hang up."""
