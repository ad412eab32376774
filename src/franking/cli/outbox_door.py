"""The calls on the outbox and of the agreement check, over a command's door."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from franking.cli.door import Document, Door

CHECK = "/v1/cadence/check"


class OutboxDoor:
    """Documents are as REST shows them. Each call raises `Declined`, `Ended`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.sends = door.sends

    async def page(self, wanted: Mapping[str, object]) -> Document:
        """The newest events that match, and how the whole outbox stands."""
        return await self._door.ask("GET", f"/v1/outbox?{_query(wanted)}")

    async def event(self, seq: int) -> Document | None:
        """One event that was not heard yet; None where there is none such."""
        found = await self.page({"after": seq + 1, "limit": 1})
        return next((one for one in found["items"] if one["seq"] == seq), None)

    async def resend(self, which: Mapping[str, object]) -> int:
        """Parked events wait again: `seq`, those of a `touchpoint`, or `all`; how many do."""
        found = await self._door.ask("POST", "/v1/outbox/resend", dict(which))
        return int(found["resent"])

    async def check(self, after: str | None, limit: int) -> Document:
        """Compare a page of touchpoints; `next` says where to go on."""
        return await self._door.ask("GET", f"{CHECK}?{_query({'after': after, 'limit': limit})}")

    async def repair(self, after: str | None, limit: int) -> Document:
        """As `check`, and missing events are sent again."""
        wanted: Document = {"limit": limit} | ({} if after is None else {"after": after})
        return await self._door.ask("POST", f"{CHECK}/repair", wanted)


def _query(values: Mapping[str, object]) -> str:
    return urlencode({name: value for name, value in values.items() if value is not None})
