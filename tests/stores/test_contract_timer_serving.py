"""Due timers that call out: leased by lane, counted before the call, ended under a fence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core.attempt import Lease
from franking.core.timer import TimerState, Try
from franking.core.timer.calls import WORKER_LOST
from franking.stores import timer_serving
from franking.stores.base import Store

from .contract import Yard
from .mails import HOUR, LEASE_MS, NOW, raw, together
from .timers import (
    SHARE,
    created,
    deleted,
    executed,
    failed,
    lease,
    leased,
    mail_timer,
    no_timer_is_stuck,
    one_leased,
    put_off,
    read,
    replaced,
    retried,
    timer,
)

C, V, X, F, D = TimerState
A, B = "http a.example:80", "http b.example:80"
EXPIRY = NOW + LEASE_MS


async def two_receivers(store: Store, of_a: int, of_b: int) -> None:
    """Due timers of two lanes; a's have waited longer."""
    await created(store, *[timer(f"a{n}", due_at=NOW - 9) for n in range(of_a)])
    await created(store, *[timer(f"b{n}", "http://b.example/") for n in range(of_b)])


async def claimed(store: Store, limit: int, share: int, at: int = NOW, **room: int) -> list[str]:
    lanes = {"a": A, "b": B, "mail": "mail"}
    named = {lanes[name]: free for name, free in room.items()}
    found = await store.timers.claim(at, limit, LEASE_MS, named, share)
    return sorted(t.id for t in found)


# -- claimed


async def test_a_due_timer_is_leased_and_its_call_counted(store: Store) -> None:
    await created(store, timer(data=raw("x")))
    found = await one_leased(store, NOW + 5)
    assert (found.state, found.served_at, found.attempt) == (V, NOW + 5, 1)
    assert (found.next_at, found.tries) == (NOW + 5 + LEASE_MS, ())
    assert found.epoch > 0
    assert await read(store) == found
    assert await leased(store, NOW + 5) == []
    await no_timer_is_stuck(store)


async def test_a_timer_is_not_leased_before_its_time(store: Store) -> None:
    await created(store, timer(due_at=NOW + 1))
    assert await leased(store, NOW) == []
    assert len(await leased(store, NOW + 1)) == 1


async def test_what_makes_a_mail_is_not_called(store: Store) -> None:
    await created(store, mail_timer())
    assert await claimed(store, 9, 9, mail=9) == []


async def test_no_two_leases_share_an_epoch(store: Store) -> None:
    await two_receivers(store, 5, 5)
    first = await leased(store)
    again = await leased(store, EXPIRY)
    epochs = [t.epoch for t in first + again]
    assert len({*epochs}) == len(epochs) == 20
    assert min(t.epoch for t in again) > max(t.epoch for t in first)


async def test_of_workers_at_once_one_gets_each_timer(store: Store) -> None:
    await two_receivers(store, 20, 20)
    wishes = [store.timers.claim(NOW, 15, LEASE_MS, {}, SHARE) for _ in range(5)]
    found = [t.id for lot in await together(store, wishes) for t in lot]
    assert len(found) == len({*found}) == 40


@pytest.mark.parametrize(
    ("limit", "share", "room", "of_a", "of_b"),
    [
        (99, 99, {}, 5, 5),
        (99, 2, {}, 2, 2),  # of each as many as its share
        (99, 2, {"a": 4}, 4, 2),  # of each as many as there is room for
        (99, 2, {"a": 1, "b": 3}, 1, 3),
        (99, 2, {"a": 0}, 0, 2),  # a full lane is left out
        (99, 2, {"a": -3, "b": 0}, 0, 0),
        (3, 99, {}, 3, 0),  # no more than asked for, the longest due first
        (7, 99, {}, 5, 2),
        (0, 99, {}, 0, 0),
    ],
)
async def test_each_lane_gets_its_part(
    store: Store, limit: int, share: int, room: dict[str, int], of_a: int, of_b: int
) -> None:
    await two_receivers(store, 5, 5)
    found = await claimed(store, limit, share, **room)
    assert ([id[0] for id in found].count("a"), [id[0] for id in found].count("b")) == (of_a, of_b)


async def test_what_was_left_in_its_lane_is_claimed_next(store: Store) -> None:
    await two_receivers(store, 5, 0)
    found = [await claimed(store, 2, 9) for _ in range(4)]
    assert [len(lot) for lot in found] == [2, 2, 1, 0]
    await no_timer_is_stuck(store)


async def test_of_a_lane_the_longest_due_come_first(store: Store) -> None:
    due = {"late": NOW - 3, "later": NOW - 2, "latest": NOW - 1}
    await created(store, *[timer(id, due_at=at) for id, at in reversed(due.items())])
    assert [await claimed(store, 1, 9) for _ in due] == [["late"], ["later"], ["latest"]]


async def test_many_lanes_are_all_served(store: Store) -> None:
    count = timer_serving.LANES_AT_ONCE * 2 + 1
    await created(store, *[timer(f"t{n}", f"http://h{n}/") for n in range(count)])
    found = [len(await leased(store)) for _ in range(4)]
    assert (sum(found), found[-1]) == (count, 0)


async def test_a_claim_takes_so_many_bytes_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer_serving, "BYTES_AT_ONCE", 100)
    small = [timer(f"s{n}", data=raw("x" * 38), due_at=NOW - 9 + n) for n in range(3)]
    await created(store, *small, timer("big", data=raw("x" * 1_000), due_at=NOW - 1))
    await created(store, timer("b", "http://b.example/"))
    found = [[t.id for t in await leased(store)] for _ in range(4)]
    # Three of forty bytes reach the limit; the big one is taken all the same, alone.
    assert found == [["s0", "s1", "s2"], ["big"], ["b"], []]
    await no_timer_is_stuck(store)


# -- when to look again


async def test_the_next_that_is_due_is_known(store: Store) -> None:
    assert await store.timers.next_due([]) is None
    await created(store, timer("a", due_at=NOW + 5), timer("b", "http://b.example/"))
    assert [await store.timers.next_due(full) for full in ([], [B], [A, B])] == [NOW, NOW + 5, None]


async def test_a_lease_is_looked_at_when_it_ends(store: Store) -> None:
    await created(store, timer(), timer("later", due_at=NOW + HOUR))
    await leased(store)
    assert await store.timers.next_due([]) == EXPIRY


@pytest.mark.parametrize("way", ["created", "replaced", "retried", "put off"])
async def test_a_later_one_in_its_lane_hides_no_earlier(store: Store, way: str) -> None:
    await created(store, timer())
    found = await one_leased(store)
    if way == "retried":
        await store.timers.end([failed(found)])
    await created(store, timer("first", due_at=NOW - 9))
    if way == "created":
        await created(store, timer("later", due_at=NOW + HOUR))
    elif way == "replaced":
        await replaced(store, timer(due_at=NOW + HOUR))
    elif way == "retried":
        await retried(store, at=NOW)
    else:
        await store.timers.end([put_off(found, NOW + HOUR)])
    assert await store.timers.next_due([]) == NOW - 9
    await no_timer_is_stuck(store, NOW - 9)


async def test_a_lane_that_is_done_is_gone(store: Store, yard: Yard) -> None:
    await created(store, timer())
    await store.timers.end([executed(await one_leased(store))])
    assert await leased(store, EXPIRY) == []
    assert await store.timers.next_due([]) is None
    assert yard.count("timer_lane") == 0


async def test_mails_and_calls_are_waited_for_apart(store: Store) -> None:
    await created(store, mail_timer("m2", due_at=NOW + 7), timer(due_at=NOW + 9))
    assert (await store.timers.next_due([]), await store.timers.next_mail_due()) == (
        NOW + 9,
        NOW + 7,
    )


# -- ended


async def test_a_call_that_was_taken_is_executed(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([executed(found, NOW + 3)]) == [True]
    after = await read(store)
    assert after == replace(found, state=X, executed_at=NOW + 3, next_at=None)
    await no_timer_is_stuck(store, NOW + HOUR)


async def test_a_call_that_failed_keeps_its_error(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([failed(found, NOW + 3, "404 'no'")]) == [True]
    after = await read(store)
    assert (after.state, after.executed_at, after.error) == (F, NOW + 3, "404 'no'")
    assert (after.next_at, after.tries) == (None, (Try(1, NOW + 3, "404 'no'"),))


async def test_a_call_that_is_tried_again_wakes_its_lane(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([put_off(found, NOW + 9, NOW + 3)]) == [True]
    after = await read(store)
    assert (after.state, after.executed_at, after.error) == (V, None, None)
    assert (after.next_at, after.tries) == (NOW + 9, (Try(1, NOW + 3, "503"),))
    assert await store.timers.next_due([]) == NOW + 9
    again = await one_leased(store, NOW + 9)
    assert (again.attempt, again.served_at, again.tries) == (2, NOW, after.tries)
    assert again.epoch > found.epoch


async def test_a_later_call_that_is_taken_leaves_the_tries(store: Store) -> None:
    await created(store, timer())
    await store.timers.end([put_off(await one_leased(store), NOW + 9)])
    await store.timers.end([executed(await one_leased(store, NOW + 9), NOW + 10)])
    after = await read(store)
    assert (after.state, after.error, len(after.tries), after.attempt) == (X, None, 1, 2)


async def test_each_end_of_a_batch_is_its_own(store: Store) -> None:
    await created(store, *[timer(f"t{n}") for n in range(4)])
    a, b, c, d = await leased(store)
    lost = replace(executed(c), epoch=c.epoch + 100)
    ends = [executed(a), failed(b), lost, put_off(d, NOW + 9)]
    assert await store.timers.end(ends) == [True, True, False, True]
    assert [(await read(store, t.id)).state for t in (a, b, c, d)] == [X, F, V, V]
    assert await read(store, c.id) == c
    await no_timer_is_stuck(store)


async def test_workers_that_end_at_once_each_hear_their_own(store: Store) -> None:
    await created(store, *[timer(f"t{n}") for n in range(6)])
    found = await leased(store)
    await deleted(store, found[2].id)
    answers = await together(store, [store.timers.end([executed(t)]) for t in found])
    assert answers == [[True], [True], [False], [True], [True], [True]]


async def test_an_end_is_written_once(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([executed(found)]) == [True]
    before = await read(store)
    assert await store.timers.end([failed(found, NOW + 5)]) == [False]
    assert await read(store) == before


async def test_an_end_after_the_retry_is_too_late(store: Store) -> None:
    """The retry keeps the epoch: it is the state that shuts the old worker out."""
    await created(store, timer())
    found = await one_leased(store)
    await store.timers.end([failed(found)])
    before = await retried(store)
    assert await store.timers.end([executed(found)]) == [False]
    assert await store.timers.renew([lease(found)], NOW + HOUR) == [False]
    assert await read(store) == before


async def test_an_end_for_a_timer_that_never_was(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([replace(executed(found), seq=999)]) == [False]
    assert await store.timers.end([]) == []


# -- leases


async def test_a_lease_that_holds_ends_later(store: Store) -> None:
    await created(store, timer("t1"), timer("t2"))
    one, other = await leased(store)
    lost = Lease(other.seq, other.epoch + 1)
    assert await store.timers.renew([lease(one), lost], EXPIRY + 5) == [True, False]
    assert [t.id for t in await leased(store, EXPIRY + 4)] == [other.id]
    assert [t.id for t in await leased(store, EXPIRY + 5)] == [one.id]
    assert await store.timers.renew([], NOW) == []


async def test_a_renewed_lease_that_ended_on_time_lost_nothing(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    await store.timers.renew([lease(found)], EXPIRY + 5)
    assert await leased(store, EXPIRY) == []
    assert await store.timers.next_due([]) == EXPIRY + 5
    assert await store.timers.end([executed(found, EXPIRY)]) == [True]


async def test_a_call_that_ended_and_is_tried_again_has_no_lease_to_renew(store: Store) -> None:
    """A renewal that comes after the end would bring the lease back, and lose a try by it."""
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([put_off(found, NOW + HOUR)]) == [True]
    assert await store.timers.renew([lease(found)], EXPIRY + 5) == [False]
    assert await store.timers.end([put_off(found, NOW + 2 * HOUR)]) == [False]
    assert await leased(store, EXPIRY + 5) == []
    again = await one_leased(store, NOW + HOUR)
    assert [tried.attempt for tried in again.tries] == [1]


async def test_a_lease_that_ran_out_is_a_lost_try(store: Store) -> None:
    await created(store, timer())
    first = await one_leased(store)
    assert await leased(store, EXPIRY - 1) == []
    second = await one_leased(store, EXPIRY + 3)
    assert (second.attempt, second.served_at) == (2, NOW)
    assert second.tries == (Try(1, EXPIRY, WORKER_LOST),)
    assert await store.timers.end([executed(first, EXPIRY + 4)]) == [False]
    assert await store.timers.end([executed(second, EXPIRY + 4)]) == [True]


async def test_every_lease_that_ran_out_is_counted(store: Store) -> None:
    await created(store, timer())
    await store.timers.end([put_off(await one_leased(store), NOW + 9)])
    for lost in range(3):
        await one_leased(store, NOW + 9 + lost * LEASE_MS)
    after = await one_leased(store, NOW + 9 + 3 * LEASE_MS)
    assert [t.attempt for t in after.tries] == [1, 2, 3, 4]
    assert [t.error for t in after.tries] == ["503", *[WORKER_LOST] * 3]
    assert after.attempt == 5


async def test_an_end_after_the_lease_but_before_the_next_still_counts(store: Store) -> None:
    await created(store, timer())
    found = await one_leased(store)
    assert await store.timers.end([executed(found, EXPIRY + 60)]) == [True]
    assert await leased(store, EXPIRY + 60) == []


async def test_a_slow_receiver_holds_up_no_other(store: Store) -> None:
    await two_receivers(store, 3, 1)
    await claimed(store, 9, 9)
    await created(store, timer("next of b", "http://b.example/", due_at=NOW + 1))
    assert await claimed(store, 9, 9, NOW + 1, a=0) == ["next of b"]
    assert await store.timers.next_due([A]) == EXPIRY


# -- an address that no database keeps as it is


async def test_a_timer_is_served_whatever_its_address(store: Store) -> None:
    odd = [
        "http://a\x00b/",
        "http://[::1",
        "",
        "\x00",
        "http://a\u2028b/",
        'http://"/',
        "http://'/",
    ]
    await created(store, *[timer(f"t{n}", uri) for n, uri in enumerate(odd)])
    await replaced(store, timer("t0", odd[0]))
    await no_timer_is_stuck(store)
    found = await leased(store)
    # PostgreSQL has no U+0000 in a text.
    assert {t.callback.uri.replace("\x00", "\ufffd") for t in found} == {
        uri.replace("\x00", "\ufffd") for uri in odd
    }
    assert await store.timers.next_due([]) == EXPIRY
