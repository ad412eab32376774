"""Touchpoints in a list: narrowed, in windows, counted, and found by their words."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from franking.core.touchpoint import Status
from franking.stores import cadence_look
from franking.stores.base import LookedTouchpoints, Store, TouchpointFilter

from .contract import Yard
from .mails import NOW
from .test_contract_cadence import child, listed, says, touchpoint

MOST = 10_000


async def looked(
    store: Store, limit: int = 20, most: int = MOST, **filter: Any
) -> LookedTouchpoints:
    return await store.cadence.look(TouchpointFilter(**filter), limit, most)


def ids(found: LookedTouchpoints) -> list[str]:
    return [one.id for one in found.touchpoints]


async def planted(store: Store) -> None:
    """t1 to t12: of two members, every third failed, t6 is deleted."""
    for n in range(1, 13):
        await store.cadence.create(
            touchpoint(
                f"t{n}",
                cadence_member_id=f"m{n % 2}",
                recipient=f"ada{n}@example.com",
                subject="Quarterly numbers" if n % 2 else "Hello",
            ),
            None,
        )
        error = {"status": "Error", "error_category": "full" if n < 7 else "gone"}
        fields: dict[str, Any] = error if n % 3 == 0 else {}
        await store.cadence.change(f"t{n}", says(**fields))
    await store.cadence.change("t6", says(deleted_at=NOW))


VALUES: dict[str, tuple[str | None, ...]] = {
    "status": (None, "Error", "Scheduled", "Nobody's"),
    "category": (None, "full", "gone"),
    "member": (None, "m0", "m1"),
    "q": (None, "quarterly", "ada", "t3"),
}


def matches(number: int, status: Any, category: Any, member: Any, q: Any) -> bool:
    failed = number % 3 == 0
    own = ("full" if number < 7 else "gone") if failed else None
    odd = number % 2 == 1
    return all(
        (
            number != 6,
            status in (None, "Error" if failed else "Scheduled"),
            category in (None, own),
            member in (None, f"m{number % 2}"),
            q in (None, "ada") or (q == "quarterly" and odd) or (q == "t3" and number == 3),
        )
    )


async def test_every_filter_finds_the_same_as_a_person_who_looks_at_all(store: Store) -> None:
    await planted(store)
    for values in itertools.product(*VALUES.values()):
        filter: dict[str, Any] = dict(zip(VALUES, values, strict=True))
        wanted = [f"t{n}" for n in range(12, 0, -1) if matches(n, *values)]
        found = await looked(store, **filter)
        assert (ids(found), found.next) == (wanted, None), filter
        assert await store.cadence.count(TouchpointFilter(**filter), MOST) == len(wanted), filter
        assert await listed(store, 20, **filter) == wanted, filter
        few = await looked(store, 2, **filter)
        rest = await looked(store, after=few.next, **filter) if few.next else LookedTouchpoints()
        assert ids(few) + ids(rest) == wanted, filter
        assert (few.next is not None) == (len(wanted) > 2), filter


async def test_what_is_looked_at_is_whole(store: Store) -> None:
    await planted(store)
    found = await store.cadence.read("t1")
    assert found is not None
    assert (await looked(store)).touchpoints[-1] == found[0]
    assert found[0].recipient == "ada1@example.com"


async def test_an_empty_store_is_looked_through(store: Store) -> None:
    filters: tuple[dict[str, Any], ...] = ({}, {"q": "a"}, {"status": "Error", "member": "m"})
    for filter in filters:
        assert await looked(store, **filter) == LookedTouchpoints()
        assert await store.cadence.count(TouchpointFilter(**filter), MOST) == 0


@pytest.mark.parametrize("filter", [{}, {"status": "Scheduled"}, {"member": "m1"}, {"q": "ada"}])
async def test_a_next_is_told_only_where_there_is_more(store: Store, filter: Any) -> None:
    for number in range(1, 4):
        await store.cadence.create(
            touchpoint(f"t{number}", cadence_member_id="m1", recipient="ada"), None
        )
    assert (await looked(store, 3, **filter)).next is None
    two = await looked(store, 2, **filter)
    assert two.next == two.touchpoints[-1].seq
    assert ids(await looked(store, 2, after=two.next, **filter)) == ["t1"]


async def test_a_look_ends_at_its_limit_and_goes_on_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cadence_look, "FIRST_WINDOW", 2)
    monkeypatch.setattr(cadence_look, "GROWTH", 2)
    await planted(store)
    filter: dict[str, Any] = {
        "member": "m1",
        "status": "Error",
    }  # of t11 t9 t7 t5 t3 t1 these are t9 and t3
    first = await looked(store, 1, 3, **filter)
    assert (ids(first), first.next) == (["t9"], 7)  # it looked at t11, t9 and t7
    second = await looked(store, 1, 1, after=first.next, **filter)
    assert (ids(second), second.next) == ([], 5)
    third = await looked(store, 1, 3, after=second.next, **filter)
    assert (ids(third), third.next) == (["t3"], None)
    assert ids(await looked(store, 5, **filter)) == ["t9", "t3"]
    assert await store.cadence.count(TouchpointFilter(**filter), 3) == 1
    assert await store.cadence.count(TouchpointFilter(q="ada"), 3) == 3


async def test_a_look_is_no_longer_than_its_limit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cadence_look, "FIRST_WINDOW", 2)
    await planted(store)
    for most in range(1, 8):
        found = await looked(store, 5, most, q="ada", status="Nobody's")
        assert (ids(found), found.next) == ([], (12, 11, 10, 9, 8, 7, 5)[most - 1])


async def test_a_page_is_filled_however_far_it_must_look(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("franking.stores.cadence.PAGE_LOOKED", 2)
    await planted(store)
    assert await listed(store, 2, category="full") == ["t3"]
    assert await listed(store, 4, member="m1", status="Error") == ["t9", "t3"]
    assert await listed(store, 3, q="ada", status="Error") == ["t12", "t9", "t3"]


async def test_deleted_ones_take_no_place_in_a_window(store: Store) -> None:
    await planted(store)
    for number in range(7, 13):
        await store.cadence.change(f"t{number}", says(deleted_at=NOW))
    filters: dict[str, tuple[dict[str, Any], ...]] = {
        "t5": ({}, {"member": "m1"}, {"q": "ada"}),
        "t3": ({"status": "Error"}, {"category": "full"}, {"q": "t3"}),
    }
    for id, filter in ((id, filter) for id, found in filters.items() for filter in found):
        assert ids(await looked(store, 1, 1, **filter)) == [id]


async def test_statuses_are_counted_also_those_that_somebody_added(store: Store) -> None:
    await planted(store)
    await store.cadence.change("t1", says(status="Somebody's “own”"))
    await store.cadence.change("t2", says(status=""))
    six = dict.fromkeys((status.value for status in Status), 0)
    own = {"Error": 3, "Scheduled": 6, "Somebody's “own”": 1, "": 1}
    assert await store.cadence.statuses(100) == six | own
    assert await store.cadence.statuses(2) == six | own | {"Error": 2, "Scheduled": 2}
    for id in ("t1", "t2"):
        await store.cadence.change(id, says(deleted_at=NOW))
    assert await store.cadence.statuses(100) == six | {"Error": 3, "Scheduled": 6}


async def test_there_is_an_end_to_statuses_and_the_six_are_within(store: Store, yard: Yard) -> None:
    for number in range(80):
        await store.cadence.create(touchpoint(f"t{number}", status=f"A{number:02d}"), None)
    await store.cadence.create(touchpoint("sent", status="Sent"), None)
    found = await store.cadence.statuses(100)
    assert len(found) == cadence_look.MOST_STATUSES + len(Status)
    assert (found["Sent"], found["A00"], found["Error"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "q",
    [
        *("a0X-1", "a0x-1", "A0X", "a0", "1", "02s00005", "m-9", "M-"),
        *("ada", "ADA@EXAMPLE.COM", "ada@ex", "example.com", "o'hara", "hara"),
        *("grüße", "GRÜSSE", "gru", "満杯", "満", "straße 満"),
        *("ada grü a0x", '"ada"', "ada*", "(ada)", "ada -com", "ada AND", "^ada"),
    ],
)
async def test_it_is_found_by_the_beginnings_of_its_words(store: Store, q: str) -> None:
    whole = touchpoint(
        "a0X-1",
        cadence_member_id="m-9",
        email_message_id="02s00005",
        recipient="Ada O'Hara <ada@example.com>",
        subject="Grüße, GRÜSSE und Straße: 満杯 and",
    )
    await store.cadence.create(whole, None)
    await store.cadence.create(touchpoint("b"), None)
    assert ids(await looked(store, q=q)) == ["a0X-1"]


@pytest.mark.parametrize(
    "q", ["0x", "dog", "ada bob", "*", '"', "-", "🎉", "''", "\0", "%", "NEAR(", "x OR ada", "~"]
)
async def test_nothing_of_what_is_looked_for_is_syntax(store: Store, q: str) -> None:
    await store.cadence.create(touchpoint("a0X-1", recipient="ada@example.com"), None)
    assert await looked(store, q=q) == LookedTouchpoints()
    assert await store.cadence.count(TouchpointFilter(q=q), MOST) == 0
    assert await listed(store, q=q) == []


@pytest.mark.parametrize("q", ["x" * 255, "ab " * 100, "a" * 13, "满" * 100])
async def test_long_words_are_looked_for(store: Store, q: str) -> None:
    await store.cadence.create(touchpoint("t1", subject="x" * 200 + " ab " + "a" * 40), None)
    wanted = ["t1"] if q[0] == "a" else []
    assert ids(await looked(store, q=q)) == wanted


async def test_it_is_found_by_the_words_that_it_has_now(store: Store) -> None:
    await store.cadence.create(touchpoint(recipient="ada", subject="one"), None)
    await store.cadence.change("t1", says(recipient="bob"))
    assert await listed(store, q="ada") == []
    assert await listed(store, q="bob one") == ["t1"]
    await store.cadence.change("t1", says(deleted_at=NOW))
    assert await listed(store, q="bob") == []
    await store.cadence.change("t1", says(deleted_at=None))
    assert await listed(store, q="bob") == ["t1"]
    await store.cadence.forget("t1")
    assert await listed(store, q="bob") == []
    await store.cadence.create(touchpoint(), None)
    assert (await listed(store, q="bob"), await listed(store, q="t1")) == ([], ["t1"])


async def test_the_children_of_many_are_read_in_their_order(store: Store) -> None:
    for id in ("t1", "t2", "t3"):
        await store.cadence.create(touchpoint(id), None)
        await store.cadence.change(id, says(child(1, id), child(2, id)) if id != "t2" else says())
    found = await store.cadence.children(["t3", "t2", "t9", "t1"])
    assert [[one.event_id for one in each] for each in found] == [
        ["t3.e2", "t3.e1"],
        [],
        [],
        ["t1.e2", "t1.e1"],
    ]
    assert await store.cadence.children([]) == []
