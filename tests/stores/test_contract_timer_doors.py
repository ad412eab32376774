"""The doors to timers and to the mails that they made: both are Retry Timer, in the same words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from franking.clock import HandClock
from franking.core.delivery import State
from franking.core.requests import CANCELLED
from franking.core.timer import Timer, TimerState
from franking.core.timer.request import Asked, BadTimer, asked
from franking.core.timer.retry import BEING_SENT, IN_DOUBT, SCHEDULED, SENT, TRIED_AGAIN
from franking.office import Conflict, Office
from franking.office.serving import Server
from franking.office.timer_door import Key, NewTimer, NoTimer, TimerExists, TimerRefused
from franking.stores.base import Filter, NotFound, Once, Replay, Store, Stored, TimerFilter

from .mails import HOUR, LEASE_MS, claimed, ended, raw, stored, transmitting
from .timers import DOCUMENT, lives, no_timer_is_stuck, read

C, V, X, F, D = TimerState
PRESS = 4_000


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def office(store: Store, clock: HandClock) -> Office:
    return Office(store, clock, lambda: None)


def wanted(document: Any = DOCUMENT, transport: str = "mail") -> Asked:
    callback = {"transport": transport, "method": "post", "uri": "http://a.example/"}
    return asked({"timeout": raw(1), "callback": raw(callback), "data": raw(document)})


async def create(office: Office, id: str = "m1", **fields: Any) -> Timer | Exception:
    [found] = await office.timers.create([NewTimer(wanted(**fields), id)])
    return found


async def served(office: Office, store: Store, clock: HandClock) -> None:
    """The timer m1, its mail waiting."""
    assert isinstance(await create(office), Timer)
    clock.advance(1)
    assert await serve(store, clock) == 1


async def serve(store: Store, clock: HandClock) -> int:
    return await store.timers.serve_mails(clock.now(), 9, Server(clock.now(), clock.new_id))


async def end(store: Store, clock: HandClock, how: str) -> None:
    take = transmitting if how in ("doubted", "sent") else claimed
    await store.settle([ended(await take(store, clock.now()), how, clock.now())])


# Each door that a person may press Retry at, by what it is given.
Press = Callable[[Office], Awaitable[Any]]
DOORS: dict[str, Press] = {
    "POST /v1/mail/m1/retry": lambda office: office.retry("m1"),
    "PATCH state RETRY": lambda office: office.patch("m1", {"delivery": {"state": "RETRY"}}),
    "PATCH state PENDING": lambda office: office.patch("m1", {"delivery": {"state": "PENDING"}}),
    "PATCH delivery null": lambda office: office.patch("m1", {"delivery": None}),
    "PUT delivery null": lambda office: office.put("m1", {**DOCUMENT, "delivery": None}),
}
every_door = pytest.mark.parametrize("press", DOORS.values(), ids=DOORS.keys())


async def bulk(office: Office, force: bool = False, **filter: Any) -> Any:
    found = await office.retry_many(Filter(**filter), force=force)
    assert not isinstance(found, Replay)
    return (found.retried, found.left_out, found.refused, sorted(found.why))


@every_door
@pytest.mark.parametrize(
    ("ends", "reason", "words"),
    [
        ((), "scheduled", SCHEDULED),
        (("deferred",), "tried_again", TRIED_AGAIN),
        (("sent",), "already_sent", SENT),
    ],
)
async def test_a_refusal_has_the_timers_words(
    store: Store,
    office: Office,
    clock: HandClock,
    press: Press,
    ends: tuple[str, ...],
    reason: str,
    words: str,
) -> None:
    await served(office, store, clock)
    for how in ends:
        await end(store, clock, how)
    before = await stored(store), await read(store, "m1")
    with pytest.raises(Conflict) as caught:
        await press(office)
    assert (str(caught.value), caught.value.reason) == (words, reason)
    with pytest.raises(TimerRefused) as same:
        await office.timers.retry("m1")
    assert (str(same.value), same.value.reason) == (words, reason)
    assert (await stored(store), await read(store, "m1")) == before


@every_door
async def test_what_is_being_sent_is_refused(
    store: Store, office: Office, clock: HandClock, press: Press
) -> None:
    await served(office, store, clock)
    await claimed(store, clock.now())
    with pytest.raises(Conflict) as caught:
        await press(office)
    assert (str(caught.value), caught.value.reason) == (BEING_SENT, "being_sent")


@every_door
async def test_a_failed_mail_goes_again_and_its_timer_tells(
    store: Store, office: Office, clock: HandClock, press: Press
) -> None:
    await served(office, store, clock)
    await end(store, clock, "failed")
    before = await read(store, "m1")
    clock.advance(HOUR)
    await press(office)
    found = await read(store, "m1")
    assert (found.state, found.retry_count, found.served_at) == (V, 1, clock.now())
    assert (found.executed_at, found.error, found.next_at) == (None, None, None)
    assert (found.previous_served_at, found.previous_executed_at, found.previous_error) == (
        before.served_at,
        before.executed_at,
        "Error: 550 no",
    )
    assert [life.ended_by for life in await lives(store, "m1")] == ["retried"]
    assert await serve(store, clock) == 0  # it was, in that very transaction
    await end(store, clock, "sent")
    assert (await read(store, "m1")).state is X
    await no_timer_is_stuck(store, clock.now())


@every_door
async def test_an_unknown_outcome_takes_two_presses_at_any_doors(
    store: Store, office: Office, clock: HandClock, press: Press
) -> None:
    await served(office, store, clock)
    await end(store, clock, "doubted")
    before = await stored(store)
    with pytest.raises(Conflict) as caught:
        await press(office)
    assert (str(caught.value), caught.value.reason) == (IN_DOUBT, "outcome_unknown")
    assert (await stored(store)).mail == before.mail
    clock.advance(1_000)
    with pytest.raises(TimerRefused):  # a double click, at the other door
        await office.timers.retry("m1")
    clock.advance(PRESS)
    await press(office)
    assert (await read(store, "m1")).retry_count == 1
    assert (await read(store, "m1")).asked_at is None


async def test_force_asks_nothing(store: Store, office: Office, clock: HandClock) -> None:
    await served(office, store, clock)
    await end(store, clock, "doubted")
    await office.retry("m1", force=True)
    assert (await read(store, "m1")).state is V


async def test_force_sends_nothing_twice(store: Store, office: Office, clock: HandClock) -> None:
    await served(office, store, clock)
    await end(store, clock, "sent")
    with pytest.raises(Conflict, match=SENT):
        await office.retry("m1", force=True)


def raising(result: Any) -> bytes:
    for one in result if isinstance(result, list) else [result]:
        if isinstance(one, Exception):
            raise one
    return b"done"


@pytest.mark.parametrize("keys", [("k1", "k1"), ("k1", "k2")])
async def test_two_presses_under_keys_are_two_presses(
    store: Store, office: Office, clock: HandClock, keys: tuple[str, str]
) -> None:
    """What was refused leaves its key free, but that the question was put is kept."""
    await served(office, store, clock)
    await end(store, clock, "doubted")
    with pytest.raises(TimerRefused):
        await office.timers.retry("m1", key=Key(keys[0], "s", "f"))
    clock.advance(PRESS)
    assert (await office.timers.retry("m1", key=Key(keys[1], "s", "f"))).retry_count == 1
    again = await office.timers.retry("m1", key=Key(keys[1], "s", "f"))
    assert (again.retry_count, (await read(store, "m1")).retry_count) == (1, 1)


async def test_so_are_two_presses_under_keys_at_the_mails_door(
    store: Store, office: Office, clock: HandClock
) -> None:
    once = Once("s", "k1", "f", clock.now(), raising)
    await served(office, store, clock)
    await end(store, clock, "doubted")
    with pytest.raises(Conflict, match="Press Retry again"):
        await office.retry("m1", once=once)
    clock.advance(PRESS)
    assert isinstance(await office.retry("m1", once=once), Stored)
    assert isinstance(await office.retry("m1", once=once), Replay)
    assert (await read(store, "m1")).retry_count == 1


# -- many at once


async def test_many_are_retried_through_their_timers(
    store: Store, office: Office, clock: HandClock
) -> None:
    await served(office, store, clock)
    await end(store, clock, "failed")
    assert await bulk(office, state="ERROR") == (1, 0, 0, [])
    found = await read(store, "m1")
    assert (found.state, found.retry_count) == (V, 1)
    assert await bulk(office, state="RETRY") == (0, 0, 1, ["tried_again"])


@pytest.mark.parametrize("presses", [1, 5])
async def test_a_question_to_many_is_nobodys(
    store: Store, office: Office, clock: HandClock, presses: int
) -> None:
    """Neither does it count as a press, nor is it answered by one."""
    await served(office, store, clock)
    await end(store, clock, "doubted")
    for _ in range(presses):
        assert await bulk(office, state="ERROR") == (0, 1, 0, ["outcome_unknown"])
        clock.advance(PRESS)
    assert (await read(store, "m1")).asked_at is None
    with pytest.raises(Conflict):
        await office.retry("m1")
    clock.advance(PRESS)
    assert await bulk(office, category="outcome_unknown") == (0, 1, 0, ["outcome_unknown"])
    assert await bulk(office, force=True, category="outcome_unknown") == (1, 0, 0, [])


async def test_many_that_were_sent_stay_sent(
    store: Store, office: Office, clock: HandClock
) -> None:
    await served(office, store, clock)
    await end(store, clock, "sent")
    assert await bulk(office, force=True, state="SUCCESS") == (0, 1, 0, ["already_sent"])


# -- deleted, replaced


async def test_a_mail_that_waits_goes_with_its_timer(
    store: Store, office: Office, clock: HandClock
) -> None:
    await served(office, store, clock)
    await office.delete("m1")
    assert (await read(store, "m1")).state is D
    with pytest.raises(NotFound):
        await office.read("m1")
    found = await office.timers.retry("m1")
    assert (found.state, found.retry_count) == (C, 1)
    assert await serve(store, clock) == 1
    assert (await stored(store)).mail.delivery.state is State.PENDING


@pytest.mark.parametrize("change", ["delete", "replace"])
@pytest.mark.parametrize("ends", [(), ("deferred",)])
async def test_a_mail_that_waits_never_goes_once_its_timer_is_gone(
    store: Store, office: Office, clock: HandClock, change: str, ends: tuple[str, ...]
) -> None:
    await served(office, store, clock)
    for how in ends:
        await end(store, clock, how)
    timers = office.timers
    await (timers.delete("m1") if change == "delete" else timers.replace("m1", wanted()))
    after = (await stored(store)).mail.delivery
    assert (after.state, after.error) == (State.ERROR, CANCELLED)
    assert await store.claim(clock.now() + HOUR, 9, LEASE_MS) == []
    await no_timer_is_stuck(store, clock.now())


@pytest.mark.parametrize("change", ["delete", "replace"])
async def test_a_timer_whose_mail_is_being_sent_stays(
    store: Store, office: Office, clock: HandClock, change: str
) -> None:
    await served(office, store, clock)
    await claimed(store, clock.now())
    asks = (
        office.timers.delete("m1") if change == "delete" else office.timers.replace("m1", wanted())
    )
    with pytest.raises(TimerRefused, match=BEING_SENT):
        await asks


@pytest.mark.parametrize("change", ["delete", "replace"])
async def test_a_deleted_timer_leaves_a_foreign_mail_alone(
    store: Store, office: Office, clock: HandClock, change: str
) -> None:
    await create(office)
    await office.put("m1", dict(DOCUMENT))
    await (
        office.timers.delete("m1") if change == "delete" else office.timers.replace("m1", wanted())
    )
    assert (await stored(store)).mail.delivery.state is State.PENDING
    await claimed(store, clock.now())
    if change == "replace":  # nor is it refused while that is being sent
        assert (await office.timers.delete("m1")).state is D


@pytest.mark.parametrize("state", ["deleted", "executed", "failed", "unknown"])
async def test_what_has_ended_is_neither_deleted_nor_replaced(
    store: Store, office: Office, clock: HandClock, state: str
) -> None:
    if state != "unknown":
        await served(office, store, clock)
        if state == "deleted":
            await office.timers.delete("m1")
        else:
            await end(store, clock, "sent" if state == "executed" else "failed")
    for ask in (office.timers.delete("m1"), office.timers.replace("m1", wanted())):
        with pytest.raises(NoTimer, match="no timer with id m1 that could still be changed"):
            await ask


# -- an id that is used again


async def test_what_was_sent_in_an_earlier_life_does_not_forbid_a_retry(
    store: Store, office: Office, clock: HandClock
) -> None:
    await served(office, store, clock)
    await end(store, clock, "sent")
    await create(office)
    await office.timers.delete("m1")
    assert (await office.timers.retry("m1")).state is C
    assert await serve(store, clock) == 1
    assert (await stored(store)).mail.delivery.state is State.PENDING


@pytest.mark.parametrize("ended_too", [False, True])
async def test_a_mail_of_an_earlier_life_leaves_a_webhook_of_its_id_alone(
    store: Store, office: Office, clock: HandClock, ended_too: bool
) -> None:
    await served(office, store, clock)
    await end(store, clock, "failed")
    await create(office, transport="http", document="x")
    if ended_too:
        await office.timers.delete("m1")
    before = await read(store, "m1")
    await office.retry("m1")
    assert (await stored(store)).mail.delivery.state is State.RETRY
    await end(store, clock, "sent")
    await office.delete("m1")
    assert await read(store, "m1") == before
    await no_timer_is_stuck(store, clock.now())


# -- Retry Timer with other fields


async def test_fields_are_merged_into_what_was_never_served(
    store: Store, office: Office, clock: HandClock
) -> None:
    await create(office)
    await office.timers.delete("m1")
    patch = {"to": "new@b.example", "message": {"subject": None, "html": "<p>"}}
    with pytest.raises(BadTimer, match=r"message\.subject"):
        await office.timers.retry("m1", mail=patch)
    await office.timers.retry("m1", mail={"to": "new@b.example"})
    await serve(store, clock)
    assert b"new@b.example" in bytes((await stored(store)).document)


async def test_fields_are_merged_into_the_mail_as_it_stands(
    store: Store, office: Office, clock: HandClock
) -> None:
    await served(office, store, clock)
    await end(store, clock, "failed")
    before = await read(store, "m1")
    with pytest.raises(BadTimer):
        await office.timers.retry("m1", mail={"to": 5})
    assert await read(store, "m1") == before
    await office.timers.retry("m1", mail={"to": "new@b.example"})
    assert b"new@b.example" in bytes((await stored(store)).document)
    await serve(store, clock)
    assert (await stored(store)).mail.delivery.state is State.RETRY


async def test_what_calls_out_has_no_mail_to_merge_into(office: Office) -> None:
    await create(office, transport="http", document="x")
    await office.timers.delete("m1")
    with pytest.raises(BadTimer, match="the transport http has none"):
        await office.timers.retry("m1", mail={"to": "a@b.example"})


# -- created


async def test_a_batch_is_answered_one_by_one(office: Office, store: Store) -> None:
    await create(office, "taken")
    batch = [NewTimer(wanted(), id) for id in ("a", "", "taken", "x/y", "a", "b")]
    for key in (None, Key("k", "s", "f")):
        found = await office.timers.create(batch, key)
        kinds = [type(one).__name__ for one in found]
        first = "Timer" if key is None else "TimerExists"
        assert kinds == [first, "BadTimer", "TimerExists", "BadTimer", "TimerExists", first]
    again = await office.timers.create(batch, Key("k", "s", "f"))
    assert [type(one) for one in again] == [type(one) for one in found]
    assert [str(one) for one in again] == [str(one) for one in found]
    assert len(await store.timers.page(TimerFilter(), 9)) == 3


@pytest.mark.parametrize("key", [None, Key("k", "s", "f")])
async def test_an_id_that_is_taken_is_an_answer(office: Office, key: Key | None) -> None:
    await create(office)
    [found] = await office.timers.create([NewTimer(wanted(), "m1")], key)
    assert isinstance(found, TimerExists)
    await office.timers.delete("m1")
    [found] = await office.timers.create([NewTimer(wanted(), "m1")], key)
    assert isinstance(found, Timer)


async def test_a_timer_without_an_id_gets_one(office: Office) -> None:
    key = Key("k", "s", "f")
    [first] = await office.timers.create([NewTimer(wanted())], key)
    [again] = await office.timers.create([NewTimer(wanted())], key)
    assert isinstance(first, Timer)
    assert again == first
    assert (await office.timers.read(first.id)).timer == replace(
        first, seq=(await office.timers.read(first.id)).timer.seq
    )


async def test_pages_lead_on_to_the_next(office: Office) -> None:
    for n in range(3):
        await create(office, f"m{n}")
    first = await office.timers.page(TimerFilter(), 2)
    rest = await office.timers.page(TimerFilter(after=first.next), 2)
    assert ([t.id for t in first.timers], [t.id for t in rest.timers]) == (["m2", "m1"], ["m0"])
    assert rest.next is None


async def test_whoever_waits_hears_when_a_timer_is_due(store: Store, clock: HandClock) -> None:
    heard: list[int] = []
    office = Office(store, clock, lambda: None, due=heard.append)
    await create(office)
    await office.timers.replace("m1", wanted())
    await office.timers.delete("m1")
    clock.advance(LEASE_MS)
    await office.timers.retry("m1")
    assert heard == [clock.now() - LEASE_MS + 1] * 2 + [clock.now()]


async def test_nobody_finds_what_is_not_there(office: Office) -> None:
    for ask in (office.timers.read("m1"), office.timers.retry("m1")):
        with pytest.raises(NoTimer, match="There is no timer with id m1"):
            await ask
