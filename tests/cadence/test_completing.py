"""A manual email is completed once a press, whatever the answers, and never while one is going."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from franking.clock import HandClock
from franking.outlets.base import Refused
from franking.outlets.package import EmbeddedPackage
from franking.stores.base import Store

from .conftest import MAIL, automated, event, manual
from .side import BROKEN, CRASH, CRASH_AFTER, GONE, HANGS, LOST, Died, EmailSide, answer

OTHER = {**MAIL, "to": "bob@example.com"}
BEING_SENT = "This email is being sent now."


async def refused(package: EmbeddedPackage, mail: Any = MAIL, force: bool = False) -> Refused:
    with pytest.raises(Refused) as found:
        await package.complete("t1", mail, force)
    return found.value


async def failed(package: EmbeddedPackage, side: EmailSide, id: str = "mail1") -> None:
    """The mail ended in ERROR, and the package was told."""
    side.mails[id]["delivery"] = {"state": "ERROR", "outcome": "not_sent"}
    await package.take(event("email_Error", int(id[4:]), mailId=id))


async def test_the_mail_is_handed_in_with_the_touchpoints_links(
    package: EmbeddedPackage, side: EmailSide, store: Store
) -> None:
    await manual(package, emailMessageId="02s")
    after = (await package.complete("t1", {**MAIL, "touchpointId": "x"}, False)).touchpoint
    assert (after.mail_id, after.completions, after.status) == ("mail1", 1, "Pending Manual Send")
    [(_, _, body, headers)] = side.asked("POST /v1/mail")
    links = {"touchpointId": "t1", "cadenceMemberId": "m1", "emailMessageId": "02s"}
    assert body == MAIL | links
    assert headers == {"Idempotency-Key": "complete.t1.0"}
    assert await store.cadence.unfinished(10) == []


async def test_after_an_error_it_is_completed_anew_and_the_error_stays_in_sight(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    await failed(package, side)
    after = (await package.complete("t1", OTHER, False)).touchpoint
    assert (after.status, after.error_message) == ("Error", "It is full.")
    assert (after.mail_id, after.completions) == ("mail2", 2)
    assert [h["Idempotency-Key"] for *_, h in side.asked("POST /v1/mail")] == [
        "complete.t1.0",
        "complete.t1.1",
    ]


async def test_an_automated_one_is_not_completed(package: EmbeddedPackage, side: EmailSide) -> None:
    await automated(package)
    found = await refused(package)
    assert (found.status, found.reason) == (400, "automated")
    assert side.asked("POST /v1/mail") == []


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        ({"state": "PENDING"}, BEING_SENT),
        ({"state": "PROCESSING"}, BEING_SENT),
        ({"state": "PROCESSING", "waitingFor": "send_limit"}, BEING_SENT),
        ({"state": "PENDING", "waitingFor": "sendAt"}, "This email is already scheduled"),
        ({"state": "PENDING", "waitingFor": "send_limit"}, "Your mailbox has reached its sending"),
        ({"state": "RETRY", "waitingFor": "send_limit"}, "Your mailbox has reached its sending"),
        ({"state": "RETRY", "waitingFor": "retry"}, "This email is being tried again auto"),
        ({"state": "SUCCESS", "outcome": "sent"}, "This email was already sent."),
    ],
)
async def test_it_is_refused_by_how_the_last_mail_stands(
    package: EmbeddedPackage, side: EmailSide, rows: Any, delivery: Any, words: str
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = delivery
    before = rows()
    for force in (False, True):
        found = await refused(package, force=force)
        assert found.status == 400
        assert str(found).startswith(words)
    assert rows() == before
    assert side.made == 1


async def test_sent_is_final(package: EmbeddedPackage, side: EmailSide) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails.clear()
    await package.take(event("email_Sent"))
    assert str(await refused(package, force=True)) == "This email was already sent."


async def test_a_mail_that_is_gone_is_none(package: EmbeddedPackage, side: EmailSide) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails.clear()
    side.keys.clear()
    assert (await package.complete("t1", MAIL, False)).touchpoint.mail_id == "mail2"


@pytest.mark.parametrize(
    ("later_ms", "goes"), [(0, False), (2_999, False), (3_000, True), (600_000, True)]
)
async def test_an_unknown_outcome_is_asked_about_once_more(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock, later_ms: int, goes: bool
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = {"state": "ERROR", "outcome": "unknown"}
    found = await refused(package)
    assert (found.status, found.reason) == (400, "outcome_unknown")
    assert "Complete it again" in str(found)
    clock.advance(later_ms)
    if goes:
        after = (await package.complete("t1", MAIL, False)).touchpoint
        assert (after.mail_id, after.asked_at) == ("mail2", None)
    else:
        assert (await refused(package)).reason == "outcome_unknown"
        clock.advance(3_000)
        await package.complete("t1", MAIL, False)
        assert side.made == 2


async def test_the_question_is_put_anew_after_ten_minutes(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = {"state": "ERROR", "outcome": "unknown"}
    await refused(package)
    clock.advance(600_001)
    assert (await refused(package)).reason == "outcome_unknown"
    clock.advance(3_000)
    await package.complete("t1", MAIL, False)


async def test_force_asks_nothing(package: EmbeddedPackage, side: EmailSide) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = {"state": "ERROR", "outcome": "unknown"}
    assert (await package.complete("t1", MAIL, True)).touchpoint.mail_id == "mail2"


@pytest.mark.parametrize("second", [MAIL, OTHER])
async def test_a_double_click_sends_once(
    package: EmbeddedPackage, side: EmailSide, second: Any
) -> None:
    await manual(package)
    side.hold()
    first = asyncio.create_task(package.complete("t1", MAIL, False))
    await side.reached.wait()
    assert str(await refused(package, second)) == BEING_SENT
    side.let_go()
    assert (await first).touchpoint.mail_id == "mail1"
    assert (side.made, len(side.asked("POST /v1/mail"))) == (1, 1)


async def test_many_clicks_at_one_moment_send_once(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    await failed(package, side)
    presses = [package.complete("t1", MAIL, False) for _ in range(8)]
    found = await asyncio.gather(*presses, return_exceptions=True)
    assert side.made == 2
    assert {str(one) for one in found if isinstance(one, Refused)} == {BEING_SENT}
    assert len([one for one in found if isinstance(one, Exception)]) == 7


async def test_a_press_that_was_judged_before_another_was_done_sends_nothing(
    package: EmbeddedPackage, side: EmailSide, store: Store, clock: HandClock
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    await failed(package, side)
    side.hold()
    slow = asyncio.create_task(refused(package))
    await side.reached.wait()
    quick = EmailSide(HandClock())
    quick.mails, quick.keys, quick.made = side.mails, side.keys, side.made
    await EmbeddedPackage(store.cadence, clock, quick).complete("t1", OTHER, False)
    side.let_go()
    assert str(await slow) == BEING_SENT
    assert (len(side.mails), len(side.asked("POST /v1/mail"))) == (2, 1)


async def test_the_loop_takes_no_earlier_mail_for_a_new_one(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    await failed(package, side)
    side.troubles["POST /v1/mail"].append(GONE)
    await refused(package)
    assert await package.finish_unfinished() == 1
    after = (await package.read("t1")).touchpoint
    assert (after.mail_id, after.completions) == ("mail1", 1)


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_document_that_is_refused_is_told_in_its_words(
    package: EmbeddedPackage, side: EmailSide, rows: Any, status: int
) -> None:
    await manual(package)
    text = "ValidationError: Invalid message configuration"
    side.troubles["POST /v1/mail"].append(answer(status, {"detail": text}))
    found = await refused(package)
    assert (found.status, str(found)) == (400, text)
    assert (await package.complete("t1", MAIL, False)).touchpoint.completions == 1


async def test_another_refusal_is_no_fault_of_the_rep(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(answer(403, {"detail": "The key lacks it."}))
    found = await refused(package)
    assert (found.status, found.reason) == (502, "not_taken")
    assert "The key lacks it." in str(found)
    await package.complete("t1", MAIL, False)


@pytest.mark.parametrize("trouble", [GONE, BROKEN, HANGS])
@pytest.mark.parametrize("mail", [MAIL, OTHER])
async def test_out_of_reach_is_told_and_it_can_be_completed_again(
    package: EmbeddedPackage, side: EmailSide, trouble: str, mail: Any
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(trouble)
    found = await refused(package)
    assert (found.status, found.reason) == (503, "out_of_reach")
    assert (await package.complete("t1", mail, False)).touchpoint.mail_id == "mail1"
    assert side.mails["mail1"]["to"] == mail["to"]


@pytest.mark.parametrize("trouble", [LOST, CRASH_AFTER])
@pytest.mark.parametrize("mail", [MAIL, OTHER])
async def test_a_mail_that_was_taken_unheard_is_found_and_not_sent_twice(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock, trouble: str, mail: Any
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(trouble)
    with pytest.raises((Refused, Died)):
        await package.complete("t1", MAIL, False)
    clock.advance(30_000)
    assert str(await refused(package, mail)) == BEING_SENT
    after = (await package.read("t1")).touchpoint
    assert (after.mail_id, after.completions, side.made) == ("mail1", 1, 1)
    await failed(package, side)
    assert (await package.complete("t1", mail, False)).touchpoint.mail_id == "mail2"


@pytest.mark.parametrize(("trouble", "made"), [(LOST, 1), (CRASH_AFTER, 1), (CRASH, 0), (GONE, 0)])
async def test_the_loop_finds_out_too(
    package: EmbeddedPackage,
    side: EmailSide,
    clock: HandClock,
    store: Store,
    trouble: str,
    made: int,
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(trouble)
    with pytest.raises((Refused, Died)):
        await package.complete("t1", MAIL, False)
    clock.advance(30_000)
    side.troubles["GET /v1/mail"].append(BROKEN)
    assert await package.finish_unfinished() == 0
    assert await package.finish_unfinished() == 1
    assert await store.cadence.unfinished(10) == []
    after = (await package.read("t1")).touchpoint
    assert (after.completions, after.mail_id) == (made, "mail1" if made else None)


async def test_the_loop_leaves_a_completion_alone_that_is_under_way(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(CRASH)
    with pytest.raises(Died):
        await package.complete("t1", MAIL, False)
    clock.advance(29_999)
    assert await package.finish_unfinished() == 0
    assert str(await refused(package)) == BEING_SENT
    clock.advance(1)
    assert (await package.complete("t1", MAIL, False)).touchpoint.mail_id == "mail1"


@pytest.mark.parametrize("mail", [MAIL, OTHER])
async def test_a_mail_that_only_its_event_told_of_takes_no_later_ones_key(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock, mail: Any
) -> None:
    """It was taken after everybody had given up on it."""
    await manual(package)
    side.troubles["POST /v1/mail"].append(GONE)
    await refused(package)
    assert await package.finish_unfinished() == 1
    links = {"touchpointId": "t1", "cadenceMemberId": "m1"}
    await side("POST", "/v1/mail", {**MAIL, **links}, {"Idempotency-Key": "complete.t1.0"})
    await failed(package, side)
    after = (await package.complete("t1", mail, False)).touchpoint
    assert (after.mail_id, after.completions, side.made) == ("mail2", 2, 2)


async def test_a_mail_that_was_taken_late_is_found_by_its_key(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(GONE)
    await refused(package)
    assert await package.finish_unfinished() == 1
    links = {"touchpointId": "t1", "cadenceMemberId": "m1"}
    await side("POST", "/v1/mail", {**MAIL, **links}, {"Idempotency-Key": "complete.t1.0"})
    assert str(await refused(package, OTHER)) == BEING_SENT
    after = (await package.read("t1")).touchpoint
    assert (after.mail_id, after.completions, side.made) == ("mail1", 1, 1)


@pytest.mark.parametrize("call", ["GET /v1/mail/{}", "GET /v1/mail"])
@pytest.mark.parametrize("trouble", [GONE, BROKEN, answer(200, []), answer(403, {})])
async def test_where_nothing_can_be_judged_nothing_is_sent(
    package: EmbeddedPackage, side: EmailSide, call: str, trouble: Any
) -> None:
    await manual(package)
    if call == "GET /v1/mail":
        side.troubles["POST /v1/mail"].append(GONE)
        await refused(package)
    else:
        await package.complete("t1", MAIL, False)
    side.troubles[call].append(trouble)
    made = len(side.asked("POST /v1/mail"))
    assert (await refused(package)).status == 503
    assert len(side.asked("POST /v1/mail")) == made


async def test_an_unknown_touchpoint_is_told(package: EmbeddedPackage) -> None:
    found = await refused(package)
    assert (found.status, found.reason) == (404, "unknown_touchpoint")
