"""A door to timers in memory, made of the core's own functions, that fails or waits as told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from franking.clock import HandClock
from franking.core.timer import LIVE, Life, Timer, TimerState
from franking.core.timer.request import Asked
from franking.core.timer.retry import Mailed, refusal
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


class MemoryTimers:
    """A `TimerDoor`. `asked` has what it was asked for; `gate` holds calls up while it is clear."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.timers: dict[str, Timer] = {}
        self.lives: dict[str, list[Life]] = {}
        self.mails: dict[str, Mailed] = {}
        self.asked: list[tuple[str, Any]] = []
        self.keys: list[Key | None] = []
        self.callers: list[str | None] = []
        self.done: list[str] = []
        self.fails: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._kept: dict[tuple[str, str], tuple[str, Any]] = {}

    async def create(
        self, timers: Sequence[NewTimer], key: Key | None = None, caller: str | None = None
    ) -> list[Timer | Exception]:
        await self._entered("create", list(timers), key, caller)
        answers: list[Timer | Exception] = self._once(key, lambda: list(map(self._create, timers)))
        return answers

    async def read(self, id: str, caller: str | None = None) -> Told:
        await self._entered("read", id, None, caller)
        return Told(self._found(id), tuple(self.lives.get(id, ())))

    async def page(self, filter: TimerFilter, limit: int, caller: str | None = None) -> Listed:
        await self._entered("page", (filter, limit), None, caller)
        newest = sorted(self.timers.values(), key=lambda timer: -timer.seq)
        found = [timer for timer in newest if _matches(timer, filter)]
        more = len(found) > limit
        return Listed(tuple(found[:limit]), found[limit - 1].seq if more else None)

    async def replace(
        self, id: str, asked: Asked, key: Key | None = None, caller: str | None = None
    ) -> Timer:
        await self._entered("replace", (id, asked), key, caller)
        replaced: Timer = self._once(key, lambda: self._replace(id, asked))
        return replaced

    async def delete(
        self, id: str, caller: str | None = None, touchpoint: str | None = None
    ) -> Timer:
        await self._entered("delete", id, None, caller)
        found = self._live(id)
        return self._write(replace(found, state=TimerState.DELETED, deleted_at=self.clock.now()))

    async def retry(
        self,
        id: str,
        *,
        force: bool = False,
        mail: Mapping[str, Any] | None = None,
        key: Key | None = None,
        caller: str | None = None,
    ) -> Timer:
        await self._entered("retry", (id, force, mail), key, caller)
        retried: Timer = self._once(key, lambda: self._retry(id, force))
        return retried

    async def _entered(self, name: str, what: Any, key: Key | None, caller: str | None) -> None:
        self.asked.append((name, what))
        self.keys.append(key)
        self.callers.append(caller)
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        self.done.append(name)

    def _once(self, key: Key | None, act: Callable[[], Any]) -> Any:
        if key is None:
            return act()
        fingerprint, answer = self._kept.get((key.scope, key.key), (key.fingerprint, None))
        if fingerprint != key.fingerprint:
            raise KeyReused("This Idempotency-Key came before with another body.")
        if answer is None:
            answer = act()
            self._kept[key.scope, key.key] = (key.fingerprint, answer)
        return answer

    def _create(self, new: NewTimer) -> Timer | Exception:
        id = new.id or self.clock.new_uuid()
        before = self.timers.get(id)
        if before is not None and before.state in LIVE:
            return TimerExists(f"Timer with id {id} already exists")
        if before is not None:
            self._buried(before, "created")
        return self._write(self._begun(id, new.asked))

    def _replace(self, id: str, asked: Asked) -> Timer:
        self._buried(self._live(id), "replaced")
        return self._write(self._begun(id, asked))

    def _retry(self, id: str, force: bool) -> Timer:
        found, now = self._found(id), self.clock.now()
        if refused := refusal(found, self.mails.get(id), now, force):
            raise TimerRefused(refused.text, refused.reason, refused.at)
        self._buried(found, "retried")
        retried = replace(
            found,
            state=TimerState.SCHEDULED,
            due_at=now,
            next_at=now,
            previous_served_at=found.served_at,
            previous_executed_at=found.executed_at,
            previous_deleted_at=found.deleted_at,
            previous_error=found.error,
            served_at=None,
            executed_at=None,
            deleted_at=None,
            error=None,
            retry_count=found.retry_count + 1,
        )
        return self._write(retried)

    def _begun(self, id: str, asked: Asked) -> Timer:
        now = self.clock.now()
        due = asked.due(now)
        scheduled = TimerState.SCHEDULED
        return Timer(
            id=id,
            state=scheduled,
            callback=asked.callback,
            due_at=due,
            created_at=now,
            data=asked.data,
            next_at=due,
            seq=len(self.timers) + 1,
        )

    def _buried(self, found: Timer, ended_by: str) -> None:
        kept = ("served_at", "executed_at", "deleted_at", "error", "retry_count")
        rest = {name: getattr(found, name) for name in kept}
        life = Life(ended_by, found.due_at, found.created_at, **rest)
        self.lives.setdefault(found.id, []).append(life)

    def _found(self, id: str) -> Timer:
        if id not in self.timers:
            raise NoTimer(f"There is no timer with id {id}")
        return self.timers[id]

    def _live(self, id: str) -> Timer:
        found = self._found(id)
        if found.state not in LIVE:
            raise NoTimer(f"There is no timer with id {id}")
        return found

    def _write(self, timer: Timer) -> Timer:
        self.timers[timer.id] = timer
        return timer


def _matches(timer: Timer, filter: TimerFilter) -> bool:
    return (
        filter.state in (None, timer.state)
        and filter.transport in (None, timer.callback.transport)
        and timer.id.startswith(filter.q or "")
        and (filter.after is None or timer.seq < filter.after)
    )
