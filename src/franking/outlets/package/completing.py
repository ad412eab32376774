"""Completes manual emails: the mail is handed in at once, the whole of it anew each time.

Policy (contract cadence, section 5). Taken while no mail of the touchpoint is under way and none
was sent; that is judged from its last mail. After an unknown outcome it asks once more: a second
press 3 s to 10 min after the first goes ahead, as does `force`. A completion is claimed on the
touchpoint before its mail is handed in, so that a double click sends once, and handed in under a
key that counts the completions, so that a repeat makes no second mail. Where nobody knows whether
the mail was taken, that is found out before anything else is done: by the newest mail there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from franking.core.delivery import Outcome, State
from franking.core.endings import SEND_LIMIT
from franking.core.timer.retry import (
    BEING_SENT,
    LATEST_AGAIN_MS,
    LIMITED,
    OUTCOME_UNKNOWN,
    SCHEDULED,
    SENT,
    SOONEST_AGAIN_MS,
    TRIED_AGAIN,
)
from franking.core.touchpoint import MANUAL, Status, Touchpoint
from franking.core.touchpoint.head import headed
from franking.outlets.base import Answered, OutOfReach, Refused, Shown
from franking.outlets.package.parts import Parts, linked, there, unreached
from franking.outlets.package.reach import at, members, reason, words
from franking.outlets.package.unfinished import Completion, Deletion, written
from franking.outlets.package.unfinished import read as unfinished
from franking.stores.base import Found, Write

IN_DOUBT = "This email may already have been delivered. Complete it again to send it anyway."
AUTOMATED = "Automated emails are sent by themselves. Press Retry if one failed."
BEING_DELETED = "This touchpoint is being deleted."
KEY_REUSED = "key_reused"


class Completing:
    """Completes touchpoints, and finds out what became of completions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def complete(self, id: str, mail: Mapping[str, Any], force: bool) -> Shown:
        """Hand its mail in. Raises `Refused`."""
        try:
            await self.find_out(id)
            touchpoint = await self._parts.touchpoint(id)
            await self._judge(touchpoint, force)
            claim = await self._claim(touchpoint)
            await self._hand_in(touchpoint, claim, mail)
        except OutOfReach:
            raise unreached() from None
        return await self._parts.shown(id)

    async def find_out(self, id: str) -> bool:
        """What became of a completion that nobody is at any more; false where there is none.
        Raises `OutOfReach`."""
        claim = await self._parts.work(id)
        if not isinstance(claim, Completion) or not claim.over(self._parts.clock.now()):
            return False
        newest = await self._newest(id)
        known = newest is None or newest["id"] == claim.before
        await self._end(id, claim, None if known else newest)
        return True

    async def _judge(self, touchpoint: Touchpoint, force: bool) -> None:
        """Raises `Refused` where it may not be completed now."""
        if touchpoint.kind != MANUAL:
            raise Refused(400, AUTOMATED, "automated")
        if touchpoint.status == Status.SENT:
            raise Refused(400, SENT, "already_sent")
        delivery = await self.last_delivery(touchpoint)
        if delivery is None:
            return
        refused = _under_way(delivery)
        if refused is not None:
            raise refused
        if delivery.get("outcome") == Outcome.UNKNOWN and not force:
            await self._ask_once_more(touchpoint)

    async def last_delivery(self, touchpoint: Touchpoint) -> dict[str, Any] | None:
        """How its last mail stands; None where it has none. Raises `OutOfReach`."""
        if touchpoint.mail_id is None:
            return None
        answered = await self._parts.reach.sure("GET", at("v1", "mail", touchpoint.mail_id))
        if answered.status == 404:
            return None
        found = members(answered).get("delivery")
        if answered.status != 200 or not isinstance(found, dict):
            raise OutOfReach(f"it answered {answered.status}")
        return found

    async def _ask_once_more(self, touchpoint: Touchpoint) -> None:
        now = self._parts.clock.now()
        since = None if touchpoint.asked_at is None else now - touchpoint.asked_at
        if since is not None and SOONEST_AGAIN_MS <= since <= LATEST_AGAIN_MS:
            return

        def ask(found: Found | None) -> Write:
            asked = there(touchpoint.id, found)
            if since is None or not 0 <= since <= LATEST_AGAIN_MS:
                asked = replace(asked, asked_at=now)
            return Write(asked, unfinished=found.unfinished if found else None)

        await self._parts.store.change(touchpoint.id, ask)
        raise Refused(400, IN_DOUBT, OUTCOME_UNKNOWN)

    async def _claim(self, judged: Touchpoint) -> Completion:
        """Nobody else completes it now. Raises `Refused` where somebody does, or just did."""
        claim = Completion(judged.mail_id, self._parts.clock.now())

        def take(found: Found | None) -> Write:
            now = there(judged.id, found)
            same = (now.mail_id, now.completions) == (judged.mail_id, judged.completions)
            work = unfinished(found.unfinished) if found else None
            if isinstance(work, Deletion):
                raise Refused(409, BEING_DELETED, "being_deleted")
            if not same or work is not None:
                raise Refused(400, BEING_SENT, "being_sent")
            return Write(now, unfinished=written(claim))

        await self._parts.store.change(judged.id, take)
        return claim

    async def _hand_in(
        self, touchpoint: Touchpoint, claim: Completion, mail: Mapping[str, Any]
    ) -> None:
        """Under the next key that no mail has which is known here. Raises `Refused`."""
        document = linked(mail, touchpoint)
        for number in (touchpoint.completions, touchpoint.completions + 1):
            key = f"complete.{touchpoint.id}.{number}"
            answered = await self._submit(touchpoint.id, claim, document, key)
            taken = answered.status == 201
            if not taken and (answered.status, reason(answered)) != (409, KEY_REUSED):
                break
            own = {**document, "id": members(answered).get("id")}
            made = own if taken else await self._newest(touchpoint.id)
            if made is None or made["id"] in (None, claim.before):
                continue  # an earlier completion's mail, which has ended or is gone
            await self._end(touchpoint.id, claim, made, number)
            if not taken:
                raise Refused(400, BEING_SENT, "being_sent")
            return
        await self._end(touchpoint.id, claim, None)
        raise _refused(answered)

    async def _submit(
        self, id: str, claim: Completion, document: Mapping[str, Any], key: str
    ) -> Answered:
        try:
            return await self._parts.reach.sure(
                "POST", "/v1/mail", document, {"Idempotency-Key": key}
            )
        except OutOfReach:
            await self._doubt(id, claim)
            raise

    async def _doubt(self, id: str, claim: Completion) -> None:
        def doubt(found: Found | None) -> Write | None:
            if found is None or unfinished(found.unfinished) != claim:
                return None
            return Write(found.touchpoint, unfinished=written(replace(claim, unsure=True)))

        await self._parts.store.change(id, doubt)

    async def _end(
        self, id: str, claim: Completion, mail: Mapping[str, Any] | None, number: int | None = None
    ) -> None:
        """The claim is over: with this mail, or none. What went wrong before stays in sight."""

        def end(found: Found | None) -> Write | None:
            if found is None or unfinished(found.unfinished) != claim:
                return None
            if mail is None:
                return Write(found.touchpoint)
            before = found.touchpoint
            count = (before.completions if number is None else number) + 1
            after = replace(before, mail_id=mail["id"], completions=count, asked_at=None)
            return Write(headed(after, mail))

        await self._parts.store.change(id, end)

    async def _newest(self, id: str) -> dict[str, Any] | None:
        """The touchpoint's newest mail. Raises `OutOfReach`."""
        path = f"/v1/mail?touchpoint={at(id)[1:]}&limit=1"
        answered = await self._parts.reach.sure("GET", path)
        items = members(answered).get("items")
        if answered.status != 200 or not isinstance(items, list):
            raise OutOfReach(f"it answered {answered.status}")
        return {**items[0], "id": str(items[0]["id"])} if items else None


def _under_way(delivery: Mapping[str, Any]) -> Refused | None:
    """Why a mail that stands so is not handed in anew; None where it ended without being sent."""
    state, waiting = delivery.get("state"), delivery.get("waitingFor")
    if state == State.SUCCESS:
        return Refused(400, SENT, "already_sent")
    if state not in (State.PENDING, State.PROCESSING, State.RETRY):
        return None
    if waiting == SEND_LIMIT and state != State.PROCESSING:
        return Refused(400, LIMITED, SEND_LIMIT)
    if state == State.RETRY:
        return Refused(400, TRIED_AGAIN, "tried_again")
    if waiting == "sendAt":
        return Refused(400, SCHEDULED, "scheduled")
    return Refused(400, BEING_SENT, "being_sent")


def _refused(answered: Answered) -> Refused:
    text = words(answered)
    if answered.status in (400, 413, 415, 422) and text:
        return Refused(400, text, reason(answered))
    said = f"{answered.status}: {text}" if text else str(answered.status)
    return Refused(502, f"The email service did not take the call ({said}).", "not_taken")
