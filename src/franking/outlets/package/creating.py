"""Creates touchpoints: a manual one waits for a person, an automated one for its timer.

Policy (contract cadence, section 4.1). The touchpoint is written first, with the timer that is to
be made, and then the timer, under the touchpoint's id: so both can be repeated, and 409 means that
it is there. Where the timer is refused, nothing is kept. Where there was no answer that tells, it
is looked for, and one that was made all the same is kept. Where nobody can tell, the caller is told
that nothing was kept, and that is made true: the timer is deleted, and then the row. Until that
came about the row counts as deleted, and what happens to it has to wait. A timer that was served
before it could be deleted can't be undone: its touchpoint is there again, for its email was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from franking.core import times
from franking.core.touchpoint import AUTOMATED, MANUAL, Status, Touchpoint
from franking.core.touchpoint.head import headed
from franking.outlets.base import Answered, OutOfReach, Refused, Shown
from franking.outlets.package import fields
from franking.outlets.package.parts import Parts, linked, unreached
from franking.outlets.package.reach import TOUCHPOINT_HEADER, at, members, reason, words
from franking.outlets.package.unfinished import Creation, Undoing, read, written
from franking.stores.base import AlreadyExists, Found, Write

UNREACHED = "The email service is out of reach right now. Nothing was kept. Try again in a minute."
MADE = (201, 409)
ENDED = ("executed", "failed")
# Between the host that wrote the touchpoint and the one that made its timer.
CLOCKS_APART_MS = 1_000
NAMES = ("type", "cadenceMemberId", "emailMessageId", "dueAt", "mail", "id")


class Creating:
    """Creates touchpoints, and goes on with what was begun."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._under_way: set[str] = set()

    async def create(self, given: Mapping[str, Any], id: str | None) -> Shown:
        """A new touchpoint, with the id or a new one. Raises `Refused`."""
        touchpoint = self._asked_for(given, id)
        if touchpoint.kind == MANUAL:
            await self._insert(touchpoint, None)
        else:
            mail = fields.mail(given)
            touchpoint = headed(touchpoint, mail)
            work = Creation(_timer(touchpoint, mail))
            self._under_way.add(touchpoint.id)
            try:
                await self._insert(touchpoint, work)
                await self._make(touchpoint.id, work)
            finally:
                self._under_way.discard(touchpoint.id)
        return await self._parts.shown(touchpoint.id)

    async def go_on(self, id: str, work: Creation) -> bool:
        """Make the timer that a crash left out. Raises `OutOfReach`."""
        if id in self._under_way:
            return False
        # One that was served by now would begin anew under its id, and its mail be sent twice.
        answered = await self._parts.reach.sure("GET", at("timer", id))
        if answered.status == 404:
            answered = await self._parts.reach.sure(
                "POST", "/timer", work.timer, {"x-timer-id": id}
            )
        if answered.status not in (200, *MADE):
            await self._parts.store.forget(id)
            return True
        return await self._parts.done(id, work)

    async def undo(self, id: str) -> bool:
        """Delete the timer that may have been made, then the row; false where that can't be now.
        Raises `OutOfReach`.

        One at a time: a second one could delete what was created anew under the id meanwhile.
        """
        claim = Undoing(self._parts.clock.now())
        if not await self._turn(id, lambda work: work.over(claim.at or 0), claim):
            return False
        undone = False
        try:
            undone = await self._undone(id, claim)
        finally:
            if not undone:
                await self._turn(id, lambda work: work == claim, Undoing())
        return undone

    async def _undone(self, id: str, claim: Undoing) -> bool:
        path, headers = at("timer", id), {TOUCHPOINT_HEADER: id}
        answered = await self._parts.reach.sure("DELETE", path, None, headers)
        if answered.status not in (202, 404):
            return False
        if answered.status == 404 and await self._served(id):
            await self._turn(id, lambda work: work == claim, None)
        else:
            await self._parts.store.forget(id)
        return True

    async def _turn(self, id: str, wanted: Callable[[Undoing], bool], into: Undoing | None) -> bool:
        """An undoing becomes another one, or the touchpoint is there again; false where there is
        none that is wanted."""
        turned = False

        def turn(found: Found | None) -> Write | None:
            nonlocal turned
            work = read(found.unfinished) if found is not None else None
            turned = isinstance(work, Undoing) and wanted(work)
            if found is None or not turned:
                return None
            if into is None:
                return Write(replace(found.touchpoint, deleted_at=None))
            return Write(found.touchpoint, unfinished=written(into))

        await self._parts.store.change(id, turn)
        return turned

    def _asked_for(self, given: Mapping[str, Any], id: str | None) -> Touchpoint:
        fields.known(given, NAMES)
        kind = given.get("type")
        if kind not in (AUTOMATED, MANUAL):
            raise fields.wrong("type", f"must be {AUTOMATED} or {MANUAL}")
        member = fields.link(given, "cadenceMemberId", required=True)
        message = fields.link(given, "emailMessageId")
        automated = kind == AUTOMATED
        due_at = fields.time(given, "dueAt") if automated else None
        if not automated:
            _neither(given)
        own = self._parts.clock.new_id() if id is None else fields.own_id(id)
        now = self._parts.clock.now()
        return Touchpoint(
            id=own,
            kind="automated" if automated else "manual",
            status=(Status.SCHEDULED if automated else Status.PENDING_MANUAL_SEND).value,
            status_updated_at=now,
            created_at=now,
            cadence_member_id=member,
            email_message_id=message,
            due_at=due_at,
            mail_id=own if automated else None,
            timer_id=own if automated else None,
        )

    async def _insert(self, touchpoint: Touchpoint, work: Creation | None) -> None:
        raw = None if work is None else written(work)
        try:
            await self._parts.store.create(touchpoint, raw)
            return
        except AlreadyExists:
            await self._make_room(touchpoint.id)
        try:
            await self._parts.store.create(touchpoint, raw)
        except AlreadyExists:
            raise _taken(touchpoint.id) from None

    async def _make_room(self, id: str) -> None:
        """An id whose creation is still to be undone may be used again once it is. Raises
        `Refused`."""
        if not isinstance(await self._parts.work(id), Undoing):
            raise _taken(id)
        try:
            undone = await self.undo(id)
        except OutOfReach:
            undone = False
        if not undone:
            raise unreached(UNREACHED)

    async def _make(self, id: str, work: Creation) -> None:
        try:
            answered = await self._asked(id, work)
        except OutOfReach:
            await self._give_up(id)
            raise unreached(UNREACHED) from None
        if answered.status in (200, *MADE):
            await self._parts.done(id, work)
            return
        await self._parts.store.forget(id)
        raise _refused(answered)

    async def _asked(self, id: str, work: Creation) -> Answered:
        """The timer's own answer, or else that it is there all the same. Raises `OutOfReach`."""
        try:
            return await self._parts.reach.sure("POST", "/timer", work.timer, {"x-timer-id": id})
        except OutOfReach:
            found = await self._parts.reach.sure("GET", at("timer", id))
            if found.status == 200 and await self._is_of(id, found):
                return found
            raise

    async def _is_of(self, id: str, timer: Answered) -> bool:
        """Is it this touchpoint's, and not an earlier one's of the same id, or deleted?"""
        stored = await self._parts.store.read(id)
        told = members(timer)
        made_at = told.get("createdAt")
        if stored is None or not isinstance(made_at, str) or told.get("state") == "deleted":
            return False
        return times.parse(made_at) >= stored[0].created_at - CLOCKS_APART_MS

    async def _served(self, id: str) -> bool:
        """Has its timer ended otherwise than by being deleted? Raises `OutOfReach`."""
        found = await self._parts.reach.sure("GET", at("timer", id))
        ended = found.status == 200 and members(found).get("state") in ENDED
        return ended and await self._is_of(id, found)

    async def _give_up(self, id: str) -> None:
        now = self._parts.clock.now()

        def hide(found: Found | None) -> Write | None:
            if found is None:
                return None
            hidden = replace(found.touchpoint, deleted_at=now)
            return Write(hidden, unfinished=written(Undoing()))

        await self._parts.store.change(id, hide)
        try:
            await self.undo(id)
        except OutOfReach:
            return


def _timer(touchpoint: Touchpoint, mail: Mapping[str, Any]) -> dict[str, Any]:
    """The body of POST /timer."""
    return {
        "dueAt": times.text(touchpoint.due_at or 0),
        "callback": {"transport": "mail", "method": "post", "uri": ""},
        "data": linked(mail, touchpoint),
    }


def _neither(given: Mapping[str, Any]) -> None:
    for name in ("dueAt", "mail"):
        if given.get(name) is not None:
            raise fields.wrong(name, "is for automated emails; a manual one is written when sent")


def _taken(id: str) -> Refused:
    return Refused(409, f"There is a touchpoint with id {id} already.", "already_exists")


def _refused(answered: Answered) -> Refused:
    """The timer's own words; what concerns the package's standing there is no fault of the rep."""
    text = words(answered)
    if answered.status in (400, 413, 422) and text:
        return Refused(400, text, reason(answered))
    said = f"{answered.status}: {text}" if text else str(answered.status)
    return Refused(502, f"The email service did not take the call ({said}).", "not_taken")
