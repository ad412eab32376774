"""The suppression list at work: who is left out, who is told, and what it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from eventually import eventually
from franking.clock import HandClock
from franking.core.delivery import Bounds
from franking.core.suppression import listed
from franking.engine.suppressing import LOOK_MS
from franking.stores.base import StoreUnavailable
from installation import Installation
from stored import new_store


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    bounds = Bounds(transient_attempts=2, retry_base_ms=1000)
    async with Installation(tmp_path, clock=HandClock(), bounds=bounds) as installation:
        yield installation


def mail(*to: str, **fields: Any) -> dict[str, Any]:
    return {"to": list(to), "message": {"subject": "s", "text": "t"}, **fields}


async def suppress(it: Installation, address: str, reason: str = "asked us to stop") -> None:
    body = {"reason": reason}
    answer = await it.http.put(f"/v1/suppressions/{address}", json=body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("to", ["gone@example.net", "Gone@Example.NET", "G <gone@example.net>"])
async def test_a_mail_to_nobody_else_ends_in_error(it: Installation, to: str) -> None:
    await suppress(it, "gone@EXAMPLE.net")
    delivery = (await it.write(mail(to)))["delivery"]
    assert (delivery["state"], delivery["outcome"]) == ("ERROR", "not_sent")
    assert (delivery["category"], delivery["cause"]) == ("recipient_suppressed", "suppressed")
    assert delivery["error"].startswith("Error: This address is on the suppression list: ")
    assert delivery["error"].endswith(" (asked us to stop)")
    assert it.box.dots == 0


async def test_the_others_get_it_and_who_is_left_out_is_told(it: Installation) -> None:
    await suppress(it, "gone@example.net")
    document = mail("ada@example.net", cc=["gone@example.net"], bcc=["bob@example.net"])
    delivery = (await it.write(document))["delivery"]
    assert delivery["state"] == "SUCCESS"
    assert delivery["info"]["accepted"] == ["ada@example.net", "bob@example.net"]
    assert delivery["info"]["rejected"] == ["gone@example.net"]
    [(_, recipients, _)] = it.box.taken
    assert recipients == ["ada@example.net", "bob@example.net"]
    [attempt] = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
    [told] = [step for step in attempt["steps"] if "recipient" in step]
    assert told["recipient"] == "gone@example.net"
    assert "suppression list" in told["text"]


async def test_a_remainder_leaves_out_who_was_suppressed_meanwhile(it: Installation) -> None:
    it.box.rcpt["late@example.net"] = ["450 4.2.1 later"]
    await it.write(mail("ada@example.net", "late@example.net"))
    await suppress(it, "late@example.net")
    assert isinstance(it.clock, HandClock)
    it.clock.advance(2_000)
    it.engine.wake()
    info = await eventually(lambda: rejected(it))
    assert (info["rejected"], info["pending"]) == (["late@example.net"], [])


async def rejected(it: Installation) -> Any:
    info = (await it.read())["delivery"].get("info") or {}
    return info if info.get("rejected") else None


async def test_who_is_taken_off_gets_mail_again(it: Installation) -> None:
    await suppress(it, "gone@example.net")
    await it.write(mail("gone@example.net"))
    await it.http.delete("/v1/suppressions/gone@example.net")
    await it.http.post("/v1/mail/m1/retry")
    assert (await it.reached("SUCCESS"))["delivery"]["info"]["accepted"] == ["gone@example.net"]


async def test_what_another_process_suppressed_counts_within_a_second(
    it: Installation, tmp_path: Path
) -> None:
    await it.write(mail("gone@example.net"))
    other = new_store(tmp_path)
    await other.open()
    await other.returns.suppress(listed("gone@example.net", "r", "person", 1))
    await other.close()
    assert isinstance(it.clock, HandClock)
    it.clock.advance(LOOK_MS)
    assert (await it.write(mail("gone@example.net"), "m2"))["delivery"]["state"] == "ERROR"


async def test_while_the_list_can_not_be_read_a_mail_waits(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [StoreUnavailable("The disk failed.")]

    async def failing() -> bool:
        if looks:
            raise looks.pop()
        return False

    monkeypatch.setattr(it.store.returns, "any_suppressed", failing)
    delivery = (await it.write(mail("ada@example.net")))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("SUCCESS", 1)
    [returned, sent] = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
    assert (returned["event"], sent["event"]) == ("returned", "sent")


async def test_an_empty_list_is_looked_at_once_a_second_at_most(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = it.store.returns.any_suppressed

    async def counted() -> bool:
        nonlocal looks
        looks += 1
        return await look()

    monkeypatch.setattr(it.store.returns, "any_suppressed", counted)
    await it.office.submit([mail(f"r{n}@example.net") for n in range(100)])
    await eventually(lambda: all_sent(it))
    assert looks == 1


async def all_sent(it: Installation) -> bool:
    return (await it.store.counts(it.clock.now(), 0)).states == {"SUCCESS": 100}
