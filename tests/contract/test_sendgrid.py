"""The contract's cases 86 to 93, and what else is promised of SendGrid, through HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from eventually import eventually
from franking.core.delivery import Bounds
from installation import Installation
from transports.sendgrid.fake import (
    HANG_UP,
    KEY,
    SILENCE,
    UNAUTHORIZED,
    FakeSendGrid,
    fake_sendgrid,
)

A, B = "a@example.com", "b@x.com"
MESSAGE = {"subject": "s", "text": "t"}
MAIL: dict[str, Any] = {"to": A, "message": MESSAGE}
INVALID = "ValidationError: Invalid sendGrid configuration: "
LOST = "Error: Connection lost before the server confirmed the message."
DYNAMIC = {"templateId": "d-1", "dynamicTemplateData": {"name": "Ada"}}
ACCOUNT = {"transport": {"uri": "smtp://apikey@smtp.sendgrid.net:587"}, "password": KEY}


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeSendGrid]:
    async with fake_sendgrid() as fake:
        yield fake


@pytest_asyncio.fixture
async def it(tmp_path: Path, fake: FakeSendGrid) -> AsyncIterator[Installation]:
    """An installation whose account `default` is SendGrid's."""
    async with Installation(tmp_path, accounts=True, sendgrid=fake.url) as it:
        await put(it, "default", ACCOUNT)
        yield it


async def put(it: Installation, id: str, document: dict[str, Any]) -> None:
    answer = await it.http.put(f"/v1/accounts/{id}", json=document)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.case(86)
async def test_86_over_plain_smtp_the_fields_are_an_error(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        delivery = (await it.write({"to": A, "sendGrid": DYNAMIC}))["delivery"]
        assert delivery["error"] == "Error: sendGrid fields need the SendGrid transport."
        assert it.box.mails == []


@pytest.mark.case(87)
async def test_87_over_sendgrid_they_count(it: Installation, fake: FakeSendGrid) -> None:
    to = ["A@Example.com", "a@example.com"]
    document = {"to": to, "cc": f"B <{B}>", "categories": ["news"], "sendGrid": DYNAMIC}
    found = await it.write({**document, "replyTo": "Desk <desk@example.com>"})
    delivery = found["delivery"]
    assert (delivery["state"], delivery["error"]) == ("SUCCESS", None)
    assert (delivery["attempts"], delivery["outcome"]) == (1, "sent")
    info = delivery["info"]
    message_id = info.pop("messageId")
    assert info == {
        "accepted": [A, B],
        "rejected": [],
        "pending": [],
        "response": "status=202",
        "sendgridQueueId": "queue-1",
    }
    assert fake.taken == [
        {
            "personalizations": [
                {
                    "to": [{"email": "A@example.com"}],
                    "cc": [{"email": B, "name": "B"}],
                    "dynamic_template_data": {"name": "Ada"},
                }
            ],
            "from": {"email": "default@example.com", "name": "Default"},
            "reply_to": {"email": "desk@example.com", "name": "Desk"},
            "headers": {"message-id": message_id},
            "categories": ["news"],
            "template_id": "d-1",
        }
    ]
    assert it.box.mails == []


WRONG = [
    (88, {"dynamicTemplateData": {}}, "'templateId' is required when 'dynamicTemplateData' is"),
    (89, {"customArgs": {"a": 1}}, "'sendGrid.customArgs.a' must be a string"),
    (90, {"ipPoolName": 1}, "'sendGrid.ipPoolName' must be a string"),
    (91, "x", "'sendGrid' must be a map"),
]


@pytest.mark.parametrize(("case", "send_grid", "text"), WRONG, ids=[str(w[0]) for w in WRONG])
async def test_88_to_91_wrong_fields_are_told(
    it: Installation, fake: FakeSendGrid, case: int, send_grid: Any, text: str
) -> None:
    delivery = (await it.write({"to": A, "sendGrid": send_grid}))["delivery"]
    assert delivery["state"] == "ERROR"
    assert delivery["error"].startswith(f"{INVALID}Field {text}")
    assert fake.asked == 0


@pytest.mark.case(92)
async def test_92_settings_alone_are_valid_and_sendgrid_has_the_last_word(
    it: Installation, fake: FakeSendGrid
) -> None:
    document = {"to": A, "sendGrid": {"mailSettings": {"footer": {"enable": True}}}}
    taken = await it.http.post("/v1/mail", json=document)
    assert taken.status_code == 201
    delivery = (await it.ended(taken.json()["id"]))["delivery"]
    assert (delivery["state"], delivery["error"]) == ("ERROR", "Error: Bad Request")
    assert delivery["category"] == "message_content"
    with_message = await it.write({**document, "message": MESSAGE})
    assert with_message["delivery"]["state"] == "SUCCESS"
    assert fake.taken[0]["mail_settings"] == {"footer": {"enable": True}}


@pytest.mark.case(93)
async def test_93_unauthorized_is_told_so_and_disconnects_the_account(
    it: Installation, fake: FakeSendGrid
) -> None:
    fake.keys.clear()
    delivery = (await it.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["error"]) == ("ERROR", "Error: Unauthorized")
    assert (delivery["category"], delivery["errorCode"]) == ("mailbox_disconnected", "401")
    assert delivery["outcome"] == "not_sent"
    [attempt] = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
    assert attempt["text"] == UNAUTHORIZED
    assert (await it.http.get("/v1/accounts/default")).json()["state"] == "disconnected"


async def test_what_sendgrid_refuses_of_a_mail_is_told_verbatim(
    it: Installation, fake: FakeSendGrid
) -> None:
    document = {**MAIL, "sendGrid": {"templateId": "d-unknown"}}
    delivery = (await it.write(document))["delivery"]
    assert (delivery["error"], delivery["category"]) == ("Error: Bad Request", "message_content")
    [attempt] = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
    assert "must be a valid template id for your account" in attempt["text"]
    assert attempt["text"].endswith("(template_id)")


async def test_a_sender_that_is_not_verified_is_the_mails_trouble(
    it: Installation, fake: FakeSendGrid
) -> None:
    fake.verified = {"other@example.com"}
    delivery = (await it.write(MAIL))["delivery"]
    assert (delivery["error"], delivery["category"]) == ("Error: Forbidden", "sender_identity")
    assert (await it.http.get("/v1/accounts/default")).json()["state"] == "ok"


async def test_a_rate_limit_pauses_the_account_until_it_ends(
    it: Installation, fake: FakeSendGrid
) -> None:
    fake.troubles = [(429, "too many requests", {"Retry-After": "3600"})]
    await it.http.put("/v1/mail/m1", json=MAIL)
    delivery = (await it.reached("RETRY"))["delivery"]
    assert (delivery["category"], delivery["waitingFor"]) == ("send_limit", "send_limit")
    assert delivery["error"] == "Error: Too Many Requests"
    shown = (await it.http.get("/v1/accounts/default")).json()
    assert (shown["state"], shown["pausedUntil"]) == ("paused", delivery["nextAttemptTime"])
    assert fake.taken == []


async def test_credits_that_are_used_up_are_a_limit_and_disconnect_nothing(
    it: Installation, fake: FakeSendGrid
) -> None:
    fake.troubles = [(401, "Maximum credits exceeded", {})]
    await it.http.put("/v1/mail/m1", json=MAIL)
    assert (await it.reached("RETRY"))["delivery"]["waitingFor"] == "send_limit"
    assert (await it.http.get("/v1/accounts/default")).json()["state"] == "paused"


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        # Killed between the end of the body and the answer.
        (HANG_UP, LOST),
        # SendGrid says that something went wrong as it was at it; a gateway does not know.
        ((500, "internal server error", {}), "Error: Internal Server Error"),
        ((502, None, {}), "Error: Bad Gateway"),
    ],
)
async def test_where_nobody_knows_it_is_called_doubt(
    it: Installation, fake: FakeSendGrid, trouble: Any, error: str
) -> None:
    fake.troubles = [trouble]
    delivery = (await it.write(MAIL))["delivery"]
    assert (delivery["state"], delivery["outcome"]) == ("ERROR", "unknown")
    assert (delivery["error"], delivery["category"]) == (error, "outcome_unknown")
    assert fake.asked == 1
    refused = await it.http.post("/v1/mail/m1/retry")
    assert refused.json()["reason"] == "outcome_unknown"


async def test_a_doubt_goes_again_where_the_document_says_so(
    tmp_path: Path, fake: FakeSendGrid
) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=20)
    async with Installation(tmp_path, accounts=True, sendgrid=fake.url, bounds=bounds) as it:
        await put(it, "default", ACCOUNT)
        fake.troubles = [(500, "internal server error", {}), (503, None, {})]
        found = await it.write({**MAIL, "onUnknown": "resend"})
        assert (found["delivery"]["state"], found["delivery"]["attempts"]) == ("SUCCESS", 3)
        assert len(fake.taken) == 1


async def test_a_lease_that_runs_out_before_the_last_octet_sends_nothing(
    tmp_path: Path, fake: FakeSendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("franking.engine.hold.Hold.held", _begun_but_over())
    async with Installation(tmp_path, accounts=True, sendgrid=fake.url) as it:
        await put(it, "default", ACCOUNT)
        await it.http.put("/v1/mail/m1", json=MAIL)

        async def refused() -> bool:
            return fake.incomplete > 0

        await eventually(refused)
        assert fake.taken == []


def _begun_but_over() -> Any:
    """The lease is ours at the first two looks, before the body; never at the last."""
    looks: dict[int, int] = {}

    def held(hold: Any) -> bool:
        looks[id(hold)] = looks.get(id(hold), 0) + 1
        return looks[id(hold)] < 3

    return held


async def test_a_stop_waits_for_the_answer_and_leaves_no_lease(
    it: Installation, fake: FakeSendGrid
) -> None:
    fake.troubles = [SILENCE]
    await it.http.put("/v1/mail/m1", json=MAIL)
    await fake.whole.wait()
    await it.engine.stop(0.2)
    delivery = (await it.read())["delivery"]
    assert (delivery["state"], delivery["outcome"]) == ("ERROR", "unknown")


async def test_who_is_on_the_suppression_list_gets_nothing(
    it: Installation, fake: FakeSendGrid
) -> None:
    answer = await it.http.put(f"/v1/suppressions/{A}", json={})
    assert answer.status_code in (200, 201), answer.text
    info = (await it.write({**MAIL, "cc": B}))["delivery"]["info"]
    assert (info["accepted"], info["rejected"]) == ([B], [A])
    assert fake.taken[0]["personalizations"] == [{"to": [{"email": B}]}]


async def test_categories_mean_nothing_over_smtp(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        found = await it.write({**MAIL, "categories": ["news"]})
        assert found["delivery"]["state"] == "SUCCESS"
        assert "news" not in it.box.mails[0].as_string()


async def test_what_is_left_of_a_mail_is_not_made_anew_for_sendgrid(
    tmp_path: Path, fake: FakeSendGrid
) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=400)
    async with Installation(tmp_path, accounts=True, sendgrid=fake.url, bounds=bounds) as it:
        it.box.rcpt[B] = ["450 later"]
        await it.http.put("/v1/mail/m1", json={**MAIL, "to": [A, B]})
        await it.reached("SUCCESS")
        await put(it, "default", ACCOUNT)

        async def ended() -> dict[str, Any] | None:
            info: dict[str, Any] = (await it.read())["delivery"]["info"]
            return None if info["pending"] else info

        info = await eventually(ended)
        assert (info["accepted"], info["rejected"]) == ([A], [B])
        assert fake.taken == []
