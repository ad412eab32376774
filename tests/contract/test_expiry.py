"""`expireAt`, written once, and documents that are deleted when their time is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from franking.clock import HandClock
from franking.core import times
from franking.core.delivery import Bounds
from franking.core.expiry import Expiry, Unit
from installation import Installation

MAIL = {"to": "a@example.com", "message": {"subject": "Hello", "text": "Hi"}}
BAD = {"to": "a@example.com", "message": {"subject": "Hello"}}
DAY_MS = 24 * 3_600_000
FIVE_DAYS = Expiry(Unit.DAY, 5)


def lives(delivery: dict[str, Any]) -> int:
    return times.parse(delivery["expireAt"]) - times.parse(delivery["startTime"])


@pytest.mark.case(115)
@pytest.mark.parametrize("document", [MAIL, BAD])
async def test_what_is_sent_and_what_is_refused_expire(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    async with Installation(tmp_path, expiry=FIVE_DAYS) as it:
        ended = await it.write(document)
        assert lives(ended["delivery"]) == 432_000_000


async def test_without_the_setting_there_is_no_such_field(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        assert "expireAt" not in (await it.write(MAIL))["delivery"]


async def test_a_retry_keeps_it_and_from_scratch_writes_it_anew(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, expiry=FIVE_DAYS, clock=clock) as it:
        it.box.rcpt["a@example.com"] = ["550 nope", "250 OK"]
        first = (await it.write(MAIL))["delivery"]["expireAt"]
        clock.advance(DAY_MS)
        await it.http.patch("/v1/mail/m1", json={"delivery": {"state": "RETRY"}})
        assert (await it.reached("ERROR"))["delivery"]["expireAt"] == first
        await it.http.put("/v1/mail/m1", json={**MAIL, "delivery": None})
        assert (await it.ended())["delivery"]["expireAt"] != first


async def test_a_timers_mail_expires_too(tmp_path: Path) -> None:
    async with Installation(tmp_path, expiry=FIVE_DAYS) as it:
        callback = {"transport": "mail", "method": "post", "uri": ""}
        body = {"timeout": 1, "data": MAIL, "callback": callback}
        answer = await it.http.post("/timer", json=body, headers={"x-timer-id": "t1"})
        assert answer.status_code == 201
        assert lives((await it.ended("t1"))["delivery"]) == 432_000_000


@pytest.mark.parametrize(("document", "state"), [(MAIL, "SUCCESS"), (BAD, "ERROR")])
async def test_what_has_ended_is_deleted_when_its_time_is_over(
    tmp_path: Path, document: dict[str, Any], state: str
) -> None:
    async with Installation(tmp_path, expiry=FIVE_DAYS) as it:
        await it.write(document)
        now = it.clock.now()
        assert await it.store.delete_expired(now + 4 * DAY_MS, 100) == 0
        assert (await it.read())["delivery"]["state"] == state
        assert await it.store.delete_expired(now + 6 * DAY_MS, 100) == 1
        assert (await it.http.get("/v1/mail/m1")).status_code == 404
        assert await it.store.timeline("m1") == []


async def test_what_still_waits_is_not_deleted(tmp_path: Path) -> None:
    async with Installation(tmp_path, expiry=FIVE_DAYS) as it:
        later = times.text(it.clock.now() + 10 * DAY_MS)
        await it.http.put("/v1/mail/m1", json={**MAIL, "sendAt": later})
        assert await it.store.delete_expired(it.clock.now() + 6 * DAY_MS, 100) == 0
        assert (await it.read())["delivery"]["state"] == "PENDING"


async def test_recipients_that_still_wait_keep_their_mail(tmp_path: Path) -> None:
    bounds = Bounds(transient_attempts=5, retry_base_ms=DAY_MS)
    async with Installation(tmp_path, expiry=FIVE_DAYS, bounds=bounds) as it:
        it.box.rcpt["b@example.com"] = ["451 4.3.0 Later"]
        ended = await it.write({**MAIL, "to": ["a@example.com", "b@example.com"]})
        assert ended["delivery"]["info"]["pending"] == ["b@example.com"]
        assert await it.store.delete_expired(it.clock.now() + 6 * DAY_MS, 100) == 0


async def test_a_touchpoints_mail_stays_with_it(tmp_path: Path) -> None:
    async with Installation(tmp_path, expiry=FIVE_DAYS) as it:
        await it.write({**MAIL, "touchpointId": "a0X1"})
        assert await it.store.delete_expired(it.clock.now() + 6 * DAY_MS, 100) == 0


async def test_the_sweeper_deletes_in_batches(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, expiry=FIVE_DAYS, clock=clock, started=False) as it:
        await it.http.post("/v1/mail/batch", json=[MAIL] * 3)
        for number in range(250):
            await it.http.put(f"/v1/mail/bad{number}", json=BAD)
        clock.advance(6 * DAY_MS)
        await it.engine.sweeper.sweep()
        assert (await it.store.counts(clock.now(), 0)).states.get("ERROR", 0) == 0
