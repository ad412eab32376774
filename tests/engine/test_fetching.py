"""Mails that wait for attachments: they hold up nobody, keep their lease, and stop when asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.config.hosts import file_hosts
from franking.core.delivery import Bounds
from franking.engine import deliveries
from franking.transports.fetching import HttpFetcher, Limits
from franking.transports.names import Names
from installation import Installation
from transports.files import FILES, Zone
from transports.receiver import SILENCE, Receiver, answer, receiving

PLAIN: dict[str, Any] = {"to": "a@example.com", "message": {"subject": "s", "text": "t"}}
PDF = answer("200 OK", b"%PDF-1.7")


def attached(there: Receiver) -> dict[str, Any]:
    entry = {"href": f"http://{FILES}:{there.port}/a.pdf"}
    return {"to": "a@example.com", "message": {**PLAIN["message"], "attachments": [entry]}}


def fetcher(there: Receiver, **limits: Any) -> HttpFetcher:
    return HttpFetcher(file_hosts(f"{FILES}:{there.port}"), Names(lookup=Zone()), Limits(**limits))


async def submit(it: Installation, document: dict[str, Any], count: int) -> None:
    for start in range(0, count, 100):
        batch = [document] * min(100, count - start)
        answered = await it.http.post("/v1/mail/batch", json=batch)
        assert answered.status_code in (200, 201, 207), answered.text


async def under_way(it: Installation, count: int) -> bool:
    return len(it.engine.deliveries.holds()) == count


async def test_a_host_that_hangs_holds_up_no_other_mail(tmp_path: Path) -> None:
    async with receiving(SILENCE) as there, Installation(tmp_path, fetcher=fetcher(there)) as it:
        await submit(it, attached(there), 300)
        await eventually(lambda: under_way(it, 300))
        delivery = (await it.write(PLAIN))["delivery"]
        assert delivery["state"] == "SUCCESS"
        assert await under_way(it, 300)


async def test_so_many_may_wait_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_WAITING", 15)
    async with receiving(SILENCE) as there, Installation(tmp_path, fetcher=fetcher(there)) as it:
        await submit(it, attached(there), 60)
        window = it.engine.deliveries._window
        most = window + 15
        await eventually(lambda: all_wait(it, most - window // 2))
        for _ in range(3):
            await it.engine.sweeper.sweep()
            assert len(it.engine.deliveries.holds()) <= most
        there.answers = [PDF]
        there.release.set()
        await eventually(lambda: done(it, 60))


async def all_wait(it: Installation, more_than: int) -> bool:
    """Half of the places free is when the next are claimed, so that a few may stay free."""
    holds = it.engine.deliveries.holds()
    return len(holds) == it.engine.deliveries._waiting.count > more_than


async def done(it: Installation, count: int) -> bool:
    """All have ended, well or badly, and nothing is held any more."""
    return not it.engine.deliveries.holds() and len(it.fetcher._held) == 0 and count > 0


async def test_a_lease_is_renewed_while_its_mail_waits(tmp_path: Path) -> None:
    lease_ms = 600
    async with receiving(SILENCE) as there:
        source = fetcher(there)
        async with Installation(tmp_path, fetcher=source, lease_ms=lease_ms) as it:
            await submit(it, attached(there), 1)
            await eventually(lambda: under_way(it, 1))
            [hold] = it.engine.deliveries.holds()
            first = hold.deadline_ms
            await eventually(lambda: later(hold, first + 2 * lease_ms))
            there.answers = [PDF]
            assert hold.held()
            assert it.engine.deliveries.holds() == [hold]


async def later(hold: Any, deadline_ms: int) -> bool:
    return bool(hold.deadline_ms > deadline_ms)


async def test_a_stop_gives_back_what_waits(tmp_path: Path) -> None:
    async with receiving(SILENCE) as there:
        async with Installation(tmp_path, fetcher=fetcher(there)) as it:
            await it.http.put("/v1/mail/m1", json=attached(there))
            await eventually(lambda: heard(there, 1))
            async with asyncio.timeout(5):
                await it.engine.stop(5)
            delivery = (await it.read())["delivery"]
        assert there.ended == there.connections
    assert (delivery["state"], delivery["attempts"]) == ("PENDING", 0)
    assert delivery["leaseExpireTime"] is None


async def heard(there: Receiver, count: int) -> bool:
    return len(there.heard) >= count


async def test_what_a_mail_held_is_let_go_when_it_has_ended(tmp_path: Path) -> None:
    async with receiving(PDF) as there, Installation(tmp_path, fetcher=fetcher(there)) as it:
        assert (await it.write(attached(there)))["delivery"]["state"] == "SUCCESS"
        it.box.data = ["554 no"]
        assert (await it.write(attached(there), "m2"))["delivery"]["state"] == "ERROR"
        await eventually(lambda: done(it, 2))
        assert it.fetcher._held == {}
        assert it.engine.deliveries._waiting.count == 0


async def test_a_mail_refused_for_now_fetches_anew_and_a_remainder_does_not(tmp_path: Path) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=1)
    async with (
        receiving(PDF) as there,
        Installation(tmp_path, fetcher=fetcher(there), bounds=bounds) as it,
    ):
        it.box.data = ["451 later"]
        assert (await it.write(attached(there)))["delivery"]["state"] == "SUCCESS"
        assert len(there.heard) == 2
        it.box.rcpt["b@example.com"] = ["450 later"]
        document = {**attached(there), "to": ["a@example.com", "b@example.com"]}
        await it.write(document, "m2")
        await eventually(lambda: taken(it, 3))
        assert len(there.heard) == 3


async def taken(it: Installation, count: int) -> bool:
    return len(it.box.taken) == count
