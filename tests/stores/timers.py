"""New timers, and what people, workers and the clock ask of them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from franking.clock import HandClock
from franking.core import requests
from franking.core.attempt import Lease
from franking.core.delivery import WAITING
from franking.core.timer import Callback, Life, Timer, TimerEnd, TimerState, Try
from franking.core.timer.lanes import lane
from franking.office.serving import Server
from franking.stores.base import Change, FreshTimer, Store, Stored, TimerChange

from .mails import LEASE_MS, NOW, claimed, ended, raw, transmitting

DOCUMENT = {"to": "a@b.example", "message": {"subject": "s", "text": "t"}}
NO_RECIPIENT = {"message": {"subject": "s", "text": "t"}}
CHANCE = HandClock()
SHARE = 100


def timer(id: str = "t1", uri: str = "http://a.example/", **fields: Any) -> FreshTimer:
    """A timer due now; `transport` is http."""
    callback = Callback(fields.pop("transport", "http"), "post", uri)
    made = FreshTimer(id, callback, lane(callback), NOW, NOW)
    return replace(made, **fields)


def mail_timer(id: str = "m1", document: Any = DOCUMENT, **fields: Any) -> FreshTimer:
    """A timer that makes a mail."""
    return timer(id, "", **{"transport": "mail", "data": raw(document), **fields})


async def created(store: Store, *timers: FreshTimer) -> list[Timer]:
    """All of them, which nothing refused."""
    found = await store.timers.create(timers)
    assert isinstance(found, list)
    assert [one for one in found if isinstance(one, Exception)] == []
    return [one for one in found if isinstance(one, Timer)]


async def read(store: Store, id: str = "t1") -> Timer:
    return (await told(store, id))[0]


async def lives(store: Store, id: str = "t1") -> tuple[Life, ...]:
    return (await told(store, id))[1]


async def told(store: Store, id: str) -> tuple[Timer, tuple[Life, ...]]:
    found = await store.timers.read(id)
    assert found is not None
    return found


async def leased(store: Store, at: int = NOW, **room: int) -> list[Timer]:
    """Every due timer that calls out, under a lease."""
    return await store.timers.claim(at, 1_000, LEASE_MS, room, SHARE)


async def one_leased(store: Store, at: int = NOW) -> Timer:
    [found] = await leased(store, at)
    return found


async def served(store: Store, at: int = NOW) -> int:
    """Hand every due timer over that makes a mail, as the engine does."""
    return await store.timers.serve_mails(at, 1_000, Server(at, CHANCE.new_id))


def lease(timer: Timer) -> Lease:
    return Lease(timer.seq, timer.epoch)


def executed(timer: Timer, at: int = NOW) -> TimerEnd:
    return TimerEnd(timer.seq, timer.epoch, TimerState.EXECUTED, at)


def failed(timer: Timer, at: int = NOW, error: str = "404") -> TimerEnd:
    tried = Try(timer.attempt, at, error)
    return TimerEnd(timer.seq, timer.epoch, TimerState.FAILED, at, error, None, tried)


def put_off(timer: Timer, next_at: int, at: int = NOW, error: str = "503") -> TimerEnd:
    tried = Try(timer.attempt, at, error)
    return TimerEnd(timer.seq, timer.epoch, TimerState.SERVED, at, None, next_at, tried)


async def asked(store: Store, change: TimerChange, id: str = "t1") -> Timer | Exception | None:
    """Write a change as it stands."""
    found = await store.timers.change(id, lambda timer, mail: change)
    assert found is None or isinstance(found, Timer | Exception)
    return found


async def retried(store: Store, id: str = "t1", at: int = NOW, **fields: Any) -> Timer:
    found = await asked(store, TimerChange("retried", at, **fields), id)
    assert isinstance(found, Timer)
    return found


async def replaced(store: Store, fresh: FreshTimer, at: int = NOW) -> Timer:
    change = TimerChange("replaced", at, fresh=replace(fresh, created_at=at))
    return await _changed(store, fresh.id, change)


async def deleted(store: Store, id: str = "t1", at: int = NOW) -> Timer:
    return await _changed(store, id, TimerChange("deleted", at))


async def _changed(store: Store, id: str, change: TimerChange) -> Timer:
    """With the end of a mail that waits, as the office does."""

    def decide(timer: Timer | None, mail: Stored | None) -> TimerChange:
        if mail is None or mail.mail.delivery.state not in WAITING:
            return change
        ended = Change(delivery=requests.cancelled(mail.mail.delivery, change.now))
        return replace(change, mail=ended)

    found = await store.timers.change(id, decide)
    assert isinstance(found, Timer)
    return found


async def no_timer_is_stuck(store: Store, at: int = NOW) -> None:
    """With no grace at all."""
    assert (await store.counts(at, 0)).stuck == []


async def brought_to(store: Store, how: TimerState) -> Timer:
    """The timer t1, which has ended so at NOW + 1."""
    await created(store, timer(data=raw("old")))
    if how is TimerState.DELETED:
        return await deleted(store, at=NOW + 1)
    [found] = await leased(store)
    end = executed(found, NOW + 1) if how is TimerState.EXECUTED else failed(found, NOW + 1)
    assert await store.timers.end([end]) == [True]
    return await read(store)


async def under_way(store: Store, document: Any = DOCUMENT) -> Timer:
    """The timer m1, served, its mail waiting."""
    await created(store, mail_timer(document=document))
    assert await served(store) == 1
    return await read(store, "m1")


async def mail_ended(store: Store, how: str, at: int) -> None:
    """The one mail that is due was sent, or failed, or is in doubt."""
    take = claimed if how == "failed" else transmitting
    assert await store.settle([ended(await take(store, at), how, at)]) == [True]
