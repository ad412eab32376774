"""The agreement check: touchpoints against the mails' own record, and missing events sent again.

Policy. The record is read in several steps while mails go on, so a difference counts once it was
seen twice in the same record. Only the embedded package's rows are compared: what an org of
Salesforce holds can't be read. To repair is to tell missing events again, those that were told and
lost and those that are parked; the package applies each once. Where an event of a touchpoint waits,
nothing is sent again until it was heard: an older one must not come beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from franking.clock import Clock
from franking.core.touchpoint import ConquerError, Told, Touchpoint
from franking.core.touchpoint.agreeing import (
    Difference,
    Finding,
    Record,
    Recorded,
    compare,
    told,
)
from franking.stores.base import Filter, Store, TouchpointFilter, Unheard

MOST_EVENTS = 1_000
# A record that changes each time it is read is not quiet enough to be judged.
MOST_LOOKS = 3
TOO_MANY = "It has more events than can be compared."


class Disagreement(msgspec.Struct, frozen=True):
    """A touchpoint that shows something else than its mails' record says."""

    touchpoint: Touchpoint
    finding: Finding


class Checked(msgspec.Struct, frozen=True):
    """A page of touchpoints, compared. `next` is where to go on, `newest` the last there is;
    `resent` is how many events are told again."""

    disagreements: tuple[Disagreement, ...]
    compared: int
    next: int | None
    newest: int
    resent: int = 0


class _Seen(msgspec.Struct, frozen=True):
    touchpoint: Touchpoint
    children: tuple[ConquerError, ...]
    record: Record
    full: bool


class Agreement:
    """Compares and repairs, a page of touchpoints a call, oldest first."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake

    async def check(self, after: int, limit: int) -> Checked:
        """What differs among the touchpoints made after the one numbered `after`."""
        found = await self._store.cadence.after(after, limit + 1)
        page = found[:limit]
        disagreements = []
        for touchpoint in page:
            if differs := await self._judged(touchpoint.id):
                disagreements.append(differs)
        newest = await self._store.cadence.page(TouchpointFilter(), 1)
        next = page[-1].seq if len(found) > limit else None
        last = max(one.seq for one in (*newest, *page)) if newest or page else 0
        return Checked(tuple(disagreements), len(page), next, last)

    async def repair(self, after: int, limit: int) -> Checked:
        """As `check`, and the missing events of what differs are told again."""
        checked = await self.check(after, limit)
        resent = 0
        for one in checked.disagreements:
            resent += await self._tell_again(one.finding.missing)
        if resent:
            self._wake()
        return msgspec.structs.replace(checked, resent=resent)

    async def _tell_again(self, missing: tuple[Recorded, ...]) -> int:
        if any(event.state == "waiting" for event in missing):
            return 0
        now = self._clock.now()
        lost = [event.seq for event in missing if event.state is None]
        if lost:
            await self._store.outbox.report_again(lost, now)
        for event in missing:
            if event.state == "parked":
                await self._store.outbox.resend(event.seq, None, now, 1)
        return len(missing)

    async def _judged(self, id: str) -> Disagreement | None:
        """What differs, seen twice in the same record; None where nothing does."""
        differs: Disagreement | None = None
        before: _Seen | None = None
        for _ in range(MOST_LOOKS):
            seen = await self._look(id)
            if seen is None or not (finding := _finding(seen)).differences:
                return None
            differs = Disagreement(seen.touchpoint, finding)
            if seen == before:
                break
            before = seen
        return differs

    async def _look(self, id: str) -> _Seen | None:
        """A touchpoint with its record; None where it is gone."""
        found = await self._store.cadence.read(id)
        if found is None or found[0].deleted_at is not None:
            return None
        touchpoint, children = found
        timer = await self._store.timers.read(touchpoint.timer_id or id)
        mails = await self._store.page(Filter(touchpoint=id), 1)
        events = await self._store.outbox.events_of(id, MOST_EVENTS)
        unheard = await self._store.outbox.page(None, id, None, MOST_EVENTS)
        waits = {one.seq: one for one in unheard}
        read = [
            _recorded(e.seq, e.kind, heard, waits.get(e.seq))
            for e in events
            if (heard := told(e.kind, e.body, e.id, e.sequence, e.occurred_at)) is not None
        ]
        count = None if timer is None else timer[0].retry_count
        mail = mails[0].mail.delivery if mails else None
        return _Seen(
            touchpoint, children, Record(tuple(read), count, mail), len(events) >= MOST_EVENTS
        )


def _recorded(seq: int, kind: str, heard: Told, unheard: Unheard | None) -> Recorded:
    if unheard is None:
        return Recorded(seq, kind, heard)
    return Recorded(seq, kind, heard, unheard.state, unheard.error)


def _finding(seen: _Seen) -> Finding:
    if seen.full:
        return Finding((Difference("events", None, None, TOO_MANY),))
    return compare(seen.touchpoint, seen.children, seen.record)
