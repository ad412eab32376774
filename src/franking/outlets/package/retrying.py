"""Retries automated emails: Retry Timer decides, and its words are the rep's toast.

Policy (contract cadence, sections 4.4 and 4.5). Only that an email is manual is decided here.
Success is written as one Manual Retry for each retry that is not known yet; where that is lost, the
next event tells it. A refusal, or no answer, changes nothing. What mends the email mends what the
touchpoint shows of it, once that retry was accepted and while no later one is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franking.core.touchpoint import MANUAL, Touchpoint
from franking.core.touchpoint.applying import retried
from franking.core.touchpoint.head import mended
from franking.outlets.base import Answered, OutOfReach, Refused, Shown
from franking.outlets.package.parts import OUT_OF_REACH, Parts, unlinked
from franking.outlets.package.reach import at, members, reason, words
from franking.stores.base import Found, Write

BY_HAND = "Manual emails can't be retried. Complete the touchpoint again."
UNREACHED = "Retry is out of reach right now. Try again in a minute."


class Retrying:
    """Presses Retry for one touchpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def retry(
        self, id: str, mail: Mapping[str, Any] | None, force: bool, key: str | None = None
    ) -> Shown:
        """Retry one; `mail` mends its document first, `key` makes a repeat the same retry. Raises
        `Refused`."""
        touchpoint = await self._parts.touchpoint(id)
        if touchpoint.kind == MANUAL:
            raise Refused(400, BY_HAND, "manual")
        body = {"force": force} | ({} if mail is None else {"mail": unlinked(mail)})
        headers = {} if key is None else {"Idempotency-Key": key}
        path = at("timer", touchpoint.timer_id or id, "retry")
        try:
            answered = await self._parts.reach.ask("POST", path, body, headers)
        except OutOfReach:
            raise Refused(502, UNREACHED, OUT_OF_REACH) from None
        if answered.status != 200:
            raise _refused(answered)
        await self._write(touchpoint, members(answered).get("retryCount"), mail or {})
        return await self._parts.shown(id)

    async def _write(self, touchpoint: Touchpoint, count: Any, mail: Mapping[str, Any]) -> None:
        if not isinstance(count, int) or isinstance(count, bool):
            raise Refused(502, UNREACHED, OUT_OF_REACH)
        now = self._parts.clock.now()

        def accept(found: Found | None) -> Write | None:
            if found is None:
                return None
            applied = retried(found.touchpoint, count, found.last_error, now)
            after = applied.touchpoint
            # A repeat of an earlier retry would else bring an email's head back that is mended.
            if count >= after.manual_retry_count:
                after = mended(after, mail)
            if after == found.touchpoint and not applied.children:
                return None
            return Write(after, applied.children, found.unfinished)

        await self._parts.store.change(touchpoint.id, accept)


def _refused(answered: Answered) -> Refused:
    text = words(answered)
    status = 400 if answered.status == 400 else 502
    if text is None:
        return Refused(status, UNREACHED, OUT_OF_REACH)
    return Refused(status, text, reason(answered))
