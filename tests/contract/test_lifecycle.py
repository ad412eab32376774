"""The contract's cases for the life of a document, through HTTP and a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from eventually import eventually
from franking.core.delivery import Bounds
from installation import Installation

A, B, C = "a@example.com", "b@example.com", "c@example.com"
MAIL: dict[str, Any] = {"to": A, "message": {"subject": "s", "text": "t"}}
PAST, FUTURE = "2001-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"
EXPIRED = "Message processing lease expired."
LOST = "Error: Connection lost before the server confirmed the message."


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        yield installation


@pytest_asyncio.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Installation]:
    bounds = Bounds(transient_attempts=3, retry_base_ms=20)
    async with Installation(tmp_path, bounds=bounds) as installation:
        yield installation


REFUSALS = [
    # 96: every recipient refused, the last refusal quoted
    ("rcpt", "550 550 nope", "Error: Can't send mail - all recipients were rejected: 550 550 nope"),
    # 98, 99: refused after the dot
    ("data", "554 data refused", "Error: Message failed: 554 data refused"),
    ("data", "421 data refused", "Error: Message failed: 421 data refused"),
    ("mail_from", "553 no", "Error: Mail command failed: 553 no"),
]


@pytest.mark.case(96, 98, 99)
@pytest.mark.parametrize(("where", "reply", "error"), REFUSALS)
async def test_a_refusal_is_told_in_the_servers_words(
    it: Installation, where: str, reply: str, error: str
) -> None:
    if where == "rcpt":
        it.box.rcpt[A] = [reply]
    else:
        setattr(it.box, where, [reply])
    delivery = (await it.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["error"]) == ("ERROR", error)
    assert (delivery["attempts"], delivery["outcome"]) == (1, "not_sent")
    assert delivery.get("info") is None
    assert delivery["message"]


async def test_a_lost_connection_after_the_dot_is_called_doubt(it: Installation) -> None:
    it.box.hang_up = True
    delivery = (await it.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["outcome"]) == ("ERROR", "unknown")
    assert (delivery["error"], delivery["category"]) == (LOST, "outcome_unknown")
    assert it.box.dots == 1


async def test_doubt_is_tried_again_within_bounds_where_the_document_asks(
    patient: Installation,
) -> None:
    patient.box.hang_up = True
    delivery = (await patient.write({**MAIL, "onUnknown": "resend"}))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("ERROR", 3)
    assert patient.box.dots == 3


async def test_a_retry_of_a_doubt_wants_force(it: Installation) -> None:
    it.box.hang_up = True
    await it.write(MAIL)
    it.box.hang_up = False
    refused = await it.http.post("/v1/mail/m1/retry")
    assert refused.status_code == 409
    assert refused.json()["reason"] == "outcome_unknown"
    assert (await it.http.post("/v1/mail/m1/retry", json={"force": True})).status_code == 200
    assert (await it.ended())["delivery"]["attempts"] == 2


async def test_a_partial_refusal_is_success_with_the_bad_address_in_rejected(
    it: Installation,
) -> None:
    it.box.rcpt[B] = ["550 no such user"]
    delivery = (await it.write({**MAIL, "to": [A, B]}))["delivery"]
    assert delivery["state"] == "SUCCESS"
    assert (delivery["info"]["accepted"], delivery["info"]["rejected"]) == ([A], [B])


async def test_recipients_refused_for_now_go_on_as_a_remainder(patient: Installation) -> None:
    patient.box.rcpt[B] = ["450 greylisted"]
    patient.box.rcpt[C] = ["550 no such user"]
    await patient.write({**MAIL, "to": [A, B, C]})
    found = await eventually(lambda: _without_pending(patient))
    info = found["delivery"]["info"]
    assert (info["accepted"], info["rejected"]) == ([A, B], [C])
    first, second = patient.box.taken
    assert (first[1], second[1]) == ([A], [B])
    assert first[2].as_bytes() == second[2].as_bytes()
    timeline = (await patient.http.get("/v1/mail/m1/timeline")).json()
    assert len(timeline["attempts"]) == 2


async def test_a_remainder_that_is_refused_in_the_end_is_rejected(patient: Installation) -> None:
    patient.box.rcpt[B] = ["450 later", "550 never", "550 never"]
    await patient.write({**MAIL, "to": [A, B]})
    info = (await eventually(lambda: _without_pending(patient)))["delivery"]["info"]
    assert (info["accepted"], info["rejected"]) == ([A], [B])


async def test_with_one_try_a_recipient_refused_for_now_is_rejected(it: Installation) -> None:
    it.box.rcpt[B] = ["450 greylisted"]
    info = (await it.write({**MAIL, "to": [A, B]}))["delivery"]["info"]
    assert (info["rejected"], info["pending"]) == ([B], [])


async def test_a_temporary_fault_is_tried_again_by_itself(patient: Installation) -> None:
    patient.box.data = ["451 try later", "451 try later"]
    delivery = (await patient.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("SUCCESS", 3)


async def test_temporary_faults_end_when_the_tries_are_used_up(patient: Installation) -> None:
    patient.box.data = ["451 try later"] * 9
    delivery = (await patient.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("ERROR", 3)
    assert delivery["error"] == "Error: Message failed: 451 try later"


PRESETS = [
    # 103: what has ended stays as it is
    ({"state": "SUCCESS"}, "SUCCESS", 0),
    ({"state": "ERROR"}, "ERROR", 0),
    # 104, 105
    ({"state": "RETRY"}, "SUCCESS", 1),
    ({"state": "PENDING"}, "SUCCESS", 1),
]


@pytest.mark.case(103, 104, 105)
@pytest.mark.parametrize(("preset", "state", "attempts"), PRESETS)
async def test_cases_103_to_105_a_preset_state_counts(
    it: Installation, preset: dict[str, Any], state: str, attempts: int
) -> None:
    delivery = (await it.write({**MAIL, "delivery": preset}))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == (state, attempts)
    assert it.box.dots == attempts


@pytest.mark.parametrize("state", ["RETRY", "PENDING"])
async def test_a_preset_state_sends_no_document_that_has_trouble(
    it: Installation, state: str
) -> None:
    document = {"to": A, "message": {}, "delivery": {"state": state}}
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], it.box.dots) == ("ERROR", 0)
    assert delivery["error"].startswith("ValidationError: ")


@pytest.mark.parametrize("preset", [{}, {"delivery": {"state": "ERROR"}}])
@pytest.mark.parametrize("state", ["RETRY", "PENDING"])
async def test_a_document_with_trouble_is_not_sent_by_asking_again(
    it: Installation, preset: dict[str, Any], state: str
) -> None:
    await it.write({"to": A, "message": {}, **preset})
    await it.http.patch("/v1/mail/m1", json={"delivery": {"state": state}})
    delivery = await eventually(lambda: _tried(it))
    assert (delivery["state"], it.box.dots) == ("ERROR", 0)
    assert delivery["error"].startswith("ValidationError: ")


@pytest.mark.case(107)
async def test_case_107_processing_elsewhere_is_left_until_its_lease_ends(
    it: Installation,
) -> None:
    preset = {"state": "PROCESSING", "leaseExpireTime": FUTURE}
    await it.http.put("/v1/mail/m1", json={**MAIL, "delivery": preset})
    await it.engine.sweeper.sweep()
    assert (await it.read())["delivery"]["state"] == "PROCESSING"


@pytest.mark.case(108)
@pytest.mark.parametrize("lease", [{"leaseExpireTime": PAST}, {}])
async def test_case_108_processing_past_its_lease_is_error(
    it: Installation, lease: dict[str, Any]
) -> None:
    delivery = (await it.write({**MAIL, "delivery": {"state": "PROCESSING", **lease}}))["delivery"]
    assert (delivery["state"], delivery["error"]) == ("ERROR", EXPIRED)
    assert (delivery["attempts"], delivery["endTime"]) == (0, None)
    assert it.box.dots == 0


@pytest.mark.parametrize("preset", [{"state": "LATER"}, {}])
async def test_an_unknown_delivery_state_is_error_at_once(
    it: Installation, preset: dict[str, Any]
) -> None:
    delivery = (await it.write({**MAIL, "delivery": preset}))["delivery"]
    name = preset.get("state", "")
    assert delivery["error"] == f'Error: Unknown delivery state "{name}".'


@pytest.mark.case(110)
async def test_case_110_a_mended_mail_is_sent_again(it: Installation) -> None:
    it.box.rcpt[A] = ["550 no"]
    await it.write(MAIL)
    patch = {"to": B, "delivery": {"state": "RETRY"}}
    answer = await it.http.patch("/v1/mail/m1", json=patch)
    assert answer.status_code == 200, answer.text
    delivery = (await it.reached("SUCCESS"))["delivery"]
    assert (delivery["attempts"], delivery["error"]) == (2, None)
    assert delivery["info"]["accepted"] == [B]


@pytest.mark.case(112)
async def test_case_112_an_edit_after_success_sends_nothing(it: Installation) -> None:
    await it.write(MAIL)
    await it.http.patch("/v1/mail/m1", json={"to": B})
    await it.http.put("/v1/mail/m1", json={**MAIL, "to": C})
    assert (await it.read())["delivery"]["state"] == "SUCCESS"
    assert it.box.dots == 1


@pytest.mark.case(114)
async def test_case_114_a_deleted_document_is_gone(it: Installation) -> None:
    await it.write(MAIL)
    assert (await it.http.delete("/v1/mail/m1")).status_code == 204
    assert (await it.http.get("/v1/mail/m1")).status_code == 404


@pytest.mark.parametrize("how", ["put", "patch"])
async def test_a_delivery_set_to_null_sends_from_scratch(it: Installation, how: str) -> None:
    await it.write(MAIL)
    await it.http.request(how, "/v1/mail/m1", json={**MAIL, "delivery": None})
    await eventually(lambda: _dots(it, 2))
    delivery = (await it.ended())["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("SUCCESS", 1)


async def test_a_failed_retry_forgets_the_old_info(it: Installation) -> None:
    await it.write(MAIL)
    it.box.rcpt[A] = ["550 gone"]
    await it.http.patch("/v1/mail/m1", json={"delivery": {"state": "PENDING"}})
    delivery = (await it.reached("ERROR"))["delivery"]
    assert delivery.get("info") is None
    assert delivery["attempts"] == 2


async def test_the_message_id_is_kept_until_the_mail_was_sent(patient: Installation) -> None:
    patient.box.data = ["451 later"]
    await patient.write(MAIL)
    await patient.http.patch("/v1/mail/m1", json={"delivery": {"state": "RETRY"}})
    await eventually(lambda: _dots(patient, 3))
    await patient.ended()
    first, again = (mail["message-id"] for mail in patient.box.mails)
    assert first != again


async def test_a_mail_waits_for_its_own_time_and_says_so(it: Installation) -> None:
    await it.http.put("/v1/mail/m1", json={**MAIL, "sendAt": FUTURE})
    delivery = (await it.read())["delivery"]
    assert delivery["state"] == "PENDING"
    assert (delivery["nextAttemptTime"], delivery["waitingFor"]) == (FUTURE, "sendAt")
    await it.http.patch("/v1/mail/m1", json={"sendAt": None})
    assert (await it.ended())["delivery"]["state"] == "SUCCESS"


async def test_a_rate_limit_waits_without_using_up_a_try(it: Installation) -> None:
    it.box.rcpt[A] = ["550 5.4.5 Daily user sending limit exceeded."]
    await it.http.put("/v1/mail/m1", json=MAIL)
    delivery = (await it.reached("RETRY"))["delivery"]
    assert delivery["category"] == "send_limit"
    assert delivery["waitingFor"] == "send_limit"
    clock = delivery["nextAttemptTime"][11:16]
    assert delivery["message"].endswith(
        f"This email will be sent automatically around {clock} UTC."
    )
    [event] = await it.office.events(0, 10)
    assert event.kind == "email_Rate_Limited"


async def test_a_server_that_is_rate_limited_for_ever_ends_within_the_bound(
    tmp_path: Path,
) -> None:
    bounds = Bounds(transient_attempts=1, max_wait_ms=200)
    async with Installation(tmp_path, bounds=bounds) as it:
        it.box.rcpt[A] = ["550 5.4.5 Daily user sending limit exceeded."]
        delivery = (await it.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["category"]) == ("ERROR", "send_limit")
    assert "send_limit" in delivery["error"]


async def test_a_mail_that_was_not_sent_before_its_time_is_error(it: Installation) -> None:
    it.box.rcpt[A] = ["550 5.4.5 Daily user sending limit exceeded."]
    soon = "2026-01-01T00:00:00.000Z"
    delivery = (await it.write({**MAIL, "sendBefore": soon}))["delivery"]
    assert delivery["state"] == "ERROR"
    assert delivery["error"].startswith("Error: Not sent within the time it may wait.")
    assert it.box.dots == 0


async def _without_pending(it: Installation) -> dict[str, Any] | None:
    found = await it.read()
    info = found["delivery"].get("info")
    return found if info and not info["pending"] else None


async def _dots(it: Installation, count: int) -> bool:
    return it.box.dots >= count


async def _tried(it: Installation) -> dict[str, Any] | None:
    delivery: dict[str, Any] = (await it.read())["delivery"]
    return delivery if delivery["attempts"] and delivery["endTime"] else None
