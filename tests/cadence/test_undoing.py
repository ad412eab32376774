"""Creations of which nobody knows: found out, or undone once, and never what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from franking.outlets.base import Refused
from franking.outlets.package import EmbeddedPackage
from franking.stores.base import Store

from .conftest import automated, event
from .side import BROKEN, GONE, LOST, EmailSide, answer

Rows = Callable[[], list[Any]]
EMPTY: list[Any] = [[], []]


async def test_a_timer_that_was_made_though_nobody_said_so_is_kept(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    side.troubles["POST /timer"].append(LOST)
    assert (await automated(package)).touchpoint.status == "Scheduled"
    assert (set(side.timers), await store.cadence.unfinished(10)) == ({"t1"}, [])


async def test_an_earlier_timer_of_that_id_is_not_taken_for_it(
    package: EmbeddedPackage, side: EmailSide, rows: Rows
) -> None:
    for earlier in ({"state": "executed", "createdAt": "2000-01-01T00:00:00.000Z"}, {}):
        side.timers["t1"] = earlier
        side.troubles["POST /timer"].append(GONE)
        with pytest.raises(Refused, match="out of reach"):
            await automated(package)
        assert rows() == EMPTY


async def test_what_was_sent_before_it_could_be_undone_is_there_again(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    side.troubles["POST /timer"].append(LOST)
    side.troubles["GET /timer/{}"].append(GONE)
    side.troubles["DELETE /timer/{}"].append(GONE)
    with pytest.raises(Refused, match="out of reach"):
        await automated(package)
    with pytest.raises(Refused, match="Nobody knows yet") as waits:
        await package.take(event("email_Sent", mailId="t1"))
    assert waits.value.status == 503
    side.timers["t1"]["state"] = "executed"
    # What has ended can't be deleted.
    side.troubles["DELETE /timer/{}"].append(answer(404))
    assert await package.finish_unfinished() == 1
    assert await store.cadence.unfinished(10) == []
    assert (await package.take(event("email_Sent", mailId="t1"))).shown.touchpoint.status == "Sent"
    with pytest.raises(Refused, match="already"):
        await automated(package)


async def test_only_one_undoes_it_so_that_what_is_made_anew_stays(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    side.troubles["POST /timer"].append(LOST)
    side.troubles["GET /timer/{}"].append(GONE)
    side.troubles["DELETE /timer/{}"].append(GONE)
    with pytest.raises(Refused, match="out of reach"):
        await automated(package)
    side.hold()
    undoing = asyncio.create_task(package.finish_unfinished())
    await side.reached.wait()
    with pytest.raises(Refused, match="out of reach") as refused:
        await automated(package)
    assert refused.value.status == 503
    side.let_go()
    assert await undoing == 1
    assert (await automated(package)).touchpoint.status == "Scheduled"
    assert set(side.timers) == {"t1"}


async def test_what_can_not_be_undone_at_once_is_nobodys_and_undone_later(
    package: EmbeddedPackage, side: EmailSide, rows: Rows
) -> None:
    side.troubles["POST /timer"].append(LOST)
    side.troubles["GET /timer/{}"].append(GONE)
    side.troubles["DELETE /timer/{}"].extend([GONE, BROKEN])
    with pytest.raises(Refused, match="out of reach"):
        await automated(package)
    assert await package.page({}, 10) == []
    with pytest.raises(Refused, match="no touchpoint"):
        await package.read("t1")
    assert await package.finish_unfinished() == 0
    assert await package.finish_unfinished() == 1
    assert (rows(), side.timers) == (EMPTY, {})


async def test_its_id_can_be_used_again(package: EmbeddedPackage, side: EmailSide) -> None:
    side.troubles["POST /timer"].append(LOST)
    side.troubles["GET /timer/{}"].append(GONE)
    side.troubles["DELETE /timer/{}"].extend([GONE, GONE])
    for _ in range(2):
        with pytest.raises(Refused, match="out of reach"):
            await automated(package)
    assert (await automated(package)).touchpoint.status == "Scheduled"
    assert set(side.timers) == {"t1"}
