"""A door to timers in memory, which tells what it was asked for; and bare requests to HTTP's side.

It is here to refuse as no real one does when asked, and to be out of reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from franking.clock import HandClock
from franking.core.timer import LIVE, Life, Timer, TimerState
from franking.core.timer.request import Asked
from franking.office.timer_door import (
    Key,
    Listed,
    NewTimer,
    NoTimer,
    TimerExists,
    TimerFilter,
    TimerRefused,
    Told,
)
from franking.stores.base import KeyReused


class TimersAtHand:
    """A `TimerDoor`. `broken`, where set, is what every call raises; `calls` what was asked."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._answers: dict[tuple[str, str], tuple[str, Any]] = {}
        self.timers: dict[str, Timer] = {}
        self.lives: dict[str, tuple[Life, ...]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.broken: Exception | None = None

    async def create(
        self, timers: Sequence[NewTimer], key: Key | None = None, caller: str | None = None
    ) -> list[Timer | Exception]:
        self._asked("create", tuple(new.id for new in timers), key, caller)
        if key is None:
            return [self._created(new) for new in timers]
        [new] = timers
        return [self._once(key, lambda: self._created(new))]

    async def read(self, id: str, caller: str | None = None) -> Told:
        self._asked("read", id, None, caller)
        return Told(self._found(id), self.lives.get(id, ()))

    async def page(self, filter: TimerFilter, limit: int, caller: str | None = None) -> Listed:
        self._asked("page", filter, None, caller)
        newest = sorted(self.timers.values(), key=lambda timer: -timer.seq)
        found = [timer for timer in newest if _matches(timer, filter)]
        more = len(found) > limit
        return Listed(tuple(found[:limit]), found[limit - 1].seq if more else None)

    async def replace(
        self, id: str, asked: Asked, key: Key | None = None, caller: str | None = None
    ) -> Timer:
        self._asked("replace", id, key, caller)
        self._live(id)
        replaced: Timer = self._once(key, lambda: self._put(NewTimer(asked, id)))
        return replaced

    async def delete(
        self, id: str, caller: str | None = None, touchpoint: str | None = None
    ) -> Timer:
        self._asked("delete", id, None, caller)
        ended = replace(self._live(id), state=TimerState.DELETED, deleted_at=self._clock.now())
        self.timers[id] = ended
        return ended

    async def retry(
        self,
        id: str,
        *,
        force: bool = False,
        mail: Mapping[str, Any] | None = None,
        key: Key | None = None,
        caller: str | None = None,
    ) -> Timer:
        self._asked("retry", id, key, caller, force, mail)
        retried: Timer = self._once(key, lambda: self._retried(id))
        return retried

    def _asked(self, *call: Any) -> None:
        self.calls.append(call)
        if self.broken is not None:
            raise self.broken

    def _once(self, key: Key | None, work: Any) -> Any:
        if key is None:
            return work()
        place = (key.scope, key.key)
        fingerprint, answer = self._answers.get(place, (key.fingerprint, None))
        if fingerprint != key.fingerprint:
            raise KeyReused("This Idempotency-Key came before with another body.")
        if answer is None:
            answer = work()
            self._answers[place] = (key.fingerprint, answer)
        return answer

    def _created(self, new: NewTimer) -> Timer | Exception:
        assert new.id is not None
        before = self.timers.get(new.id)
        if before is not None and before.state in LIVE:
            return TimerExists(f"Timer with id {new.id} already exists")
        return self._put(new)

    def _put(self, new: NewTimer) -> Timer:
        assert new.id is not None
        now = self._clock.now()
        timer = Timer(
            id=new.id,
            state=TimerState.SCHEDULED,
            callback=new.asked.callback,
            due_at=new.asked.due(now),
            created_at=now,
            data=new.asked.data,
            seq=len(self.timers) + 1,
        )
        self.timers[new.id] = timer
        return timer

    def _retried(self, id: str) -> Timer:
        timer = self._found(id)
        if timer.state in LIVE:
            text = "This timer is already scheduled to be sent."
            raise TimerRefused(text, "scheduled", timer.due_at)
        again = replace(timer, state=TimerState.SCHEDULED, retry_count=timer.retry_count + 1)
        self.timers[id] = again
        return again

    def _live(self, id: str) -> Timer:
        timer = self._found(id)
        if timer.state not in LIVE:
            raise NoTimer(f"Timer with id {id} has ended")
        return timer

    def _found(self, id: str) -> Timer:
        if id not in self.timers:
            raise NoTimer(f"There is no timer with id {id}")
        return self.timers[id]


class Said(msgspec.Struct, frozen=True):
    """What an ASGI app answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def said(
    app: Any,
    method: str,
    raw_path: bytes,
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: bytes = b"",
    peer: tuple[str, int] | None = ("127.0.0.1", 5),
    host: bytes | None = b"127.0.0.1:8025",
) -> Said:
    """What is answered to a request that no client library would send, or not so soon."""
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path,
        "query_string": b"",
        "headers": [*([] if host is None else [(b"host", host)]), *headers],
        "client": peer,
    }
    await app(scope, receive, send)
    start, *parts = answered
    read = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Said(start["status"], read, b"".join(part["body"] for part in parts))


def _matches(timer: Timer, filter: TimerFilter) -> bool:
    return (
        filter.state in (None, timer.state)
        and filter.transport in (None, timer.callback.transport)
        and timer.id.startswith(filter.q or "")
        and (filter.after is None or timer.seq < filter.after)
    )
