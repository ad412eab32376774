"""Accounts of SendGrid's: which go through its Web API, what each needs, and trying one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from franking.app.outfit import through
from franking.core.sender import Secrets, Server
from franking.transports.smtp_settings import SmtpSettings
from installation import Installation
from transports.sendgrid.fake import (
    KEY,
    UNAUTHORIZED,
    FakeSendGrid,
    fake_sendgrid,
)

A = "a@example.com"
MAIL: dict[str, Any] = {"to": A, "message": {"subject": "s", "text": "t"}}
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


HOSTS = [
    ({"uri": "smtps://smtp.sendgrid.net:465"}, True),
    ({"uri": "smtp://someone@smtp.sendgrid.net:2525?maxConnections=1"}, True),
    ({"uri": "smtp://smtp.sendgrid.net:1?service=gmail"}, True),
    ({"host": "smtp.sendgrid.net", "user": "apikey"}, True),
    ({"host": "smtp.sendgrid.net"}, True),
    ({"uri": "smtp://apikey@127.0.0.1:{port}"}, False),
]


@pytest.mark.parametrize(("transport", "api"), HOSTS, ids=[str(h[0]) for h in HOSTS])
async def test_the_host_alone_decides(
    it: Installation, fake: FakeSendGrid, transport: dict[str, Any], api: bool
) -> None:
    if "uri" in transport:
        transport = {"uri": transport["uri"].format(port=it.box.port)}
    it.box.users["apikey"] = KEY
    await put(it, "rep", {"address": A, "transport": transport, "password": KEY})
    assert (await it.write({**MAIL, "account": "rep"}))["delivery"]["state"] == "SUCCESS"
    assert (len(fake.taken), len(it.box.mails)) == ((1, 0) if api else (0, 1))


async def test_the_preset_goes_through_the_api_and_wants_a_key(
    it: Installation, fake: FakeSendGrid
) -> None:
    refused = await it.http.put("/v1/accounts/rep", json={"preset": "sendgrid"})
    assert refused.status_code == 422
    await put(it, "rep", {"preset": "sendgrid", "password": KEY})
    found = await it.write({**MAIL, "account": "rep", "sendGrid": {"templateId": "d-1"}})
    assert found["delivery"]["state"] == "SUCCESS"
    shown = await it.http.get("/v1/accounts/rep")
    assert shown.json()["password"] is True
    assert KEY not in shown.text


NO_ACCOUNT = [
    ({"transport": ACCOUNT["transport"]}, "Field 'password' is missing"),
    ({**ACCOUNT, "password": "two words"}, "Field 'password' can't be used: a SendGrid API key"),
    (
        {"transport": {"uri": "smtp://smtp.sendgrid.net:587", "oauth": {"clientId": "c"}}},
        "Field 'transport.oauth' is not for SendGrid",
    ),
]


@pytest.mark.parametrize(("document", "text"), NO_ACCOUNT, ids=[n[1] for n in NO_ACCOUNT])
async def test_what_is_no_account_of_sendgrids_is_refused_by_its_field(
    it: Installation, document: dict[str, Any], text: str
) -> None:
    refused = await it.http.put("/v1/accounts/rep", json=document)
    assert refused.status_code == 422
    assert text in refused.text
    assert "two words" not in refused.text


async def test_a_key_that_is_kept_need_not_be_given_again(
    it: Installation, fake: FakeSendGrid
) -> None:
    await put(it, "default", {**ACCOUNT, "password": True, "limits": {"connections": 1}})
    assert (await it.write(MAIL))["delivery"]["state"] == "SUCCESS"


async def tried(it: Installation) -> dict[str, Any]:
    answer = await it.http.post("/v1/accounts/default/test")
    assert answer.status_code == 200
    assert KEY not in answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_sign_in_asks_what_the_key_may_do_and_sends_nothing(
    it: Installation, fake: FakeSendGrid
) -> None:
    assert (await tried(it))["ok"] is True
    fake.keys[KEY] = ["alerts.read"]
    found = await tried(it)
    assert (found["ok"], found["category"]) == (False, "sending_not_allowed")
    assert "mail.send" in found["error"]
    assert "Mail Send" in found["next"]
    fake.keys.clear()
    found = await tried(it)
    assert (found["category"], found["errorCode"]) == ("mailbox_disconnected", "401")
    assert found["text"] == UNAUTHORIZED
    assert (found["step"], "API Keys" in found["next"]) == ("login", True)
    fake.troubles = [(503, None, {})]
    found = await tried(it)
    assert (found["category"], "try again later" in found["next"]) == ("service_unavailable", True)
    fake.troubles = [(200, "no scopes", {})]
    assert "proxy" in (await tried(it))["next"]
    assert (fake.taken, fake.asked) == ([], 5)


async def test_a_sign_in_where_nobody_listens_is_told(tmp_path: Path) -> None:
    async with Installation(tmp_path, accounts=True, sendgrid="http://127.0.0.1:1") as it:
        await put(it, "default", ACCOUNT)
        found = await tried(it)
        assert (found["ok"], found["category"]) == (False, "service_unavailable")
        assert "ECONNREFUSED" in found["error"]
        assert "api.sendgrid.com" in found["next"]


@pytest.mark.parametrize(
    "server",
    [
        Server(uri="smtp://smtp.sendgrid.net.example.com:587", user="u"),
        Server(uri="smtp://example.com:587?service=SendGrid", user="u"),
        Server(host="smtp.eu.sendgrid.net", user="u"),
    ],
)
def test_what_only_looks_like_sendgrid_is_smtp(server: Server) -> None:
    assert isinstance(through(server, Secrets(password=KEY)), SmtpSettings)
