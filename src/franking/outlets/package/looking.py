"""Shows touchpoints and conquer errors."""

from __future__ import annotations

from collections.abc import Mapping

from franking.core.touchpoint import ConquerError
from franking.outlets.base import MOST_LOOKED, MOST_STATUS, Shown
from franking.outlets.package import fields
from franking.outlets.package.parts import Parts
from franking.stores.base import LookedTouchpoints, TouchpointFilter

PAGE_NAMES = ("status", "category", "member", "q", "after")
ERROR_NAMES = ("touchpoint", "status", "after")


class Looking:
    """Reads what the package keeps."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def read(self, id: str) -> Shown:
        """One touchpoint. Raises `Refused`."""
        return await self._parts.shown(id)

    async def page(self, filter: Mapping[str, str | None], limit: int) -> list[Shown]:
        """The newest touchpoints that match. Raises `Refused`."""
        found = await self._parts.store.page(_asked(filter), limit)
        families = await self._parts.store.children([one.id for one in found])
        return [Shown(one, children) for one, children in zip(found, families, strict=True)]

    async def look(self, filter: Mapping[str, str | None], limit: int) -> LookedTouchpoints:
        """As `page`, without children, in bounded time. Raises `Refused`."""
        return await self._parts.store.look(_asked(filter), limit, MOST_LOOKED)

    async def count(self, filter: Mapping[str, str | None]) -> int:
        """How many match, up to MOST_LOOKED. Raises `Refused`."""
        return await self._parts.store.count(_asked(filter), MOST_LOOKED)

    async def statuses(self) -> dict[str, int]:
        """How many are in each status, each up to MOST_STATUS."""
        return await self._parts.store.statuses(MOST_STATUS)

    async def errors(
        self, filter: Mapping[str, str | None], limit: int
    ) -> list[tuple[int, ConquerError]]:
        """The newest conquer errors that match. Raises `Refused`."""
        fields.known(filter, ERROR_NAMES)
        return await self._parts.store.errors(
            filter.get("touchpoint"), filter.get("status"), cursor(filter.get("after")), limit
        )


def _asked(filter: Mapping[str, str | None]) -> TouchpointFilter:
    fields.known(filter, PAGE_NAMES)
    wanted = {name: filter.get(name) for name in ("status", "category", "member", "q")}
    return TouchpointFilter(**wanted, after=cursor(filter.get("after")))


def cursor(value: str | None) -> int | None:
    """Where the page before ended. Raises `Refused`."""
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    raise fields.wrong("after", "must be the 'next' of an earlier page")
