"""What every call of the package works with, and what several of them say or look up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from franking.clock import Clock
from franking.core.touchpoint import Touchpoint
from franking.outlets.base import Refused, Shown
from franking.outlets.package import unfinished
from franking.outlets.package.reach import Reach
from franking.outlets.package.unfinished import Unfinished
from franking.stores.base import CadenceStore, Found, Write

UNREACHED = "The email service is out of reach right now. Try again in a minute."
OUT_OF_REACH = "out_of_reach"

LINKS = ("touchpointId", "cadenceMemberId", "emailMessageId")


class Parts(msgspec.Struct, frozen=True):
    """The package's rows, the time, and the way to the email side."""

    store: CadenceStore
    clock: Clock
    reach: Reach

    async def shown(self, id: str) -> Shown:
        """One touchpoint with its children. Raises `Refused`."""
        found = await self.store.read(id)
        if found is None or found[0].deleted_at is not None:
            raise unknown(id)
        return Shown(*found)

    async def touchpoint(self, id: str) -> Touchpoint:
        """One touchpoint. Raises `Refused`."""
        return (await self.shown(id)).touchpoint

    async def work(self, id: str) -> Unfinished | None:
        """What is unfinished of it."""
        seen: list[Unfinished | None] = []

        def look(found: Found | None) -> None:
            seen.append(unfinished.read(found.unfinished) if found else None)

        await self.store.change(id, look)
        return seen[-1]

    async def done(self, id: str, work: Unfinished) -> bool:
        """Nothing is unfinished of it any more; false where it was something else than `work`."""
        done = False

        def finish(found: Found | None) -> Write | None:
            nonlocal done
            done = found is not None and unfinished.read(found.unfinished) == work
            return Write(found.touchpoint) if found is not None and done else None

        await self.store.change(id, finish)
        return done


def there(id: str, found: Found | None) -> Touchpoint:
    """The touchpoint that was read. Raises `Refused`."""
    if found is None or found.touchpoint.deleted_at is not None:
        raise unknown(id)
    return found.touchpoint


def unknown(id: str) -> Refused:
    return Refused(404, f"There is no touchpoint with id {id}.", "unknown_touchpoint")


def unreached(text: str = UNREACHED) -> Refused:
    return Refused(503, text, OUT_OF_REACH)


def unlinked(mail: Mapping[str, Any]) -> dict[str, Any]:
    """A document without what it says of records in the CRM."""
    return {name: value for name, value in mail.items() if name not in LINKS}


def linked(mail: Mapping[str, Any], touchpoint: Touchpoint) -> dict[str, Any]:
    """A document that belongs to this touchpoint, whatever it says itself."""
    own = (touchpoint.id, touchpoint.cadence_member_id, touchpoint.email_message_id)
    named = {name: value for name, value in zip(LINKS, own, strict=True) if value is not None}
    return unlinked(mail) | named
