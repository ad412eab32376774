"""Deletes touchpoints: what is still to come is cancelled first.

Policy (contract cadence, section 6). While its email is being sent a touchpoint is not deleted, for
nobody could tell what becomes of it. What was cancelled stays cancelled: where the email side is
out of reach in the middle, the deletion goes on by itself once it is there again. A timer or a mail
that has a touchpoint is deleted only with the touchpoint's name in a header.
"""

from __future__ import annotations

from msgspec.structs import replace

from franking.core.delivery import WAITING, State
from franking.core.timer.retry import BEING_SENT
from franking.core.touchpoint import AUTOMATED, Touchpoint
from franking.outlets.base import Answered, OutOfReach, Refused
from franking.outlets.package.completing import Completing
from franking.outlets.package.parts import Parts, there, unreached
from franking.outlets.package.reach import TOUCHPOINT_HEADER, at, words
from franking.outlets.package.unfinished import Completion, Deletion, written
from franking.outlets.package.unfinished import read as unfinished
from franking.stores.base import Found, Write

UNREACHED = (
    "The email service is out of reach right now. The touchpoint is deleted as soon as it can be"
    " reached."
)


class Deleting:
    """Deletes touchpoints, and goes on with what was begun."""

    def __init__(self, parts: Parts, completing: Completing) -> None:
        self._parts = parts
        self._completing = completing

    async def delete(self, id: str) -> None:
        """Cancel what is still to come, and forget it. Raises `Refused`."""
        await self._parts.touchpoint(id)
        try:
            await self._completing.find_out(id)
        except OutOfReach:
            raise unreached() from None
        await self._wish(id)
        try:
            if await self.go_on(id):
                return
        except OutOfReach:
            raise unreached(UNREACHED) from None
        await self._parts.done(id, Deletion())
        raise _being_sent()

    async def go_on(self, id: str) -> bool:
        """Cancel and delete; false while it is being sent. Raises `OutOfReach`."""
        found = await self._parts.store.read(id)
        if found is None or not await self._cancelled(found[0]):
            return found is None
        now = self._parts.clock.now()

        def hide(found: Found | None) -> Write | None:
            if found is None or unfinished(found.unfinished) != Deletion():
                return None
            return Write(replace(found.touchpoint, deleted_at=now))

        await self._parts.store.change(id, hide)
        return True

    async def _wish(self, id: str) -> None:
        def wish(found: Found | None) -> Write:
            touchpoint = there(id, found)
            if found and isinstance(unfinished(found.unfinished), Completion):
                raise _being_sent()
            return Write(touchpoint, unfinished=written(Deletion()))

        await self._parts.store.change(id, wish)

    async def _cancelled(self, touchpoint: Touchpoint) -> bool:
        """Is nothing to come any more? False while it is being sent."""
        headers = {TOUCHPOINT_HEADER: touchpoint.id}
        if touchpoint.kind == AUTOMATED:
            path = at("timer", touchpoint.timer_id or touchpoint.id)
            return _gone(await self._parts.reach.sure("DELETE", path, None, headers))
        delivery = await self._completing.last_delivery(touchpoint)
        state = delivery.get("state") if delivery else None
        if state not in WAITING:
            return state != State.PROCESSING
        path = at("v1", "mail", touchpoint.mail_id or "")
        return _gone(await self._parts.reach.sure("DELETE", path, None, headers))


def _gone(answered: Answered) -> bool:
    if answered.status in (200, 202, 204, 404):
        return True
    if answered.status == 409:
        return False
    raise OutOfReach(words(answered) or f"it answered {answered.status}")


def _being_sent() -> Refused:
    return Refused(409, BEING_SENT, "being_sent")
