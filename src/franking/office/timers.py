"""The door to the timers of a store: create, look up, replace, delete, and Retry Timer.

Policy. What is asked is checked before anything is written, and written in one transaction that
reads the timer and its mail. A timer between two tries, or whose mail waits, may be replaced and
deleted: what is still to come is dropped, and the mail says so. One whose mail is being sent may
not, for nobody could tell what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.core import merging, requests, smtp_message
from franking.core.delivery import WAITING, State
from franking.core.ids import unfit
from franking.core.message import options, trouble
from franking.core.timer import LIVE, MAIL, MAILED, SMTP, Timer
from franking.core.timer.kept import decoded, encoded
from franking.core.timer.lanes import lane
from franking.core.timer.request import Asked, BadTimer, checked_id
from franking.core.timer.retry import BEING_SENT, OUTCOME_UNKNOWN, Mailed, doubt_asked_at, refusal
from franking.office import drafts
from franking.office.drafts import Draft
from franking.office.refusals import Invalid
from franking.office.serving import document_of
from franking.office.timer_door import (
    Key,
    Listed,
    NewTimer,
    NoTimer,
    TimerExists,
    TimerRefused,
    Told,
)
from franking.stores.base import (
    AlreadyExists,
    Change,
    DecideTimer,
    FreshTimer,
    Once,
    Replay,
    Store,
    Stored,
    TimerChange,
    TimerFilter,
)

NONE = "There is no timer with id {} that could still be changed."
UNKNOWN = "There is no timer with id {}."


class Timers:
    """`franking.office.timer_door.TimerDoor` in this process; `due` hears when one is due."""

    def __init__(self, store: Store, clock: Clock, due: Callable[[int], None]) -> None:
        self._store = store.timers
        self._clock = clock
        self._due = due

    async def create(
        self, timers: Sequence[NewTimer], key: Key | None = None, caller: str | None = None
    ) -> list[Timer | Exception]:
        now = self._clock.now()
        results: list[Timer | Exception | FreshTimer] = [self._fresh(t, now) for t in timers]
        wanted = [fresh for fresh in results if isinstance(fresh, FreshTimer)]
        found = await self._store.create(wanted, _once(key, now, _kept_all))
        if isinstance(found, Replay):
            found = _all(found)
        answers = iter(found)
        told = [next(answers) if isinstance(r, FreshTimer) else r for r in results]
        if wanted:
            self._due(min(fresh.due_at for fresh in wanted))
        return [TimerExists(str(t)) if isinstance(t, AlreadyExists) else t for t in told]

    async def read(self, id: str, caller: str | None = None) -> Told:
        found = await self._store.read(id)
        if found is None:
            raise NoTimer(UNKNOWN.format(id))
        return Told(*found)

    async def page(self, filter: TimerFilter, limit: int, caller: str | None = None) -> Listed:
        found = await self._store.page(filter, limit)
        return Listed(tuple(found), found[-1].seq if len(found) == limit else None)

    async def replace(
        self, id: str, asked: Asked, key: Key | None = None, caller: str | None = None
    ) -> Timer:
        now = self._clock.now()
        fresh = self._fresh(NewTimer(asked, id), now)
        if isinstance(fresh, Exception):
            raise fresh

        def decide(timer: Timer | None, mail: Stored | None) -> TimerChange:
            _changeable(id, timer, mail)
            return TimerChange("replaced", now, fresh=fresh, mail=_cancelled(mail, now))

        return await self._change(id, decide, key, now)

    async def delete(
        self, id: str, caller: str | None = None, touchpoint: str | None = None
    ) -> Timer:
        now = self._clock.now()

        def decide(timer: Timer | None, mail: Stored | None) -> TimerChange:
            _through_its_touchpoint(timer, touchpoint)
            _changeable(id, timer, mail)
            return TimerChange("deleted", now, mail=_cancelled(mail, now))

        return await self._change(id, decide, None, now)

    async def retry(
        self,
        id: str,
        *,
        force: bool = False,
        mail: Mapping[str, Any] | None = None,
        key: Key | None = None,
        caller: str | None = None,
    ) -> Timer:
        now = self._clock.now()
        draft = Draft(id, now, self._clock.new_id)

        def decide(timer: Timer | None, stored: Stored | None) -> TimerChange:
            if timer is None:
                raise NoTimer(UNKNOWN.format(id))
            refused = _refused(timer, stored, now, force)
            return refused or _retried(draft, timer, stored, mail)

        return await self._change(id, decide, key, now)

    def _fresh(self, new: NewTimer, now: int) -> FreshTimer | BadTimer:
        callback = new.asked.callback
        id = self._clock.new_uuid() if new.id is None else new.id
        try:
            checked_id(id)
        except BadTimer as error:
            return error
        why = unfit(id, "A mail") if callback.transport in MAILED else None
        if why is not None:
            return BadTimer(f"x-timer-id: the mail gets it. {why}")
        return FreshTimer(id, callback, lane(callback), new.asked.due(now), now, new.asked.data)

    async def _change(self, id: str, decide: DecideTimer, key: Key | None, now: int) -> Timer:
        found = await self._store.change(id, decide, _once(key, now, _kept))
        if isinstance(found, Replay):
            return decoded(found.answer)
        if isinstance(found, Exception):
            raise found
        if found is None:
            raise NoTimer(UNKNOWN.format(id))
        if found.next_at is not None:
            self._due(found.next_at)
        return found


def _changeable(id: str, timer: Timer | None, mail: Stored | None) -> None:
    """May it still be replaced or deleted? Raises `NoTimer`, `TimerRefused`."""
    if timer is None or timer.state not in LIVE:
        raise NoTimer(NONE.format(id))
    if mail is not None and mail.mail.delivery.state is State.PROCESSING:
        raise TimerRefused(BEING_SENT, "being_sent")


def _through_its_touchpoint(timer: Timer | None, touchpoint: str | None) -> None:
    """Raises `TimerRefused` where it has a touchpoint that was not named."""
    if timer is None or not timer.mailed:
        return
    own = options(document_of(timer) or {}).touchpoint_id
    if own is not None and own != touchpoint:
        raise TimerRefused(drafts.BY_TOUCHPOINT, "touchpoint")


def _cancelled(mail: Stored | None, now: int) -> Change | None:
    """A mail that still waits never goes."""
    if mail is None or mail.mail.delivery.state not in WAITING:
        return None
    return Change(delivery=requests.cancelled(mail.mail.delivery, now))


def _refused(timer: Timer, mail: Stored | None, now: int, force: bool) -> TimerChange | None:
    """Raises `TimerRefused`, or writes that the question was put and then does."""
    mailed = None if mail is None else Mailed(mail.mail.delivery, mail.mail.hold)
    found = refusal(timer, mailed, now, force)
    if found is None:
        return None
    refused = TimerRefused(found.text, found.reason, found.at)
    if found.reason != OUTCOME_UNKNOWN:
        raise refused
    at = doubt_asked_at(timer, now)
    return TimerChange("asked", now, asked_at=at, refuse=refused)


def _retried(
    draft: Draft, timer: Timer, stored: Stored | None, mail: Mapping[str, Any] | None
) -> TimerChange:
    """Due now, with `mail` merged into what it hands over."""
    change = TimerChange("retried", draft.now)
    if mail is None:
        return change
    if not timer.mailed:
        raise BadTimer(f"mail can't be merged: the transport {timer.callback.transport} has none")
    try:
        if stored is not None and stored.mail.timed == timer.revision:
            return replace(change, mail=drafts.mended(draft, stored, dict(mail)))
        return replace(change, data=_mended(timer, mail))
    except Invalid as error:
        raise BadTimer(str(error)) from error


def _mended(timer: Timer, mail: Mapping[str, Any]) -> msgspec.Raw:
    """The data of a timer that was never served, with the fields merged in."""
    given = document_of(timer) if timer.callback.transport == MAIL else _message_of(timer)
    merged = merging.merged(given or {}, dict(mail))
    made = smtp_message.document(merged) if timer.callback.transport == SMTP else merged
    text = trouble(made)
    if text is not None:
        raise Invalid(text)
    return msgspec.Raw(msgspec.json.encode(merged))


def _message_of(timer: Timer) -> dict[str, Any]:
    value = None if timer.data is None else msgspec.json.decode(timer.data)
    found = msgspec.json.decode(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _once(key: Key | None, now: int, answer: Callable[[Any], bytes]) -> Once | None:
    return None if key is None else Once(key.scope, key.key, key.fingerprint, now, answer)


def _kept(result: Any) -> bytes:
    """The timer as it is kept for repeats; what was refused is raised, and its key stays free."""
    if isinstance(result, Exception):
        raise result
    return encoded(result)


def _kept_all(results: list[Timer | Exception]) -> bytes:
    if len(results) == 1 and isinstance(results[0], Exception):
        raise results[0]
    told = [_refused_as(r) if isinstance(r, Exception) else encoded(r) for r in results]
    return msgspec.json.encode([msgspec.Raw(one) for one in told])


def _refused_as(error: Exception) -> bytes:
    return msgspec.json.encode({"refused": str(error)})


def _all(replay: Replay) -> list[Timer | Exception]:
    found = msgspec.json.decode(replay.answer, type=list[msgspec.Raw])
    return [_one_of(entry) for entry in found]


def _one_of(entry: msgspec.Raw) -> Timer | Exception:
    refused = msgspec.json.decode(entry).get("refused")
    return decoded(bytes(entry)) if refused is None else AlreadyExists(refused)
