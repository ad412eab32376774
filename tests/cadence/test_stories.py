"""The stories of the contract, from the CRM to the mail server and back to the touchpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.clock import HandClock
from franking.core.delivery import Bounds
from installation import Installation
from reports import POSTFIX, about

UNKNOWN = "550 5.1.1 No such user"
LIMITED = "550 5.4.5 Daily user sending limit exceeded."
MAIL = {"to": ["ada@example.com"], "message": {"subject": "Hi", "text": "Hello"}}
ERROR_FIELDS = ("errorMessage", "errorMessageTruncated", "errorCode", "errorCategory")


class Crm:
    """What a rep and the package's own calls do, and what they see."""

    def __init__(self, it: Installation) -> None:
        self.it = it

    async def automated(self, **given: Any) -> str:
        """An automated touchpoint, due at once; its id."""
        body = {"type": "automated", "cadenceMemberId": "m", "dueAt": "2026-01-01T00:00:00Z"}
        answer = await self.it.http.post(
            "/cadence/touchpoints", json={**body, "mail": MAIL, **given}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def manual(self) -> str:
        """A manual touchpoint; its id."""
        body = {"type": "manual", "cadenceMemberId": "m", "emailMessageId": "e"}
        answer = await self.it.http.post("/cadence/touchpoints", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def read(self, id: str) -> dict[str, Any]:
        """The touchpoint as it is now."""
        answer = await self.it.http.get(f"/cadence/touchpoints/{id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def reached(self, id: str, status: str) -> dict[str, Any]:
        """The touchpoint once it has the status."""

        async def look() -> dict[str, Any] | None:
            found = await self.read(id)
            return found if found["actionStatus"] == status else None

        return await eventually(look)

    async def press(self, id: str, call: str = "retry", **given: Any) -> Any:
        """Retry or complete."""
        return await self.it.http.post(f"/cadence/touchpoints/{id}/{call}", json=given)


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Crm]:
    async with Installation(tmp_path, cadence=True) as it:
        yield Crm(it)


def statuses(touchpoint: dict[str, Any]) -> list[str]:
    """Of its conquer errors, oldest first."""
    return [error["status"] for error in reversed(touchpoint["errors"])]


async def test_a_retry_that_is_refused_changes_nothing_by_a_byte(crm: Crm) -> None:
    id = await crm.automated()
    await crm.reached(id, "Sent")
    before = await crm.read(id)
    refused = await crm.press(id)
    assert refused.status_code == 400
    assert refused.json()["error_message"] == "This email was already sent."
    assert await crm.read(id) == before


async def test_an_automated_email_that_fails_is_retried_and_sent(crm: Crm) -> None:
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    id = await crm.automated()
    failed = await crm.reached(id, "Error")
    assert failed["errorMessage"].startswith("This email address doesn't exist")
    assert failed["errorCode"] == "550 5.1.1"
    assert failed["errorCategory"] == "recipient_not_found"
    assert failed["manualRetryCount"] == 0
    [child] = failed["errors"]
    assert child["errorMessage"] == f"{failed['errorMessage']}\n\n{UNKNOWN}"
    crm.it.box.rcpt.clear()
    pressed = await crm.press(id)
    assert pressed.status_code == 200, pressed.text
    assert pressed.json()["manualRetryCount"] == 1
    sent = await crm.reached(id, "Sent")
    assert [sent[name] for name in ERROR_FIELDS] == [None] * 4
    assert sent["manualRetryCount"] == 1
    assert statuses(sent) == ["Error", "Manual Retry"]
    assert sent["errors"][0]["errorMessage"] == child["errorMessage"]


async def test_a_retry_may_mend_the_mail(crm: Crm) -> None:
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    id = await crm.automated()
    await crm.reached(id, "Error")
    assert (await crm.press(id, mail={"to": ["grace@example.com"]})).status_code == 200
    await crm.reached(id, "Sent")
    assert crm.it.box.taken[0][1] == ["grace@example.com"]


async def test_a_rate_limit_is_waited_out_and_said(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, cadence=True, clock=clock, bounds=Bounds()) as it:
        crm = Crm(it)
        it.box.mail_from = [LIMITED]
        id = await crm.automated()
        limited = await crm.reached(id, "Rate Limited")
        assert limited["nextAttemptTime"] is not None
        assert limited["errorCategory"] == "send_limit"
        refused = await crm.press(id)
        assert refused.json()["error_message"].startswith("Your mailbox has reached its sending")
        assert await crm.read(id) == limited
        clock.advance(2 * 3_600_000)
        it.engine.wake()
        sent = await crm.reached(id, "Sent")
        assert statuses(sent) == ["Rate Limited"]
        assert sent["nextAttemptTime"] is None


async def test_a_manual_email_fails_in_sight_is_completed_again_and_sent(crm: Crm) -> None:
    id = await crm.manual()
    assert (await crm.read(id))["actionStatus"] == "Pending Manual Send"
    never = await crm.press(id)
    assert never.status_code == 400
    words = "Manual emails can't be retried. Complete the touchpoint again."
    assert never.json()["error_message"] == words
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    assert (await crm.press(id, "complete", mail=MAIL)).status_code == 202
    failed = await crm.reached(id, "Error")
    other = {"to": ["grace@example.com"], "message": {"subject": "Anew", "text": "Hello"}}
    again = await crm.press(id, "complete", mail=other)
    assert again.status_code == 202
    assert again.json()["errorMessage"] == failed["errorMessage"]
    sent = await crm.reached(id, "Sent")
    assert (sent["manualRetryCount"], statuses(sent)) == (0, ["Error"])
    assert [m["subject"] for m in crm.it.box.mails] == ["Anew"]
    assert (await crm.press(id, "complete", mail=other)).status_code == 400


async def test_a_double_click_sends_once(crm: Crm) -> None:
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    automated, manual = await crm.automated(), await crm.manual()
    await crm.reached(automated, "Error")
    crm.it.box.rcpt.clear()
    retries = await asyncio.gather(*(crm.press(automated) for _ in range(2)))
    completions = await asyncio.gather(*(crm.press(manual, "complete", mail=MAIL) for _ in "12"))
    assert sorted(a.status_code for a in retries) == [200, 400]
    assert sorted(a.status_code for a in completions) == [202, 400]
    for id in (automated, manual):
        await crm.reached(id, "Sent")
    assert (await crm.read(automated))["manualRetryCount"] == 1
    assert len(crm.it.box.mails) == 2


async def test_a_lost_answer_of_retry_timer_heals_with_the_next_event(crm: Crm) -> None:
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    id = await crm.automated()
    await crm.reached(id, "Error")
    crm.it.box.rcpt.clear()
    timer = (await crm.read(id))["timerId"]
    assert (await crm.it.http.post(f"/timer/{timer}/retry")).status_code == 200
    sent = await crm.reached(id, "Sent")
    assert (sent["manualRetryCount"], statuses(sent)) == (1, ["Error", "Manual Retry"])


async def test_what_has_a_touchpoint_is_deleted_only_through_it(crm: Crm) -> None:
    id = await crm.automated(dueAt="2036-01-01T00:00:00Z")
    timer = (await crm.read(id))["timerId"]
    assert (await crm.it.http.delete(f"/timer/{timer}")).status_code == 409
    assert (await crm.it.http.delete(f"/cadence/touchpoints/{id}")).status_code == 204
    assert (await crm.it.http.get(f"/timer/{timer}")).json()["state"] == "deleted"
    assert (await crm.it.http.get(f"/cadence/touchpoints/{id}")).status_code == 404


async def test_a_bounce_after_sent_leaves_it_sent_and_is_told_to_nobody(crm: Crm) -> None:
    id = await crm.automated()
    sent = await crm.reached(id, "Sent")
    mail = await crm.it.read(id)
    report = about(POSTFIX, mail["delivery"]["info"]["messageId"], "ada@example.com")
    headers = {"content-type": "message/rfc822"}
    filed = await crm.it.http.post("/v1/bounces", content=report, headers=headers)
    assert filed.status_code == 202, filed.text

    async def told() -> bool:
        return (await crm.it.store.outbox.counts()).waiting == 0

    await eventually(told)
    assert (await crm.it.store.outbox.counts()).parked == 0
    assert await crm.read(id) == sent


async def test_a_retry_that_is_repeated_under_its_key_gets_the_first_answer(crm: Crm) -> None:
    """The key goes with the package's call to Retry Timer, which keeps the answer."""
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN, "250 OK"]
    id = await crm.automated()
    await crm.reached(id, "Error")
    crm.it.box.rcpt.clear()
    path, key = f"/cadence/touchpoints/{id}/retry", {"Idempotency-Key": "press-1"}
    assert (await crm.it.http.post(path, headers=key)).status_code == 200
    await crm.reached(id, "Sent")
    assert (await crm.it.http.post(path, headers=key)).status_code == 200
    refused = await crm.it.http.post(path, headers={"Idempotency-Key": "press-2"})
    assert refused.json()["error_message"] == "This email was already sent."
    assert len(crm.it.box.taken) == 1
