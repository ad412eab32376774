"""Timers handed over as mails: one transaction with the mail's, at its beginning and at its end."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.bounce import Filing, Proof
from franking.core.delivery import CONNECTION_LOST, LEASE_EXPIRED, Outcome, State
from franking.core.endings import waited_out
from franking.core.proof import proved_sent
from franking.core.timer import Timer, TimerState
from franking.office.serving import FOREIGN, Server
from franking.stores import timer_serving
from franking.stores.base import Change, Store, Stored, Unserved

from .mails import (
    HOUR,
    LEASE_MS,
    MINUTE,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    kinds,
    mail,
    stored,
    swept,
    transmitting,
)
from .timers import (
    CHANCE,
    DOCUMENT,
    NO_RECIPIENT,
    created,
    deleted,
    mail_ended,
    mail_timer,
    no_timer_is_stuck,
    read,
    served,
    timer,
    under_way,
)

C, V, X, F, D = TimerState
EXPIRY = NOW + LEASE_MS
LATE = EXPIRY + 5


# -- served


async def test_a_due_timer_is_a_mail_with_its_id(store: Store) -> None:
    await created(store, mail_timer(due_at=NOW))
    assert await served(store, NOW + 5) == 1
    found, kept = await read(store, "m1"), await stored(store)
    assert (found.state, found.served_at, found.next_at, found.attempt) == (V, NOW + 5, None, 1)
    assert (kept.mail.delivery.state, kept.mail.delivery.due_at) == (State.PENDING, NOW + 5)
    assert (kept.mail.timed, kept.timer) == (1, replace(found, data=None))
    assert (await claimed(store, NOW + 5)).mail.id == "m1"
    await no_timer_is_stuck(store)


async def test_a_timer_is_no_mail_before_its_time(store: Store) -> None:
    await created(store, mail_timer(due_at=NOW + 1))
    assert await served(store) == 0
    assert await store.read("m1") is None
    assert await store.timers.next_mail_due() == NOW + 1


async def test_a_timer_is_served_once(store: Store) -> None:
    await under_way(store)
    assert [await served(store, NOW + HOUR) for _ in range(2)] == [0, 0]
    assert await store.timers.next_mail_due() is None


async def test_no_more_are_served_than_asked_for(store: Store) -> None:
    await created(store, *[mail_timer(f"m{n}", due_at=NOW - 9 + n) for n in range(5)])
    server = Server(NOW, CHANCE.new_id)
    assert [await store.timers.serve_mails(NOW, 2, server) for _ in range(4)] == [2, 2, 1, 0]
    assert [c.mail.id for c in await store.claim(NOW, 9, LEASE_MS)] == [f"m{n}" for n in range(5)]


async def test_so_many_bytes_are_served_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer_serving, "BYTES_AT_ONCE", 100)
    await created(store, *[mail_timer(f"m{n}") for n in range(3)])
    assert [await served(store) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize(
    "document", [DOCUMENT, '{"to":"a@b.example","message":{"subject":"s","text":"t"}}']
)
async def test_a_document_may_be_the_text_of_one(store: Store, document: Any) -> None:
    await under_way(store, document)
    assert b'"to":"a@b.example"' in bytes((await stored(store)).document)


async def test_the_old_smtp_transport_makes_a_mail_too(store: Store) -> None:  # case 55
    message = {"to": "a@b.example", "from": "c@d.example", "text": "hello world"}
    await created(store, mail_timer(document=message, transport="smtp"))
    assert await served(store) == 1
    assert (await delivery(store)).state is State.PENDING


async def test_a_mails_own_due_time_still_counts(store: Store) -> None:
    await under_way(store, {**DOCUMENT, "sendAt": "2030-01-01T00:00:00Z"})
    assert (await delivery(store)).waiting_for == "sendAt"
    assert await store.claim(NOW + HOUR, 9, LEASE_MS) == []
    await no_timer_is_stuck(store)


async def test_a_foreign_mail_is_not_touched_and_the_timer_fails(store: Store) -> None:
    await created(store, mail_timer())
    await store.submit([mail()])
    before = await stored(store)
    assert await served(store, NOW + 5) == 1
    found = await read(store, "m1")
    assert (found.state, found.executed_at, found.next_at) == (F, NOW + 5, None)
    assert found.error == FOREIGN.format("m1")
    assert await stored(store) == before
    await no_timer_is_stuck(store)


async def test_a_refused_document_fails_at_once_with_its_error_and_an_event(store: Store) -> None:
    await created(store, mail_timer(document=NO_RECIPIENT), mail_timer("m2"))
    assert await served(store, NOW + 5) == 2
    found, kept = await read(store, "m1"), await delivery(store)
    assert (found.state, found.served_at, found.executed_at) == (F, NOW + 5, NOW + 5)
    assert found.error == kept.error
    assert "at least one recipient" in (found.error or "")
    assert await kinds(store) == ["email_Error"]
    assert (await read(store, "m2")).state is V
    await no_timer_is_stuck(store)


@pytest.mark.parametrize(("state", "end"), [("SUCCESS", X), ("ERROR", F), ("DONE", F)])
async def test_a_preset_delivery_ends_the_timer_at_once(
    store: Store, state: str, end: TimerState
) -> None:
    await under_way(store, {**DOCUMENT, "delivery": {"state": state}})
    found = await read(store, "m1")
    assert (found.state, found.executed_at) == (end, NOW)
    await no_timer_is_stuck(store)


@pytest.mark.parametrize("broken", ["raises", "is taken", "has no priority"])
async def test_one_broken_row_is_put_off_and_the_others_served(store: Store, broken: str) -> None:
    serve = Server(NOW, CHANCE.new_id)
    await store.submit([mail("taken", due_at=NOW + HOUR)])

    def trips(timer: Timer, found: Stored | None) -> Change | Unserved:
        wanted = serve(timer, found)
        if timer.id != "m1" or isinstance(wanted, Unserved) or wanted.insert is None:
            return wanted
        if broken == "raises":
            raise LookupError("a bug")
        if broken == "is taken":
            return Change(insert=replace(wanted.insert, id="taken"))
        return Change(insert=replace(wanted.insert, priority=None))

    await created(store, *[mail_timer(f"m{n}") for n in range(3)])
    before = await read(store, "m1")
    assert await store.timers.serve_mails(NOW, 9, trips) == 3
    assert await read(store, "m1") == replace(before, next_at=NOW + MINUTE)
    assert [(await read(store, id)).state for id in ("m0", "m2")] == [V, V]
    assert await store.timers.next_mail_due() == NOW + MINUTE
    await no_timer_is_stuck(store)
    assert await served(store, NOW + MINUTE) == 1
    assert (await delivery(store)).state is State.PENDING


async def test_what_can_not_be_served_for_a_day_has_failed(store: Store) -> None:
    def trips(timer: Timer, found: Stored | None) -> Change | Unserved:
        raise LookupError("a bug")

    await created(store, mail_timer())
    day = NOW + 24 * HOUR
    assert await store.timers.serve_mails(day - 1, 9, trips) == 1
    assert (await read(store, "m1")).state is C
    assert await store.timers.serve_mails(day + MINUTE, 9, trips) == 1
    found = await read(store, "m1")
    assert (found.state, found.executed_at) == (F, day + MINUTE)
    assert found.error == "Error: The timer could not be handed over: a bug"
    await no_timer_is_stuck(store)


# -- ended with its mail, in the transaction that settles it


async def expired(store: Store) -> None:
    await transmitting(store)
    assert await swept(store, LATE) == 1


async def given_up(store: Store) -> None:
    def decide(found: Stored | None) -> Change:
        assert found is not None
        return Change(delivery=waited_out(found.mail.delivery, LATE))

    await changed(store, Change(delivery=replace(await delivery(store), give_up_at=NOW)))
    assert await store.give_up(LATE, 9, decide) == 1


ENDINGS = [
    (partial(mail_ended, how="sent", at=LATE), X, None),
    (partial(mail_ended, how="failed", at=LATE), F, "Error: 550 no"),
    (
        partial(mail_ended, how="doubted", at=LATE),
        F,
        CONNECTION_LOST,
    ),
    (expired, F, LEASE_EXPIRED),
    (given_up, F, "Error: Not sent within the time it may wait."),
]


@pytest.mark.parametrize(("end", "state", "error"), ENDINGS, ids=lambda value: str(value)[:20])
async def test_a_timer_ends_with_its_mail(
    store: Store, end: Any, state: TimerState, error: str | None
) -> None:
    before = await under_way(store)
    await end(store)
    after = await read(store, "m1")
    assert after == replace(before, state=state, executed_at=LATE, error=error)
    await no_timer_is_stuck(store, LATE)


@pytest.mark.parametrize("how", ["deferred", "returned", "lapsed"])
async def test_a_timer_goes_on_while_its_mail_does(store: Store, how: str) -> None:
    before = await under_way(store)
    await store.settle([ended(await claimed(store), how, LATE)])
    assert await read(store, "m1") == before
    await no_timer_is_stuck(store, LATE)


async def test_one_settlement_of_a_batch_ends_one_timer(store: Store) -> None:
    await created(store, mail_timer("m1"), mail_timer("m2"), timer("t1"))
    await served(store)
    await store.submit([mail("t1")])
    one, other, foreign = sorted(await store.claim(NOW, 9, LEASE_MS), key=lambda c: c.mail.id)
    ends = [
        ended(one, "failed", LATE),
        ended(other, "deferred", LATE),
        ended(foreign, "sent", LATE),
    ]
    await store.settle(ends)
    states = [(await read(store, id)).state for id in ("m1", "m2", "t1")]
    assert states == [F, V, C]


async def test_a_lost_lease_ends_no_timer(store: Store) -> None:
    before = await under_way(store)
    first = await claimed(store)
    await swept(store, EXPIRY)
    await claimed(store, EXPIRY)
    await store.settle([ended(first, "failed", LATE)])
    assert await read(store, "m1") == before


@pytest.mark.parametrize("way", ["in doubt", "released"])
async def test_late_proof_that_it_was_sent_executes(store: Store, way: str) -> None:
    await under_way(store)
    first = await (transmitting if way == "in doubt" else claimed)(store)
    await swept(store, EXPIRY)
    assert (await read(store, "m1")).state is (F if way == "in doubt" else V)
    await store.settle([ended(first, "sent", LATE)])
    after = await read(store, "m1")
    assert (after.state, after.executed_at, after.error) == (X, LATE, None)
    await no_timer_is_stuck(store, LATE)


async def test_late_proof_that_it_was_not_sent_keeps_the_fault(store: Store) -> None:
    await under_way(store)
    first = await transmitting(store)
    await swept(store, EXPIRY)
    await store.settle([ended(first, "failed", LATE)])
    after = await read(store, "m1")
    assert (after.state, after.executed_at, after.error) == (F, LATE, "Error: 550 no")


async def test_a_bounce_that_proves_it_sent_executes(store: Store) -> None:
    await under_way(store)
    await mail_ended(store, "doubted", LATE)
    token = (await stored(store)).mail.message_token
    assert (await delivery(store)).outcome is Outcome.UNKNOWN

    def decide(message_id: str, candidates: Any, known: Any) -> Filing:
        [found] = candidates
        proved = proved_sent(found.delivery, None, LATE)
        return Filing(proofs=(Proof(found.seq, proved, None),))

    assert await store.returns.file([f"<{token}@franking.example>"], decide) is not None
    after = await read(store, "m1")
    assert (after.state, after.executed_at, after.error) == (X, LATE, None)


async def test_an_end_of_the_mail_does_not_wake_what_was_deleted(store: Store) -> None:
    await under_way(store)
    first = await claimed(store)
    await swept(store, EXPIRY)
    await deleted(store, "m1", EXPIRY)
    before = await read(store, "m1")
    await store.settle([ended(first, "failed", LATE)])
    assert await read(store, "m1") == before
