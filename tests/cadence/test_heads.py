"""For whom an email is and its subject, through all that happens to its touchpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from franking.clock import HandClock
from franking.outlets.base import Refused
from franking.outlets.package import EmbeddedPackage

from .conftest import MAIL, automated, event, manual
from .side import CRASH_AFTER, GONE, LOST, Died, EmailSide, answer

Rows = Callable[[], list[Any]]
OTHER = {"to": ["bob@example.com", "eve@example.com"], "message": {"subject": "Ho", "text": "x"}}
ADA, BOB, NOBODY = (
    ("ada@example.com", "Hi"),
    ("bob@example.com, eve@example.com", "Ho"),
    (None, None),
)
RETRY = "POST /timer/{}/retry"


async def head(package: EmbeddedPackage) -> tuple[str | None, str | None]:
    """As it is read, and as it is found by its words."""
    touchpoint = (await package.read("t1")).touchpoint
    found = touchpoint.recipient, touchpoint.subject
    for words in filter(None, found):
        assert [t.id for t in (await package.look({"q": words}, 10)).touchpoints] == ["t1"]
    return found


async def failed(package: EmbeddedPackage) -> None:
    await automated(package)
    await package.take(event())


async def test_an_automated_one_has_its_planned_mails_head(package: EmbeddedPackage) -> None:
    await automated(package, mail=OTHER)
    assert await head(package) == BOB


async def test_a_manual_one_has_none_until_it_is_completed(package: EmbeddedPackage) -> None:
    await manual(package)
    assert await head(package) == NOBODY
    await package.complete("t1", MAIL, False)
    assert await head(package) == ADA


async def test_completed_again_it_has_the_new_head(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = {"state": "ERROR", "outcome": "not_sent"}
    await package.take(event(mailId="mail1"))
    assert await head(package) == ADA
    await package.complete("t1", OTHER, False)
    assert await head(package) == BOB


@pytest.mark.parametrize("name", ["email_Rate_Limited", "email_Error", "email_Sent"])
async def test_events_leave_the_head(package: EmbeddedPackage, name: str) -> None:
    await automated(package)
    await package.take(event(name))
    await package.take(event("email_Sent", 2, retryCount=1))
    assert await head(package) == ADA


@pytest.mark.parametrize("trouble", [answer(400, {"detail": "No."}), GONE])
async def test_a_completion_that_was_not_taken_leaves_the_head(
    package: EmbeddedPackage, side: EmailSide, trouble: Any
) -> None:
    await manual(package)
    await package.complete("t1", MAIL, False)
    side.mails["mail1"]["delivery"] = {"state": "ERROR", "outcome": "not_sent"}
    side.troubles["POST /v1/mail"].append(trouble)
    with pytest.raises(Refused):
        await package.complete("t1", OTHER, False)
    assert await head(package) == ADA


@pytest.mark.parametrize("trouble", [LOST, CRASH_AFTER])
async def test_a_completion_whose_end_was_lost_has_the_head_of_the_mail_that_is_there(
    package: EmbeddedPackage, side: EmailSide, clock: HandClock, trouble: str
) -> None:
    await manual(package)
    side.troubles["POST /v1/mail"].append(trouble)
    with pytest.raises((Refused, Died)):
        await package.complete("t1", OTHER, False)
    assert await head(package) == NOBODY
    clock.advance(60_000)
    await package.finish_unfinished()
    assert await head(package) == BOB


async def test_a_completion_under_a_used_key_has_the_head_of_the_mail_that_has_it(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await manual(package)
    ghost = OTHER | {"touchpointId": "t1", "id": "mail7", "delivery": {"state": "PENDING"}}
    side.mails["mail7"] = ghost
    side.keys["complete.t1.0"] = ({}, "mail7")
    with pytest.raises(Refused):
        await package.complete("t1", MAIL, False)
    assert await head(package) == BOB


@pytest.mark.parametrize(
    ("mail", "after"),
    [
        (None, ADA),
        ({}, ADA),
        ({"message": {"text": "other"}}, ADA),
        ({"to": "bob@example.com"}, ("bob@example.com", "Hi")),
        ({"message": {"subject": "Ho"}}, ("ada@example.com", "Ho")),
        ({"to": OTHER["to"], "message": OTHER["message"]}, BOB),
        ({"message": {"subject": None}}, ("ada@example.com", None)),
    ],
)
async def test_a_mended_retry_mends_what_it_names(
    package: EmbeddedPackage, mail: Any, after: Any
) -> None:
    await failed(package)
    await package.retry("t1", mail, False)
    assert await head(package) == after
    assert (await package.read("t1")).touchpoint.status == "Manual Retry"


@pytest.mark.parametrize(
    "trouble", [answer(400, {"error_message": "No."}), GONE, LOST, answer(200)]
)
async def test_a_mended_retry_that_was_refused_leaves_every_byte(
    package: EmbeddedPackage, side: EmailSide, rows: Rows, trouble: Any
) -> None:
    await failed(package)
    before = rows()
    side.troubles[RETRY].append(trouble)
    with pytest.raises(Refused):
        await package.retry("t1", OTHER, False)
    assert rows() == before


async def test_a_mended_retry_that_an_event_told_first_mends_the_head_alone(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await failed(package)
    side.hold()
    retry = asyncio.create_task(package.retry("t1", OTHER, False))
    await side.reached.wait()
    before = (await package.take(event("email_Sent", 2, retryCount=1))).shown
    side.let_go()
    after = await retry
    assert await head(package) == BOB
    assert (after.touchpoint.status, after.children) == ("Sent", before.children)


async def test_a_repeat_of_an_earlier_retry_brings_no_earlier_head_back(
    package: EmbeddedPackage, side: EmailSide
) -> None:
    await failed(package)
    await package.retry("t1", OTHER, False, "first")
    await package.take(event(sequence=2, retryCount=1))
    await package.retry("t1", {"to": "ada@example.com"}, False, "second")
    side.troubles[RETRY].append(answer(200, {"retryCount": 1}))
    await package.retry("t1", OTHER, False, "first")
    assert await head(package) == ("ada@example.com", "Ho")


@pytest.mark.parametrize(
    ("mail", "shown"),
    [
        ({"to": "a\0b@example.com", "message": {"subject": "x\0\r\ny\u2028z"}}, "x y z"),
        ({"to": "a b@example.com", "message": {"subject": "<b>🎉</b>" + "x" * 500}}, None),
        ({"to": 5, "message": [1]}, None),
        ({"to": {"a": 1}, "message": {"subject": {"b": 2}}}, None),
    ],
)
async def test_a_hostile_head_is_kept_as_a_line(
    package: EmbeddedPackage, mail: Any, shown: str | None
) -> None:
    found = (await automated(package, mail=mail)).touchpoint
    if isinstance(mail["to"], str):
        assert found.recipient == "a b@example.com"
        assert found.subject == shown or found.subject == ("<b>🎉</b>" + "x" * 500)[:199]
    else:
        assert (found.recipient, found.subject) == NOBODY
    assert (await package.read("t1")).touchpoint.subject == found.subject


async def test_a_deleted_one_is_found_no_more(package: EmbeddedPackage) -> None:
    await automated(package)
    await package.delete("t1")
    assert (await package.look({"q": "ada"}, 10)).touchpoints == ()
