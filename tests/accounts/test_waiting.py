"""What a waiting mail says: what it waits for, when its turn is, and that it is never stale."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from franking.clock import HandClock
from franking.core import times
from franking.core.attempt import AccountNews
from franking.stores import governor
from installation import Installation

from .conftest import account, mail

MINUTE = 60_000


@pytest.fixture
async def still(tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation whose worker stands still, by a clock moved by hand."""
    async with Installation(tmp_path, accounts=True, clock=HandClock()) as it:
        await it.engine.deliveries.stop(0)
        yield it


async def waiting(it: Installation, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await it.read(id))["delivery"]
    return found


async def test_an_accounts_limit_tells_when_the_turn_of_each_is(still: Installation) -> None:
    await still.http.put("/v1/accounts/rep", json=account(1, limits={"perMinute": 10}))
    for n in range(12):
        await still.http.put(f"/v1/mail/m{n}", json=mail("rep"))
        assert isinstance(still.clock, HandClock)
        still.clock.advance(1)
    first, last = await waiting(still, "m0"), await waiting(still, "m11")
    assert (first["waitingFor"], "expectedTime" in first) == (None, False)
    assert last["waitingFor"] == "send_limit"
    # One token at once, then nine a minute.
    late = times.parse(last["expectedTime"]) - still.clock.now()
    assert late == pytest.approx(11 * MINUTE / 9, abs=2_000)
    assert last["nextAttemptTime"] < last["expectedTime"]


async def test_a_limit_that_was_met_is_told_with_its_time(still: Installation) -> None:
    until = still.clock.now() + 30 * MINUTE
    await still.http.put("/v1/accounts/rep", json=account(1))
    await still.http.put("/v1/mail/m1", json=mail("rep"))
    news = AccountNews("rep", "limited", "450 4.2.1 too many", until)
    store: Any = still.store
    await store._write(lambda db: governor.hear(db, news, still.clock.now()))
    told = await waiting(still, "m1")
    assert told["waitingFor"] == "send_limit"
    assert told["nextAttemptTime"] == times.text(until)
    [listed] = (await still.http.get("/v1/mail")).json()["items"]
    assert listed["delivery"] == told


async def test_a_mail_for_later_waits_for_its_own_time(still: Installation) -> None:
    later = times.text(still.clock.now() + 60 * MINUTE)
    await still.http.put("/v1/accounts/rep", json=account(1))
    await still.http.post("/v1/accounts/rep/pause", json={"minutes": 30})
    await still.http.put("/v1/mail/m1", json=mail("rep", sendAt=later))
    told = await waiting(still, "m1")
    assert (told["waitingFor"], told["nextAttemptTime"]) == ("sendAt", later)


async def test_a_pause_that_is_over_is_not_told_any_more(still: Installation) -> None:
    await still.http.put("/v1/accounts/rep", json=account(1))
    await still.http.put("/v1/mail/m1", json=mail("rep"))
    await still.http.post("/v1/accounts/rep/pause", json={"minutes": 30})
    assert (await waiting(still, "m1"))["waitingFor"] == "account_paused"
    assert isinstance(still.clock, HandClock)
    still.clock.advance(31 * MINUTE)
    assert (await waiting(still, "m1"))["waitingFor"] is None


async def test_a_pause_without_end_has_no_time(still: Installation) -> None:
    await still.http.put("/v1/accounts/rep", json=account(1))
    await still.http.put("/v1/mail/m1", json=mail("rep"))
    await still.http.post("/v1/accounts/rep/pause")
    told = await waiting(still, "m1")
    assert (told["waitingFor"], told["nextAttemptTime"]) == ("account_paused", None)


async def test_an_etag_tells_a_pause_and_still_lets_a_write_through(still: Installation) -> None:
    await still.http.put("/v1/accounts/rep", json=account(1))
    free = (await still.http.put("/v1/mail/m1", json=mail("rep"))).headers["etag"]
    await still.http.post("/v1/accounts/rep/pause")
    answer = await still.http.get("/v1/mail/m1", headers={"if-none-match": free})
    held = answer.headers["etag"]
    assert (answer.status_code, held == free) == (200, False)
    for tag in (free, held):
        answer = await still.http.patch("/v1/mail/m1", json={}, headers={"if-match": tag})
        assert answer.status_code == 200
    await still.http.patch("/v1/mail/m1", json={"to": "b@example.com"})
    answer = await still.http.patch("/v1/mail/m1", json={}, headers={"if-match": held})
    assert answer.status_code == 412
