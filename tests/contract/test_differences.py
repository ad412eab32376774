"""Where franking differs on purpose, through HTTP and a real SMTP server: section 9's column.

What a numbered case shows of it is beside that case; here is the rest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from cli.processes import mailbox, started, until_line
from eventually import eventually
from franking.clock import HandClock
from franking.core import times
from franking.core.delivery import Bounds
from installation import Installation

A, B = "ada@example.com", "bob@example.com"
MAIL: dict[str, Any] = {"to": A, "message": {"subject": "s", "text": "t"}}
FUTURE = "2999-01-01T00:00:00.000Z"
EXPIRED = "Message processing lease expired."
LEASE_MS = 60_000


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        yield installation


@pytest.mark.parametrize(
    ("transmitting", "expected"),
    [
        (False, ("RETRY", 0, None, "not_sent", None)),
        (True, ("ERROR", 1, EXPIRED, "unknown", "email_Error")),
    ],
)
async def test_a_worker_that_died_is_noticed_and_only_doubt_is_an_error(
    tmp_path: Path, transmitting: bool, expected: tuple[object, ...]
) -> None:
    clock = HandClock()
    async with Installation(tmp_path, clock=clock, started=False) as it:
        await it.http.put("/v1/mail/m1", json=MAIL)
        [claimed] = await it.store.claim(clock.now(), 1, LEASE_MS)
        if transmitting:
            assert await it.store.transmitting([claimed.lease], clock.now()) == [True]
        clock.advance(LEASE_MS)
        await it.engine.sweeper.sweep()
        delivery = (await it.read())["delivery"]
        [attempt] = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
        kinds = [event.kind for event in await it.office.events(0, 9)]
    state, attempts, error, outcome, kind = expected
    assert (delivery["state"], delivery["attempts"]) == (state, attempts)
    assert (attempt["outcome"], kinds) == (outcome, [kind] if kind else [])
    if state == "ERROR":
        ended = times.text(clock.now())
        assert (delivery["error"], delivery["endTime"]) == (error, ended)
    else:
        assert delivery["endTime"] is delivery["leaseExpireTime"] is None


ASKED = [
    ("patch", "", {"delivery": {"state": "RETRY"}}),
    ("patch", "", {"delivery": {"state": "PENDING"}}),
    ("patch", "", {"delivery": None}),
    ("put", "", {**MAIL, "delivery": None}),
    ("post", "/retry", {}),
    ("post", "/retry", {"force": True}),
]


@pytest.mark.parametrize(("how", "where", "body"), ASKED)
async def test_a_retry_while_it_is_sent_is_refused(
    it: Installation, how: str, where: str, body: dict[str, Any]
) -> None:
    preset = {"state": "PROCESSING", "leaseExpireTime": FUTURE}
    before = (await it.http.put("/v1/mail/m1", json={**MAIL, "delivery": preset})).json()
    refused = await it.http.request(how, f"/v1/mail/m1{where}", json=body)
    assert (refused.status_code, refused.json()["reason"]) == (409, "processing")
    assert (await it.http.delete("/v1/mail/m1")).status_code == 409
    assert await it.read() == before


@pytest.mark.parametrize(
    ("how", "where", "body"), [asked for asked in ASKED if "delivery': None" not in str(asked)]
)
async def test_a_retry_while_it_waits_changes_nothing(
    it: Installation, how: str, where: str, body: dict[str, Any]
) -> None:
    before = (await it.http.put("/v1/mail/m1", json={**MAIL, "sendAt": FUTURE})).json()
    assert (await it.http.request(how, f"/v1/mail/m1{where}", json=body)).status_code == 200
    assert await it.read() == before


async def test_an_edit_while_it_is_sent_is_taken(it: Installation) -> None:
    preset = {"state": "PROCESSING", "leaseExpireTime": FUTURE}
    await it.http.put("/v1/mail/m1", json={**MAIL, "delivery": preset})
    assert (await it.http.patch("/v1/mail/m1", json={"to": B})).status_code == 200
    found = await it.read()
    assert (found["to"], found["delivery"]["state"]) == (B, "PROCESSING")


@pytest.mark.parametrize(
    ("delivery", "detail"),
    [
        ({"state": "SUCCESS"}, "Field 'delivery.state' must be RETRY or PENDING"),
        ({"state": "ERROR"}, "Field 'delivery.state' must be RETRY or PENDING"),
        ({"state": None}, "Field 'delivery.state' must be RETRY or PENDING"),
        ({}, "Field 'delivery' must be null or a map with 'state'"),
        ("RETRY", "Field 'delivery' must be null or a map with 'state'"),
        *(
            ({"state": "RETRY", name: 0}, f"Field 'delivery.{name}' can't be written: it is")
            for name in ("attempts", "error", "info", "endTime", "expireAt")
        ),
    ],
)
async def test_what_else_is_asked_of_a_delivery_is_refused_by_name(
    it: Installation, delivery: Any, detail: str
) -> None:
    before = await it.write(MAIL)
    refused = await it.http.patch("/v1/mail/m1", json={"to": B, "delivery": delivery})
    assert (refused.status_code, refused.json()["reason"]) == (422, "invalid_document")
    assert refused.json()["detail"].startswith(detail)
    assert await it.read() == before


@pytest.mark.parametrize("delivery", [None, {"state": "RETRY"}, {"state": "ERROR"}, {}])
async def test_a_document_that_is_written_again_keeps_its_delivery(
    it: Installation, delivery: dict[str, Any] | None
) -> None:
    before = (await it.write(MAIL))["delivery"]
    again = MAIL if delivery is None else {**MAIL, "delivery": delivery}
    assert (await it.http.put("/v1/mail/m1", json=again)).status_code == 200
    assert (await it.read())["delivery"] == before
    assert it.box.dots == 1


REFUSED_BY_ALL = [
    # (of A, of B, what follows while tries are left)
    (["450 later"], ["450 later"], "SUCCESS"),
    (["550 never"], ["450 later"], "SUCCESS"),  # the last refusal is for now
    (["450 later"], ["550 never"], "ERROR"),
    (["550 never"], ["550 never"], "ERROR"),
]


@pytest.mark.parametrize(("first", "last", "state"), REFUSED_BY_ALL)
async def test_when_all_are_refused_the_last_refusal_decides(
    tmp_path: Path, first: list[str], last: list[str], state: str
) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=20)
    async with Installation(tmp_path, bounds=bounds) as it:
        it.box.rcpt |= {A: first, B: last}
        delivery = (await it.write({**MAIL, "to": [A, B]}))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == (state, 2 if state == "SUCCESS" else 1)


async def test_amp_and_a_calendar_event_are_sent(it: Installation) -> None:
    event = {"method": "REQUEST", "content": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}
    message = {**MAIL["message"], "amp": "<html amp4email>", "icalEvent": event}
    await it.write({"to": A, "message": message})
    kinds = [part.get_content_type() for part in it.box.mails[0].walk()]
    assert {"text/x-amp-html", "text/calendar"} <= set(kinds)


async def test_a_given_message_id_is_used(it: Installation) -> None:
    given = "<given@example.com>"
    found = await it.write({"to": A, "message": {**MAIL["message"], "messageId": given}})
    assert (it.box.mails[0]["message-id"], found["delivery"]["info"]["messageId"]) == (given, given)


async def test_a_made_message_id_is_kept_until_it_was_sent_or_edited(it: Installation) -> None:
    async def tried(expected: str, **fields: Any) -> None:
        await it.http.patch("/v1/mail/m1", json={**fields, "delivery": {"state": "RETRY"}})
        await it.reached(expected)

    it.box.data = ["554 no"]
    await it.write(MAIL)
    await tried("SUCCESS")
    it.box.data = ["554 no"]
    await tried("ERROR")
    await tried("SUCCESS", cc=B)
    first, again, after, edited = (mail["message-id"] for mail in it.box.offered)
    assert first == again
    assert len({again, after, edited}) == 3


@pytest.mark.parametrize("form", ["people", "json"])
async def test_no_content_and_no_address_is_logged(tmp_path: Path, form: str) -> None:
    message = {"subject": "hunter2", "text": "hunter2", "html": "hunter2"}
    async with mailbox() as capture:
        given = {"http": "127.0.0.1:0", "log_format": form, "transient_attempts": "1"}
        uri = f"smtp://127.0.0.1:{capture.port}"
        process = await started(tmp_path, "serve", smtp_connection_uri=uri, **given)
        url = (await until_line(process, "franking listens on ")).split()[3].rstrip(",")
        async with httpx.AsyncClient(base_url=url) as http:
            # Sent, refused, in doubt; then without a sender, invalid, and no JSON.
            for id, to in enumerate((A, "unknown@example.com", "drop@example.com")):
                document = {"to": to, "from": B, "message": message, "headers": {"X-A": "hunter2"}}
                await http.put(f"/v1/mail/{id}", json=document)
            await http.put("/v1/mail/x", json={"to": A, "message": message})
            await http.put("/v1/mail/y", json={"to": A, "message": {"subject": "hunter2"}})
            await http.put("/v1/mail/z", content=b'{"to": "hunter2')
            await eventually(lambda: _all_ended(http, 5))
        process.terminate()
        out, err = await process.communicate()
    log = (out + err).decode()
    assert not [word for word in ("hunter2", "@example.com") if word in log]


async def test_what_nobody_expected_is_logged_without_what_it_was_about(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(it.smtp, "send", _failing)
    with capture_logs() as lines:
        await it.http.put("/v1/mail/m1", json=MAIL)
        [line] = await eventually(lambda: _told(lines))
    assert (line["event"], line["mail"]) == ("a mail could not be handled", "m1")
    assert set(line) == {"event", "mail", "exc_info", "log_level"}


LOGGED = """
import sys
import structlog
from franking.app import logs
logs.configure(sys.argv[1])
document = sys.argv[2]
try:
    raise RuntimeError(document)
except RuntimeError:
    structlog.get_logger("franking").exception("it failed", mail="m1")
"""


@pytest.mark.parametrize("form", ["people", "json"])
def test_a_traceback_shows_no_variables(form: str) -> None:
    command = [sys.executable, "-c", LOGGED, form, "hunter2"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "RuntimeError" in log
    assert "line 8" in log
    assert "hunter2" not in log


async def _failing(*given: Any) -> Any:
    raise RuntimeError("a bug")


async def _told(lines: Any) -> Any:
    return [line for line in lines if "exc_info" in line]


async def _all_ended(http: httpx.AsyncClient, count: int) -> bool:
    items = (await http.get("/v1/mail")).json()["items"]
    return [item["delivery"]["state"] in ("SUCCESS", "ERROR") for item in items] == [True] * count
