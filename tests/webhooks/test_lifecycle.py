"""Which of the seven events are told, by what happens to a mail: through HTTP and real SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.core import times
from franking.core.delivery import Bounds
from installation import Installation

from .hearer import Hearer, add, hearing

START, PENDING, PROCESSING = "onStart", "onPending", "onProcessing"
RETRY, COMPLETE, SUCCESS, ERROR = "onRetry", "onComplete", "onSuccess", "onError"
SENT = (START, PENDING, PROCESSING, COMPLETE, SUCCESS)
FAILED = (START, PENDING, PROCESSING, COMPLETE, ERROR)

DOCUMENT = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hello, Ada."}}
LATER = {**DOCUMENT, "sendAt": "2100-01-01T00:00:00Z"}
PAST = "2001-01-01T00:00:00Z"
FUTURE = "2100-01-01T00:00:00Z"


@pytest.fixture
async def hearer() -> AsyncIterator[Hearer]:
    async with hearing() as hearer:
        yield hearer


@pytest.fixture
async def it(tmp_path: Path, hearer: Hearer) -> AsyncIterator[Installation]:
    async with Installation(tmp_path, bounds=Bounds(3, retry_base_ms=50)) as it:
        await add(it.http, hearer.receiver.url())
        yield it


async def put(it: Installation, document: dict[str, Any], id: str = "m1") -> None:
    answer = await it.http.put(f"/v1/mail/{id}", json=document)
    assert answer.status_code in (200, 201), answer.text


async def test_sent(it: Installation, hearer: Hearer) -> None:
    await put(it, DOCUMENT)
    found = await hearer.heard(*SENT)
    states = [one.event["data"]["doc"]["delivery"]["state"] for one in found]
    assert states == ["PENDING", "PENDING", "PROCESSING", "SUCCESS", "SUCCESS"]
    assert found[-1].event["data"]["doc"] == await it.read()
    assert all("err" not in one.event["data"] for one in found)


async def test_failed(it: Installation, hearer: Hearer) -> None:
    it.box.rcpt["ada@example.com"] = ["550 nobody here"]
    await put(it, DOCUMENT)
    found = await hearer.heard(*FAILED)
    error = (await it.read())["delivery"]["error"]
    assert "550 nobody here" in error
    assert found[-1].event["data"]["err"] == error


async def test_deferred_then_sent(it: Installation, hearer: Hearer) -> None:
    it.box.rcpt["ada@example.com"] = ["451 later"]
    await put(it, DOCUMENT)
    await hearer.heard(START, PENDING, PROCESSING, COMPLETE, RETRY, PROCESSING, COMPLETE, SUCCESS)
    retried = await hearer.last(RETRY)
    assert retried.event["data"]["doc"]["delivery"]["error"].endswith("451 later")


async def test_on_complete_comes_once_an_attempt(it: Installation, hearer: Hearer) -> None:
    it.box.rcpt["ada@example.com"] = ["451 later"] * 3
    await put(it, DOCUMENT)
    await hearer.last(ERROR)
    attempts = (await it.read())["delivery"]["attempts"]
    assert hearer.kinds().count(COMPLETE) == attempts == 3


async def test_doubted_then_retried_by_a_person(it: Installation, hearer: Hearer) -> None:
    it.box.hang_up = True
    await put(it, DOCUMENT)
    await hearer.heard(*FAILED)
    it.box.hang_up = False
    await it.http.post("/v1/mail/m1/retry", json={"force": True})
    await hearer.heard(*FAILED, RETRY, PROCESSING, COMPLETE, SUCCESS)


async def test_resubmitted(it: Installation, hearer: Hearer) -> None:
    it.box.rcpt["ada@example.com"] = ["550 no"]
    await put(it, DOCUMENT)
    await hearer.heard(*FAILED)
    it.box.rcpt.clear()
    await it.http.patch("/v1/mail/m1", json={"delivery": {"state": "PENDING"}})
    await hearer.heard(*FAILED, PENDING, PROCESSING, COMPLETE, SUCCESS)


async def test_sent_from_scratch(it: Installation, hearer: Hearer) -> None:
    await put(it, DOCUMENT)
    await hearer.heard(*SENT)
    await put(it, {**DOCUMENT, "delivery": None})
    await hearer.heard(*SENT, *SENT)


async def test_sent_from_scratch_while_it_waits(it: Installation, hearer: Hearer) -> None:
    await put(it, LATER)
    await put(it, {**DOCUMENT, "delivery": None})
    await hearer.heard(START, PENDING, *SENT)


async def test_refused_at_the_door_and_stored(it: Installation, hearer: Hearer) -> None:
    await put(it, {"to": 5})
    found = await hearer.heard(START, COMPLETE, ERROR)
    assert found[-1].event["data"]["err"].startswith("ValidationError: ")
    await it.http.patch("/v1/mail/m1", json={**DOCUMENT, "delivery": {"state": "RETRY"}})
    await hearer.heard(START, COMPLETE, ERROR, RETRY, PROCESSING, COMPLETE, SUCCESS)


async def test_refused_at_the_door_and_not_stored(it: Installation, hearer: Hearer) -> None:
    assert (await it.http.post("/v1/mail", json={"to": 5})).status_code == 422
    await put(it, DOCUMENT)
    await hearer.heard(*SENT)
    assert {one.mail for one in hearer.calls} == {"m1"}


@pytest.mark.parametrize(
    ("delivery", "kinds"),
    [
        ({"state": "PENDING"}, SENT),
        ({"state": "RETRY"}, (START, RETRY, PROCESSING, COMPLETE, SUCCESS)),
        # It came with its end, which is no end of ours.
        ({"state": "SUCCESS"}, (START, COMPLETE)),
        ({"state": "ERROR"}, (START, COMPLETE)),
        ({"state": "PROCESSING", "leaseExpireTime": FUTURE}, (START, PROCESSING)),
        ({"state": "PROCESSING", "leaseExpireTime": PAST}, (START, PROCESSING, COMPLETE, ERROR)),
        # Refused at once.
        ({"state": "PROCESSING"}, (START, COMPLETE)),
        ({"state": "SENT"}, (START, COMPLETE, ERROR)),
        ({}, (START, COMPLETE, ERROR)),
    ],
)
async def test_preset(
    it: Installation, hearer: Hearer, delivery: dict[str, Any], kinds: tuple[str, ...]
) -> None:
    await put(it, {**DOCUMENT, "delivery": delivery})
    await put(it, DOCUMENT, "m2")
    await hearer.heard(*SENT, mail="m2")
    await hearer.heard(*kinds)


async def test_an_edit_is_none_of_the_seven(it: Installation, hearer: Hearer) -> None:
    await put(it, DOCUMENT)
    await hearer.heard(*SENT)
    await put(it, {**DOCUMENT, "cc": "bob@example.com"})
    await put(it, LATER, "m2")
    await put(it, {**LATER, "sendAt": "2100-02-01T00:00:00Z"}, "m2")
    await put(it, DOCUMENT, "m3")
    await hearer.heard(*SENT, mail="m3")
    assert hearer.kinds("m1") == list(SENT)
    assert hearer.kinds("m2") == [START, PENDING]


async def test_deleted_after_its_end(it: Installation, hearer: Hearer) -> None:
    await put(it, DOCUMENT)
    await hearer.heard(*SENT)
    await it.http.delete("/v1/mail/m1")
    await put(it, DOCUMENT)
    # The second mail under that id is another one.
    found = await hearer.heard(*SENT, *SENT)
    assert len({one.id for one in found}) == 10


async def test_deleted_while_it_waited(it: Installation, hearer: Hearer) -> None:
    await put(it, LATER)
    await hearer.heard(START, PENDING)
    assert (await it.http.delete("/v1/mail/m1")).status_code == 204
    found = await hearer.heard(START, PENDING, COMPLETE)
    assert found[-1].event["data"]["doc"]["message"] == DOCUMENT["message"]
    assert found[-1].event["data"]["doc"]["delivery"]["state"] == "PENDING"


async def test_a_timer_that_makes_a_mail(it: Installation, hearer: Hearer) -> None:
    callback = {"transport": "mail", "method": "post", "uri": ""}
    timer = {"timeout": 100, "data": DOCUMENT, "callback": callback}
    answer = await it.http.post("/timer", json=timer, headers={"x-timer-id": "m1"})
    assert answer.status_code == 201, answer.text
    await hearer.heard(*SENT)


async def test_what_waited_too_long(tmp_path: Path, hearer: Hearer) -> None:
    async with Installation(tmp_path, started=False) as it:
        await add(it.http, hearer.receiver.url())
        await put(it, {**DOCUMENT, "sendBefore": times.text(it.clock.now() + 100)})
        it.engine.start(worker=False)
        await hearer.heard(START, PENDING, COMPLETE, ERROR)


async def test_recipients_that_go_on_by_themselves_are_a_part_of_their_mail(
    it: Installation, hearer: Hearer
) -> None:
    it.box.rcpt["bob@example.com"] = ["451 later"]
    await put(it, {**DOCUMENT, "to": ["ada@example.com", "bob@example.com"]})
    await hearer.heard(*SENT)

    async def gone_on() -> bool:
        return not (await it.read())["delivery"]["info"]["pending"]

    await eventually(gone_on)
    await put(it, DOCUMENT, "m2")
    await hearer.heard(*SENT, mail="m2")
    assert {one.mail for one in hearer.calls} == {"m1", "m2"}


async def test_a_mail_that_is_given_back_is_pending_again(tmp_path: Path, hearer: Hearer) -> None:
    async with Installation(tmp_path, started=False) as it:
        await add(it.http, hearer.receiver.url())
        await put(it, DOCUMENT)
        [claimed] = await it.store.claim(it.clock.now(), 1, 500)
        assert claimed.mail.id == "m1"
        it.engine.start()
        await hearer.heard(START, PENDING, PROCESSING, RETRY, PROCESSING, COMPLETE, SUCCESS)
