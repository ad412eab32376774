"""Bounces end to end: a mail goes out over SMTP, a report comes back over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import reports
from eventually import eventually
from franking.core.delivery import Bounds
from installation import Installation
from reports import about, block, report

Json = dict[str, Any]


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    bounds = Bounds(transient_attempts=2, retry_base_ms=1)
    async with Installation(tmp_path, bounds=bounds) as installation:
        yield installation


def mail(*to: str, **fields: Any) -> Json:
    message = {"subject": "s", "text": "t"}
    return {"to": list(to) or ["nobody@example.net"], "message": message, **fields}


async def sent(it: Installation, document: Json, id: str = "m1") -> str:
    """Sent, and the Message-ID that it went with."""
    found = await it.write(document, id)
    assert found["delivery"]["state"] == "SUCCESS", found
    return str(found["delivery"]["info"]["messageId"])


async def post(it: Installation, raw: bytes) -> list[Json]:
    headers = {"content-type": "message/rfc822"}
    answer = await it.http.post("/v1/bounces", content=raw, headers=headers)
    assert answer.status_code == 202, answer.text
    matched: list[Json] = answer.json()["matched"]
    return matched


async def timeline(it: Installation, id: str = "m1") -> Json:
    found: Json = (await it.http.get(f"/v1/mail/{id}/timeline")).json()
    return found


async def kinds(it: Installation) -> list[str]:
    return [event.kind for event in await it.office.events(0, 1000)]


async def suppressed(it: Installation) -> list[str]:
    answer = await it.http.get("/v1/suppressions")
    return [one["address"] for one in answer.json()["items"]]


async def test_a_report_on_no_mail_of_ours_changes_nothing(it: Installation) -> None:
    await sent(it, mail())
    assert await post(it, reports.POSTFIX) == []
    assert (await timeline(it))["bounces"] == []
    assert await suppressed(it) == []


@pytest.mark.parametrize("name", sorted(reports.ALL))
async def test_a_bounce_is_put_on_its_mails_timeline(it: Installation, name: str) -> None:
    message_id = await sent(it, mail())
    [matched] = await post(it, about(reports.ALL[name], message_id))
    assert (matched["mail"], matched["recipient"]) == ("m1", "nobody@example.net")
    assert (matched["category"], matched["repeated"]) == ("recipient_not_found", False)
    [bounce] = (await timeline(it))["bounces"]
    assert bounce == {name: value for name, value in matched.items() if name != "repeated"}
    assert bounce["message"].startswith("This email address doesn't exist")
    assert bounce["text"].startswith("550")


async def test_success_stays_success_and_the_event_is_told(it: Installation) -> None:
    message_id = await sent(it, mail(touchpointId="t1"))
    await post(it, about(reports.POSTFIX, message_id))
    assert (await it.read())["delivery"]["state"] == "SUCCESS"
    [*_, told] = await it.office.events(0, 10)
    assert (told.kind, told.mail, told.touchpoint_id) == ("email_Bounced", "m1", "t1")
    assert (told.body["recipient"], told.body["state"]) == ("nobody@example.net", "SUCCESS")
    assert told.body["error"]["category"] == "recipient_not_found"
    assert told.body["error"]["code"] == "550 5.1.1"
    assert told.body["error"]["detail"].startswith("550 5.1.1")


async def test_a_repeat_doubles_nothing(it: Installation) -> None:
    message_id = await sent(it, mail())
    raw = about(reports.POSTFIX, message_id)
    await post(it, raw)
    before = await kinds(it)
    [again] = await post(it, raw.replace(b"\n", b"\r\n"))
    assert again["repeated"] is True
    assert await kinds(it) == before
    assert len((await timeline(it))["bounces"]) == 1


async def test_a_repeat_does_not_suppress_again_who_was_let_off(it: Installation) -> None:
    message_id = await sent(it, mail())
    raw = about(reports.POSTFIX, message_id)
    await post(it, raw)
    await it.http.delete("/v1/suppressions/nobody@example.net")
    await post(it, raw)
    assert await suppressed(it) == []


async def test_an_address_that_does_not_exist_is_suppressed(it: Installation) -> None:
    message_id = await sent(it, mail("Nobody@Example.net"))
    await post(it, about(reports.POSTFIX, message_id))
    [found] = (await it.http.get("/v1/suppressions")).json()["items"]
    assert (found["address"], found["source"]) == ("nobody@example.net", "bounce")
    assert found["reason"].startswith("550 5.1.1")


@pytest.mark.parametrize(
    "fields",
    [
        block("nobody@example.net", status="5.2.2", said="552 5.2.2 mailbox full"),
        block("nobody@example.net", status="5.7.1", said="550 5.7.1 looks like spam"),
        block("nobody@example.net", status="4.1.1", said="450 4.1.1 no such user, yet"),
        block("nobody@example.net", "delayed", "4.4.1", said="451 4.4.1 no answer"),
        block("nobody@example.net", "delivered", "2.1.5", said="250 2.1.5 ok"),
        # A report is a mail from anybody: it can't name whom our mail did not.
        block("ceo@example.net"),
    ],
)
async def test_nothing_else_suppresses_an_address(it: Installation, fields: str) -> None:
    message_id = await sent(it, mail())
    assert len(await post(it, report(fields, message_id=message_id))) == 1
    assert await suppressed(it) == []


@pytest.mark.parametrize(
    ("action", "status"), [("delayed", "4.4.1"), ("delivered", "2.1.5"), ("relayed", "2.1.9")]
)
async def test_what_is_no_failure_makes_no_event(
    it: Installation, action: str, status: str
) -> None:
    message_id = await sent(it, mail())
    fields = block("nobody@example.net", action, status, said=f"{status[0]}50 {status} x")
    [matched] = await post(it, report(fields, message_id=message_id))
    assert (matched["action"], matched["category"] is None) == (action, action != "delayed")
    assert "email_Bounced" not in await kinds(it)


async def test_each_recipient_of_a_report_is_told_apart(it: Installation) -> None:
    message_id = await sent(it, mail("a@example.net", "b@example.net"))
    fields = (block("a@example.net"), block("b@example.net", status="5.2.2"))
    matched = await post(it, report(*fields, message_id=message_id))
    categories = {one["recipient"]: one["category"] for one in matched}
    assert categories["a@example.net"] == "recipient_not_found"
    assert categories["b@example.net"] == "recipient_mailbox_full"
    assert (await kinds(it)).count("email_Bounced") == 2


@pytest.mark.parametrize(
    "fields",
    [
        block("nobody@example.net"),
        block("nobody@example.net", "delivered", "2.1.5", said="250 2.1.5 ok"),
        block("elsewhere@example.org"),
    ],
)
async def test_a_bounce_or_receipt_ends_a_doubt(it: Installation, fields: str) -> None:
    it.box.hang_up = True
    document = {**mail(touchpointId="t1"), "headers": {"Message-ID": "<mine@example.com>"}}
    found = await it.write(document)
    assert found["delivery"]["outcome"] == "unknown"
    await post(it, report(fields, message_id="<mine@example.com>"))
    after = (await it.read())["delivery"]
    assert (after["state"], after["outcome"], after["error"]) == ("SUCCESS", "sent", None)
    told = [kind for kind in await kinds(it) if kind != "email_Error"]
    assert told[0] == "email_Sent"
    assert told[1:] == (["email_Bounced"] if "failed" in fields else [])


async def test_a_mail_whose_worker_died_is_known_by_its_token(it: Installation) -> None:
    await it.engine.stop(5)
    await it.http.put("/v1/mail/m1", json=mail())
    now = it.clock.now()
    [claimed] = await it.store.claim(now, 1, 1)
    assert await it.store.transmitting([claimed.lease], now) == [True]
    await eventually(lambda: swept(it))
    assert (await it.read())["delivery"]["outcome"] == "unknown"
    message_id = f"<{claimed.mail.message_token}@example.com>"
    [matched] = await post(it, about(reports.EXIM, message_id))
    assert matched["mail"] == "m1"
    assert (await it.read())["delivery"]["state"] == "SUCCESS"


async def swept(it: Installation) -> bool:
    await it.engine.sweeper.sweep()
    found = await it.read()
    return bool(found["delivery"]["state"] == "ERROR")


async def test_a_failure_that_is_known_is_not_undone(it: Installation) -> None:
    it.box.data = ["554 5.7.1 no"]
    document = {**mail(), "headers": {"Message-ID": "<mine@example.com>"}}
    assert (await it.write(document))["delivery"]["state"] == "ERROR"
    assert len(await post(it, report(block("nobody@example.net"), message_id="<mine@example.com>")))
    assert (await it.read())["delivery"]["state"] == "ERROR"


async def test_a_remainders_bounce_belongs_to_its_mail(it: Installation) -> None:
    it.box.rcpt["late@example.net"] = ["450 4.2.1 later"]
    message_id = await sent(it, mail("ada@example.net", "late@example.net"))
    await eventually(lambda: all_accepted(it))
    [matched] = await post(it, report(block("late@example.net"), message_id=message_id))
    assert (matched["mail"], matched["recipient"]) == ("m1", "late@example.net")
    assert await suppressed(it) == ["late@example.net"]


async def all_accepted(it: Installation) -> bool:
    info = (await it.read())["delivery"].get("info") or {}
    return len(info.get("accepted", ())) == 2


async def test_of_two_mails_with_one_message_id_the_recipient_decides(it: Installation) -> None:
    for id, to in (("m1", "a@example.net"), ("m2", "b@example.net")):
        document = {**mail(to), "headers": {"Message-ID": "<same@example.com>"}}
        await sent(it, document, id)
    [first] = await post(it, report(block("a@example.net"), message_id="<same@example.com>"))
    [second] = await post(it, report(block("b@example.net"), message_id="<same@example.com>"))
    assert (first["mail"], second["mail"]) == ("m1", "m2")


async def test_a_mail_that_is_removed_takes_its_bounces_along(it: Installation) -> None:
    message_id = await sent(it, mail())
    await post(it, about(reports.POSTFIX, message_id))
    assert (await it.http.delete("/v1/mail/m1")).status_code == 204
    assert await post(it, about(reports.POSTFIX, message_id)) == []


async def test_errors_that_no_rule_knows_are_counted(it: Installation) -> None:
    message_id = await sent(it, mail())
    fields = [
        block("nobody@example.net", "failed", "", said=f"mailer said hmm {n} to ada@example.com")
        for n in range(3)
    ]
    await post(it, report(*fields, message_id=message_id))
    [found] = (await it.http.get("/v1/errors/unknown")).json()["items"]
    assert (found["count"], found["example"]) == (3, "mailer said hmm 0 to a…@example.com")
