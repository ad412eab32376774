"""What every store promises to `franking db after-restore`; what returns has been committed."""

from __future__ import annotations

from typing import Protocol

from franking.stores.values import Decide


class RestoringStore(Protocol):
    """What a restored database is asked for. Each call raises `StoreUnavailable`."""

    async def end(self, later: int | None, limit: int, decide: Decide, at: int) -> int:
        """Apply `decide` to up to `limit` mails that have not ended; how many there were. Those
        that were never tried and are due only after `later` are left alone, where it is given."""

    async def skip(self) -> None:
        """Begin every number beyond what may have been given since; once for each restore."""
