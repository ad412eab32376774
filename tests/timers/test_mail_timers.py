"""Timers that make mails, from the first POST to the last retry, through a real SMTP server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from franking.clock import HandClock
from franking.core.delivery import Bounds
from timers.conftest import MAIL, Proxied, proxied, request

UNKNOWN = "550 5.1.1 No such user"
LIMITED = "550 5.4.5 Daily user sending limit exceeded."
BUSY = "451 4.3.2 Please try again later"
SCHEDULED = "This email is already scheduled to be sent."
SENT = "This email was already sent."
IN_DOUBT = "This email may already have been delivered. Press Retry again to send it anyway."


async def test_a_mail_that_is_refused_fails_its_timer_with_the_servers_words(
    here: Proxied,
) -> None:
    here.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    timer = await here.ended(await here.create("t1"))
    mail = await here.it.read("t1")
    assert (timer["state"], mail["delivery"]["state"]) == ("failed", "ERROR")
    assert timer["error"] == mail["delivery"]["error"]
    assert UNKNOWN in timer["error"]
    assert timer["servedAt"] <= timer["executedAt"] == mail["delivery"]["endTime"]


async def test_a_document_that_cannot_be_sent_fails_its_timer_when_it_is_due(
    here: Proxied,
) -> None:
    timer = await here.ended(await here.create("t1", data={"to": "nobody"}))
    mail = await here.it.read("t1")
    assert timer["state"] == "failed"
    assert timer["error"] == mail["delivery"]["error"] is not None
    assert timer["executedAt"] == timer["servedAt"]


async def test_a_mail_that_no_timer_made_is_not_touched(here: Proxied) -> None:
    await here.it.write(MAIL, "theirs")
    answer = await here.post("theirs")
    assert answer.status_code == 409
    assert "Mail with id theirs already exists" in answer.json()["error_message"]
    id = await here.create("ours", timeout=300)
    await here.it.write(MAIL, "ours")
    timer = await here.ended(id)
    assert timer["state"] == "failed"
    assert "already exists" in timer["error"]
    assert len(here.it.box.mails) == 2


async def test_a_mail_that_was_sent_executes_its_timer(here: Proxied) -> None:
    timer = await here.ended(await here.create("t1"))
    mail = await here.it.read("t1")
    assert (timer["state"], mail["delivery"]["state"]) == ("executed", "SUCCESS")
    assert timer["error"] is None
    assert timer["dueAt"] <= timer["servedAt"] <= timer["executedAt"]
    assert [m["subject"] for m in here.it.box.mails] == ["Hi"]


async def test_the_old_smtp_transport_sends_its_message(here: Proxied) -> None:
    # case 55
    message = {"from": "me@example.com", "to": "ada@example.com", "text": "hello world"}
    timer = await here.ended(await here.create(data=message, transport="smtp"))
    assert timer["state"] == "executed"
    [mail] = here.it.box.mails
    body = mail.get_body()
    assert body is not None
    assert body.get_content().strip() == "hello world"


async def test_retry_moves_the_four_columns_and_sends_again(here: Proxied) -> None:
    here.it.box.rcpt["ada@example.com"] = [UNKNOWN, UNKNOWN, "250 OK"]
    before = await here.ended(await here.create("t1"))
    answer = await here.retry("t1")
    assert answer.status_code == 200, answer.text
    retried = answer.json()
    assert retried["retryCount"] == 1
    for name in ("servedAt", "executedAt", "error", "deletedAt"):
        assert retried[name] is None
        assert retried[f"previous{name[0].upper()}{name[1:]}"] == before[name]
    second = await here.ended("t1")
    assert (second["state"], second["retryCount"]) == ("failed", 1)
    here.it.box.rcpt.clear()
    assert (await here.retry("t1")).json()["retryCount"] == 2
    third = await here.ended("t1")
    assert (third["state"], third["error"]) == ("executed", None)
    assert third["previousError"] == second["error"]
    assert [life["endedBy"] for life in third["lives"]] == ["retried", "retried"]
    assert [life["executedAt"] for life in third["lives"]] == [
        before["executedAt"],
        second["executedAt"],
    ]
    mail = await here.it.read("t1")
    assert mail["delivery"]["attempts"] == 3


async def test_a_retry_may_mend_the_mail(here: Proxied) -> None:
    here.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    await here.ended(await here.create("t1"))
    bad = await here.retry("t1", mail={"to": []})
    assert bad.status_code == 400
    assert "recipient" in bad.json()["error_message"]
    assert (await here.read("t1"))["retryCount"] == 0
    assert (await here.retry("t1", mail={"to": ["grace@example.com"]})).status_code == 200
    assert (await here.ended("t1"))["state"] == "executed"
    assert here.it.box.taken[0][1] == ["grace@example.com"]


async def test_two_at_the_same_moment_are_one_200_and_one_400(here: Proxied) -> None:
    here.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    await here.ended(await here.create("t1"))
    here.it.box.rcpt.clear()
    answers = await asyncio.gather(*(here.retry("t1") for _ in range(2)))
    assert sorted(a.status_code for a in answers) == [200, 400]
    [refused] = [a.json() for a in answers if a.status_code == 400]
    assert refused["error_message"].startswith("This email ")
    assert (await here.ended("t1"))["retryCount"] == 1
    assert len(here.it.box.mails) == 1


async def test_a_repeat_under_a_key_gets_the_first_answer(here: Proxied) -> None:
    here.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    await here.ended(await here.create("t1"))
    headers = {"idempotency-key": "k1"}
    first, second = [
        await here.http.post("/timer/t1/retry", json={}, headers=headers) for _ in range(2)
    ]
    assert first.status_code == second.status_code == 200
    assert first.json()["retryCount"] == second.json()["retryCount"] == 1
    other = await here.http.post("/timer/t1/retry", json={"force": True}, headers=headers)
    assert other.status_code == 409


async def test_what_was_sent_or_is_unknown_is_refused(here: Proxied) -> None:
    await here.ended(await here.create("t1"))
    refused = await here.retry("t1", force=True)
    assert (refused.status_code, refused.json()["error_message"]) == (400, SENT)
    gone = await here.retry("nobody")
    assert gone.status_code == 404
    assert "nobody" in gone.json()["error_message"]


async def test_what_is_not_due_yet_is_refused_and_can_be_replaced_and_deleted(
    here: Proxied,
) -> None:
    id = await here.create(timeout=3_600_000)
    refused = await here.retry(id)
    assert (refused.status_code, refused.json()["error_message"]) == (400, SCHEDULED)
    other = {"to": "grace@example.com", "message": {"subject": "Later", "text": "x"}}
    assert (await here.http.put(f"/timer/{id}", json=request(other))).status_code == 200
    assert (await here.ended(id))["state"] == "executed"
    assert [m["subject"] for m in here.it.box.mails] == ["Later"]
    assert (await here.http.delete(f"/timer/{id}")).status_code == 404
    assert (await here.http.put(f"/timer/{id}", json=request())).status_code == 404


async def test_an_ended_id_begins_a_new_life_that_sends_anew(here: Proxied) -> None:
    await here.ended(await here.create("t1"))
    other = {"to": "grace@example.com", "message": {"subject": "Again", "text": "x"}}
    await here.create("t1", data=other)
    timer = await here.ended("t1")
    assert (timer["state"], timer["retryCount"]) == ("executed", 0)
    assert [life["endedBy"] for life in timer["lives"]] == ["created"]
    assert [m["subject"] for m in here.it.box.mails] == ["Hi", "Again"]


async def test_a_deleted_timer_is_retried(here: Proxied) -> None:
    id = await here.create(timeout=3_600_000)
    assert (await here.http.delete(f"/timer/{id}")).status_code == 202
    assert (await here.http.delete(f"/timer/{id}")).status_code == 404
    retried = await here.retry(id, mail={"message": {"subject": "After all"}})
    assert retried.status_code == 200, retried.text
    assert retried.json()["previousDeletedAt"] is not None
    assert (await here.ended(id))["state"] == "executed"
    assert [m["subject"] for m in here.it.box.mails] == ["After all"]


WAITING: tuple[tuple[str, str, str], ...] = (
    (
        LIMITED,
        "send_limit",
        "Your mailbox has reached its sending limit. This email will be sent automatically.",
    ),
    (BUSY, "tried_again", "This email is being tried again automatically."),
)


@pytest.mark.parametrize(("said", "reason", "words"), WAITING, ids=["limit", "temporary"])
async def test_what_waits_by_itself_is_refused_with_its_time_and_deleting_it_cancels_the_mail(
    way: str, tmp_path: Path, said: str, reason: str, words: str
) -> None:
    async with proxied(way, tmp_path, bounds=Bounds()) as here:
        here.it.box.mail_from = [said]
        await here.create("t1")
        await here.it.reached("RETRY", "t1")
        refused = await here.retry("t1")
        told = refused.json()
        assert (refused.status_code, told["error_message"]) == (400, words)
        assert told["reason"] == reason
        assert told["nextAttemptTime"] > (await here.read("t1"))["servedAt"]
        assert (await here.http.delete("/timer/t1")).status_code == 202
        mail = await here.it.ended("t1")
        assert mail["delivery"]["error"].endswith("deleted before this email was sent.")
        assert (await here.read("t1"))["state"] == "deleted"
        assert (await here.retry("t1")).status_code == 200
        assert (await here.reached("t1", "served", "executed"))["retryCount"] == 1


async def test_an_unknown_outcome_asks_once_more(way: str, tmp_path: Path) -> None:
    clock = HandClock()
    async with proxied(way, tmp_path, clock=clock) as here:
        here.it.box.hang_up = True
        await here.create("t1", dueAt="2026-01-01T00:00:00Z")
        assert (await here.ended("t1"))["state"] == "failed"
        here.it.box.hang_up = False
        for wait_ms in (0, 2_999, -2_999 + 600_001):
            clock.advance(wait_ms)
            told = (await here.retry("t1")).json()
            assert (told["error_message"], told["reason"]) == (IN_DOUBT, "outcome_unknown")
        clock.advance(3_000)
        assert (await here.retry("t1")).status_code == 200
        assert (await here.ended("t1"))["state"] == "executed"
        assert here.it.box.dots == 2


async def test_force_sends_what_may_have_been_delivered(here: Proxied) -> None:
    here.it.box.hang_up = True
    await here.ended(await here.create("t1"))
    here.it.box.hang_up = False
    assert (await here.retry("t1", force=True)).status_code == 200
    assert (await here.ended("t1"))["state"] == "executed"


DOORS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/mail/t1/retry", {}),
    ("PATCH", "/v1/mail/t1", {"delivery": {"state": "RETRY"}}),
    ("PATCH", "/v1/mail/t1", {"delivery": {"state": "PENDING"}}),
    ("PUT", "/v1/mail/t1", {**MAIL, "delivery": None}),
)


@pytest.mark.parametrize(("method", "path", "body"), DOORS)
async def test_retrying_the_mail_by_its_own_door_is_retry_timer(
    tmp_path: Path, method: str, path: str, body: Any
) -> None:
    async with proxied("direct", tmp_path) as here:
        here.it.box.rcpt["ada@example.com"] = [UNKNOWN]
        before = await here.ended(await here.create("t1"))
        here.it.box.rcpt.clear()
        answer = await here.it.http.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["delivery"]["state"] in ("RETRY", "PENDING")
        timer = await here.ended("t1")
        assert (timer["state"], timer["retryCount"]) == ("executed", 1)
        assert timer["previousError"] == before["error"]
        again = await here.it.http.request(method, path, json=body)
        assert (again.status_code, again.json()["detail"]) == (409, SENT)


async def test_many_are_retried_each_as_its_timer(tmp_path: Path) -> None:
    async with proxied("direct", tmp_path) as here:
        here.it.box.rcpt["ada@example.com"] = [UNKNOWN]
        await here.ended(await here.create("t1"))
        here.it.box.rcpt.clear()
        answer = await here.it.http.post("/v1/mail/retry", json={"state": "ERROR"})
        assert answer.json()["retried"] == 1, answer.text
        assert (await here.ended("t1"))["retryCount"] == 1


async def test_many_at_once_are_no_press_on_a_doubtful_one(tmp_path: Path) -> None:
    clock = HandClock()
    async with proxied("direct", tmp_path, clock=clock) as here:
        here.it.box.hang_up = True
        await here.ended(await here.create("t1", dueAt="2026-01-01T00:00:00Z"))
        for _ in range(2):
            answer = await here.it.http.post("/v1/mail/retry", json={"state": "ERROR"})
            assert (answer.json()["retried"], answer.json()["leftOut"]) == (0, 1)
            clock.advance(5_000)
        assert (await here.retry("t1")).json()["reason"] == "outcome_unknown"
        assert here.it.box.dots == 1


async def test_deleting_a_mail_that_waits_deletes_its_timer(tmp_path: Path) -> None:
    async with proxied("direct", tmp_path, bounds=Bounds()) as here:
        here.it.box.mail_from = [BUSY]
        await here.create("t1")
        await here.it.reached("RETRY", "t1")
        assert (await here.it.http.delete("/v1/mail/t1")).status_code == 204
        assert (await here.read("t1"))["state"] == "deleted"
