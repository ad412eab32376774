"""What the package shows in lists: bounded, counted, and refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from franking.outlets.base import Refused
from franking.outlets.package import EmbeddedPackage, looking, retrying_many
from franking.stores.base import Store

from .conftest import automated, event, manual
from .side import EmailSide

RETRY = "POST /timer/{}/retry"


async def planted(package: EmbeddedPackage, number: int = 6) -> None:
    """t1 to t6; t2 and t5 failed."""
    for n in range(1, number + 1):
        await automated(package, f"t{n}")
        if n in (2, 5):
            await package.take(event(touchpointId=f"t{n}", eventId=f"e{n}"))


async def test_a_look_goes_through_so_many_and_says_where_it_ended(
    package: EmbeddedPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_LOOKED", 3)
    await planted(package)
    first = await package.look({"member": "m1", "status": "Error"}, 10)
    assert [t.id for t in first.touchpoints] == ["t5"]
    after = str(first.next)
    rest = await package.look({"member": "m1", "status": "Error", "after": after}, 10)
    assert ([t.id for t in rest.touchpoints], rest.next) == (["t2"], 1) or rest.next is None
    assert await package.count({"member": "m1", "status": "Error"}) == 1
    assert await package.count({"q": "ada"}) == 3


async def test_statuses_are_counted_to_their_limit(
    package: EmbeddedPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await planted(package)
    await manual(package, "m")
    found = await package.statuses()
    assert {name: n for name, n in found.items() if n} == {
        "Scheduled": 4,
        "Error": 2,
        "Pending Manual Send": 1,
    }
    assert len(found) == 6
    monkeypatch.setattr(looking, "MOST_STATUS", 3)
    assert (await package.statuses())["Scheduled"] == 3


@pytest.mark.parametrize("filter", [{"state": "x"}, {"after": "x"}, {"after": "-1"}])
async def test_what_is_wrong_is_refused(package: EmbeddedPackage, filter: Any) -> None:
    for asked in (package.look(filter, 10), package.page(filter, 10), package.count(filter)):
        with pytest.raises(Refused, match=next(iter(filter))):
            await asked


async def test_a_page_has_each_with_its_own_children_in_two_reads(
    package: EmbeddedPackage, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await planted(package)
    reads = 0
    rows: Any = store.cadence
    read = rows._read

    async def counted(script: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(script)

    monkeypatch.setattr(store.cadence, "_read", counted)
    found = await package.page({}, 10)
    assert [(one.touchpoint.id, len(one.children)) for one in found] == [
        *(("t6", 0), ("t5", 1), ("t4", 0), ("t3", 0), ("t2", 1), ("t1", 0))
    ]
    assert reads == 2


async def test_many_are_retried_by_their_words(package: EmbeddedPackage, side: EmailSide) -> None:
    await planted(package)
    tally = await package.retry_many({"q": "ada@example", "status": "Error"}, 500)
    assert (tally.accepted, tally.next) == (2, None)
    assert (await package.retry_many({"q": "bob"}, 500)).accepted == 0
    assert (await package.retry_many({"q": "***"}, 500)).accepted == 0
    assert len(side.asked(RETRY)) == 2


async def test_words_do_not_stand_beside_ids(package: EmbeddedPackage, side: EmailSide) -> None:
    await planted(package)
    with pytest.raises(Refused, match="'q'"):
        await package.retry_many({"q": "ada", "ids": ["t2"]}, 500)
    assert side.asked(RETRY) == []


async def test_few_among_many_are_retried_call_by_call_until_there_is_no_next(
    package: EmbeddedPackage, side: EmailSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying_many, "MOST_LOOKED", 2)
    await planted(package)
    accepted, after, calls = [], None, 0
    while calls < 10:
        filter = {"member": "m1", "status": "Error"} | ({"after": after} if after else {})
        tally = await package.retry_many(filter, 500)
        accepted.append(tally.accepted)
        calls += 1
        if tally.next is None:
            break
        after = str(tally.next)
    assert accepted[:3] == [1, 0, 1]
    assert calls in (3, 4)
    assert sorted(path for _, path, *_ in side.asked(RETRY)) == [
        *("/timer/t2/retry", "/timer/t5/retry")
    ]
