"""Retries all touchpoints that match a filter, a bounded number of them a call, newest first.

Policy (contract cadence, section 6). A filter is required. Where the outcome of an email is unknown
it is left out, and without being asked for: the question that Retry Timer would put is for one rep
and one email, and a second press would send them all. Once the email side is out of reach, the rest
is not asked for any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from franking.core.delivery import Outcome
from franking.core.timer.retry import OUTCOME_UNKNOWN
from franking.core.touchpoint import AUTOMATED, Touchpoint
from franking.outlets.base import MOST_LOOKED, OutOfReach, Refused, RetriedMany
from franking.outlets.package import fields
from franking.outlets.package.looking import cursor
from franking.outlets.package.parts import OUT_OF_REACH, Parts
from franking.outlets.package.reach import at, members
from franking.outlets.package.retrying import UNREACHED, Retrying
from franking.stores.base import TouchpointFilter

MOST_IDS = 500
AT_ONCE = 10
NAMED = ("status", "category", "member", "q")
NAMES = (*NAMED, "ids", "after")
NOBODY = "There is no such touchpoint."
LEFT_OUT = "This email may already have been delivered. Look at it, and retry it by itself."


class RetryingMany:
    """Presses Retry for many touchpoints."""

    def __init__(self, parts: Parts, one: Retrying) -> None:
        self._parts = parts
        self._one = one

    async def retry(self, filter: Mapping[str, Any], limit: int) -> RetriedMany:
        """Retry up to `limit` that match, of so many as a look goes through; `next` says where to
        go on, also where none of those did. Raises `Refused`."""
        wanted, ids = _wanted(filter)
        next: int | None = None
        if ids is None:
            looked = await self._parts.store.look(wanted, limit, MOST_LOOKED)
            listed, next = [touchpoint.id for touchpoint in looked.touchpoints], looked.next
        else:
            listed = await self._matching(ids[:limit], wanted)
        ends = await self._all(listed)
        return _tally(ends, next)

    async def _matching(self, ids: Sequence[str], wanted: TouchpointFilter) -> list[str]:
        """Those of the ids that match the rest of the filter, or that nobody knows."""
        kept = []
        for id in dict.fromkeys(ids):
            found = await self._parts.store.read(id)
            if found is None or _matches(found[0], wanted):
                kept.append(id)
        return kept

    async def _all(self, ids: Sequence[str]) -> list[Refused | None]:
        room = asyncio.Semaphore(AT_ONCE)
        unreached = asyncio.Event()

        async def one(id: str) -> Refused | None:
            async with room:
                if unreached.is_set():
                    return Refused(502, UNREACHED, OUT_OF_REACH)
                refused = await self._retried(id)
                if refused is not None and refused.reason == OUT_OF_REACH:
                    unreached.set()
                return refused

        return list(await asyncio.gather(*(one(id) for id in ids)))

    async def _retried(self, id: str) -> Refused | None:
        """Why one was not; None where it was."""
        try:
            if await self._in_doubt(await self._parts.touchpoint(id)):
                return Refused(400, LEFT_OUT, OUTCOME_UNKNOWN)
            await self._one.retry(id, None, False)
        except OutOfReach:
            return Refused(502, UNREACHED, OUT_OF_REACH)
        except Refused as refused:
            # Its words name the one that is unknown; all such are told of together.
            return Refused(404, NOBODY, refused.reason) if refused.status == 404 else refused
        return None

    async def _in_doubt(self, touchpoint: Touchpoint) -> bool:
        if touchpoint.kind != AUTOMATED:
            return False
        if touchpoint.error_category == OUTCOME_UNKNOWN:
            return True
        path = at("v1", "mail", touchpoint.mail_id or touchpoint.id)
        answered = await self._parts.reach.sure("GET", path)
        delivery = members(answered).get("delivery")
        return isinstance(delivery, dict) and delivery.get("outcome") == Outcome.UNKNOWN


def _wanted(filter: Mapping[str, Any]) -> tuple[TouchpointFilter, list[str] | None]:
    fields.known(filter, NAMES)
    given = {name: fields.link(filter, name) for name in NAMED}
    ids = filter.get("ids")
    if ids is None and not any(given.values()):
        text = f"A filter is required: one or more of {', '.join(NAMED)}, ids."
        raise Refused(400, text, "no_filter")
    if ids is not None and given["q"] is not None:
        raise fields.wrong("q", "can't stand beside ids, which name each touchpoint already")
    after = filter.get("after")
    if after is not None and not isinstance(after, str):
        raise fields.wrong("after", "must be a string")
    return TouchpointFilter(**given, after=cursor(after)), None if ids is None else _ids(ids)


def _ids(given: Any) -> list[str]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_IDS:
        raise fields.wrong("ids", f"must be an array of 1 to {MOST_IDS} ids")
    for one in given:
        if not isinstance(one, str) or not 0 < len(one) <= fields.LINK_CHARACTERS:
            raise fields.wrong("ids", "must be an array of ids")
    return given


def _matches(touchpoint: Touchpoint, wanted: TouchpointFilter) -> bool:
    pairs = (
        (wanted.status, touchpoint.status),
        (wanted.category, touchpoint.error_category),
        (wanted.member, touchpoint.cadence_member_id),
    )
    return all(asked is None or asked == found for asked, found in pairs)


def _tally(ends: Sequence[Refused | None], next: int | None) -> RetriedMany:
    counted: dict[tuple[str, str], int] = {}
    for end in ends:
        if end is not None:
            words = (end.reason, str(end))
            counted[words] = counted.get(words, 0) + 1
    left_out = sum(n for (reason, _), n in counted.items() if reason == OUTCOME_UNKNOWN)
    refused = sum(counted.values()) - left_out
    why = tuple((reason, text, n) for (reason, text), n in counted.items())
    return RetriedMany(len(ends) - left_out - refused, left_out, refused, why, next)
