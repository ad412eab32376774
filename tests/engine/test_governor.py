"""A sender's limit makes the mailbox wait, and nobody else: on a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from eventually import eventually
from franking.clock import HandClock
from franking.core.delivery import Bounds
from franking.stores.base import Filter
from installation import Installation

LIMIT = "550 5.4.5 Daily user sending limit exceeded."
MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    bounds = Bounds(transient_attempts=2, retry_base_ms=1000)
    async with Installation(tmp_path, clock=HandClock(), bounds=bounds) as installation:
        yield installation


def mail(number: int, account: str = "ada") -> dict[str, Any]:
    message = {"subject": f"mail {number}", "text": "t"}
    return {"to": f"r{number}@example.com", "account": account, "message": message}


def refuse_everybody(it: Installation, reply: str, count: int = 60) -> None:
    for number in range(count):
        it.box.rcpt[f"r{number}@example.com"] = [reply]


def advance(it: Installation, milliseconds: int) -> None:
    assert isinstance(it.clock, HandClock)
    it.clock.advance(milliseconds)
    it.engine.wake()


async def states(it: Installation) -> dict[str, int]:
    return (await it.store.counts(it.clock.now(), 0)).states


async def in_state(it: Installation, state: str, count: int) -> bool:
    return (await states(it)).get(state, 0) == count


async def test_a_limit_pauses_the_mailbox_and_its_mails_wait_unattempted(
    it: Installation,
) -> None:
    refuse_everybody(it, LIMIT)
    await it.office.submit([mail(n) for n in range(20)])
    await eventually(lambda: _events(it, 1))
    await eventually(lambda: in_state(it, "PROCESSING", 0))
    found = await it.store.page(Filter(), 50)
    tried = [s for s in found if s.mail.delivery.attempts]
    # No more refused attempts than were past MAIL when the pause was committed.
    assert 1 <= len(tried) <= 4
    assert all(s.mail.delivery.tries == 0 for s in found)
    assert len(await it.office.events(0, 50)) == len(tried)
    assert await states(it) == {"PENDING": 20 - len(tried), "RETRY": len(tried)}


async def test_after_an_hour_of_limits_all_go_in_order_with_no_second_refusal(
    it: Installation,
) -> None:
    refuse_everybody(it, LIMIT)
    await it.office.submit([mail(n) for n in range(20)])
    await eventually(lambda: _at_rest(it))
    for _ in range(3):
        seen = len(await it.office.events(0, 100))
        advance(it, 20 * MINUTE)
        await eventually(lambda: _events(it, seen + 1))  # noqa: B023
        await eventually(lambda: _at_rest(it))
    it.box.rcpt.clear()
    seen = len(await it.office.events(0, 100))
    advance(it, HOUR + 20 * MINUTE)
    await eventually(lambda: in_state(it, "SUCCESS", 20))
    assert len(await it.office.events(0, 100)) == seen + 20
    subjects = [str(m["subject"]) for m in it.box.mails]
    assert subjects[0] == "mail 0"
    assert sorted(subjects) == sorted(f"mail {n}" for n in range(20))


async def test_each_pause_is_probed_by_one_mail(it: Installation) -> None:
    refuse_everybody(it, LIMIT)
    await it.office.submit([mail(n) for n in range(20)])
    await eventually(lambda: _paused(it))
    await eventually(lambda: in_state(it, "PROCESSING", 0))
    before = len(await it.office.events(0, 100))
    advance(it, 2 * MINUTE)
    await eventually(lambda: _events(it, before + 1))
    await eventually(lambda: in_state(it, "PROCESSING", 0))
    assert len(await it.office.events(0, 100)) == before + 1


async def test_another_mailbox_goes_on_meanwhile(it: Installation) -> None:
    refuse_everybody(it, LIMIT, count=10)
    await it.office.submit([mail(n) for n in range(10)])
    await it.office.submit([mail(n, "bob") for n in range(10, 20)])
    await eventually(lambda: in_state(it, "SUCCESS", 10))


async def test_rejected_credentials_end_one_mail_and_hold_the_others(it: Installation) -> None:
    it.box.mail_from = ["535 5.7.8 Username and Password not accepted"]
    await it.office.submit([mail(n) for n in range(10)])
    await eventually(lambda: in_state(it, "ERROR", 1))
    await eventually(lambda: in_state(it, "PENDING", 9))
    [failed] = await it.store.page(Filter(state="ERROR"), 10)
    assert failed.mail.delivery.category == "mailbox_disconnected"
    [held, *_] = await it.store.page(Filter(state="PENDING"), 10)
    assert held.mail.hold is not None
    assert held.mail.hold.state == "disconnected"


async def test_held_mails_end_within_their_bound(it: Installation) -> None:
    it.box.mail_from = ["535 5.7.8 Username and Password not accepted"]
    await it.office.submit([mail(n) for n in range(10)])
    await eventually(lambda: in_state(it, "PENDING", 9))
    advance(it, 61 * MINUTE)
    await it.engine.sweeper.sweep()
    assert await states(it) == {"ERROR": 10}
    found = await it.store.page(Filter(category="mailbox_disconnected"), 20)
    assert len(found) == 10
    assert len(await it.office.events(0, 50)) == 10


async def test_a_mailbox_limited_for_ever_ends_its_mails_within_the_bound(
    it: Installation,
) -> None:
    refuse_everybody(it, LIMIT)
    await it.office.submit([mail(n) for n in range(10)])
    await eventually(lambda: _paused(it))
    await eventually(lambda: in_state(it, "PROCESSING", 0))
    assert isinstance(it.clock, HandClock)
    it.clock.advance(73 * HOUR)
    await it.engine.sweeper.sweep()
    await eventually(lambda: in_state(it, "ERROR", 10))
    assert (await it.store.counts(it.clock.now(), 0)).stuck == []


async def test_a_mailbox_sends_within_its_minute_and_in_order(tmp_path: Path) -> None:
    async with Installation(tmp_path, clock=HandClock(), accounts=True) as it:
        await limit(it, {"perMinute": 20})
        await it.office.submit([mail(n) for n in range(50)])
        sent = [await moved(it, 3_000) for _ in range(40)]
        # Three seconds apart: any twenty looks in a row are within a minute.
        assert max(b - a for a, b in zip(sent, sent[19:], strict=False)) <= 20
        subjects = [str(m["subject"]) for m in it.box.mails]
        assert len(subjects) > 30
        places = [int(subject.split()[1]) for subject in subjects]
        assert all(abs(place - at) <= 2 for at, place in enumerate(places))


async def test_a_mailbox_sends_within_its_rolling_day(tmp_path: Path) -> None:
    async with Installation(tmp_path, clock=HandClock(), accounts=True) as it:
        await limit(it, {"perDay": 5})
        await it.office.submit([mail(n) for n in range(12)])
        await eventually(lambda: in_state(it, "SUCCESS", 5))
        assert await moved(it, 23 * HOUR) == 5
        advance(it, HOUR + 16 * MINUTE)
        await eventually(lambda: in_state(it, "SUCCESS", 10))
        assert await states(it) == {"SUCCESS": 10, "PENDING": 2}


async def test_a_claim_that_sends_nothing_is_given_back(tmp_path: Path) -> None:
    async with Installation(tmp_path, clock=HandClock(), accounts=True) as it:
        await limit(it, {"perDay": 5})
        bad = [{**mail(n), "to": "nobody"} for n in range(5)]
        await it.office.submit([*bad, *(mail(n) for n in range(5, 10))])
        await eventually(lambda: in_state(it, "SUCCESS", 5))


async def limit(it: Installation, limits: dict[str, int]) -> None:
    """The mailbox `ada`, through the test's own server, with these limits."""
    transport = {"type": "smtp", "uri": f"smtp://127.0.0.1:{it.box.port}"}
    document = {"transport": transport, "limits": limits}
    answer = await it.http.put("/v1/accounts/ada", json=document)
    assert answer.is_success, answer.text


async def moved(it: Installation, milliseconds: int) -> int:
    """Move the clock, let everything go that may, and count what was sent."""
    advance(it, milliseconds)
    await eventually(lambda: _nothing_due(it))
    return len(it.box.mails)


async def _nothing_due(it: Installation) -> bool:
    """Is all that may go now gone?"""
    due = await it.store.next_due()
    return (due is None or due > it.clock.now()) and await in_state(it, "PROCESSING", 0)


async def _at_rest(it: Installation) -> bool:
    return await in_state(it, "PROCESSING", 0) and await _paused(it)


async def _paused(it: Installation) -> bool:
    found = await it.store.page(Filter(account="ada"), 1)
    hold = found[0].mail.hold
    return hold is not None and (hold.paused_until or 0) > it.clock.now()


async def _events(it: Installation, count: int) -> bool:
    return len(await it.office.events(0, 1000)) >= count
