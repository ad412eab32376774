"""Which server a mail goes through, and what becomes of mails whose account can't be used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.app.routes import Routes
from franking.clock import HandClock
from franking.core.fault import Failure
from franking.stores.secrets import Vault
from franking.transports.smtp import Smtp
from installation import Installation
from postbox import Postbox

from .conftest import USER, account, mail

UNKNOWN = 'Error: The account "nobody" is not known. Create it, or leave the field out.'


async def put(it: Installation, id: str, document: object) -> None:
    answer = await it.http.put(f"/v1/accounts/{id}", json=document)
    assert answer.status_code in (200, 201), answer.text


async def test_a_mail_of_an_unknown_account_ends_and_says_so(it: Installation) -> None:
    ended = await it.write(mail("nobody"))
    delivery = ended["delivery"]
    assert (delivery["state"], delivery["error"]) == ("ERROR", UNKNOWN)
    assert (delivery["category"], delivery["attempts"]) == ("sending_not_allowed", 1)


async def test_an_unknown_account_is_not_disconnected_and_sends_once_it_is_set(
    it: Installation, box: Postbox
) -> None:
    await it.write(mail("nobody"))
    await put(it, "nobody", account(box.port))
    assert (await it.http.get("/v1/accounts/nobody")).json()["state"] == "ok"
    assert (await it.http.post("/v1/mail/m1/retry")).status_code == 200
    assert (await it.ended())["delivery"]["state"] == "SUCCESS"


async def test_an_account_whose_secret_is_lost_says_so_and_is_not_disconnected(
    it: Installation, box: Postbox
) -> None:
    other = Routes(it.store, Vault([b"k" * 32], "elsewhere"), it.clock, None, 1)
    await put(it, "rep", account(box.port))
    found = await other.route("rep")
    assert isinstance(found, Failure)
    assert found.kind == "account"
    assert "is sealed with the key" in found.error
    assert "not in elsewhere" in found.error


async def test_wrong_credentials_disconnect_and_resuming_sends(
    it: Installation, box: Postbox
) -> None:
    await put(it, "rep", account(box.port, password="wrong"))
    ended = await it.write(mail("rep"))
    assert ended["delivery"]["category"] == "mailbox_disconnected"
    await it.http.put("/v1/mail/m2", json=mail("rep"))
    held = await it.reached("PENDING", "m2")
    assert held["delivery"]["waitingFor"] == "account_disconnected"
    assert held["delivery"]["nextAttemptTime"] is None
    shown = (await it.http.get("/v1/accounts/rep")).json()
    assert (shown["state"], shown["waiting"]) == ("disconnected", 1)
    assert "Username and Password not accepted" in shown["reason"]
    await put(it, "rep", account(box.port))
    assert (await it.http.post("/v1/accounts/rep/resume")).json()["state"] == "ok"
    assert (await it.ended("m2"))["delivery"]["state"] == "SUCCESS"


async def test_every_account_goes_through_its_own_server(it: Installation, box: Postbox) -> None:
    await put(it, "rep", account(box.port))
    await it.write(mail("rep"), "m1")
    await it.write(mail("default"), "m2")
    assert (len(box.mails), len(it.box.mails)) == (1, 1)
    assert box.logins == [USER]


async def test_the_default_account_may_have_a_server_of_its_own_and_lose_it_again(
    it: Installation, box: Postbox
) -> None:
    await it.write(mail("default"), "m1")
    await put(it, "default", account(box.port))
    await eventually(lambda: through(it, "default", box.port))
    await it.write(mail("default"), "m2")
    assert (await it.http.delete("/v1/accounts/default")).status_code == 204
    await eventually(lambda: through(it, "default", it.box.port))
    await it.write(mail("default"), "m3")
    assert (len(it.box.mails), len(box.mails)) == (2, 1)


async def test_a_change_is_seen_within_two_seconds(tmp_path: Path, box: Postbox) -> None:
    clock = HandClock()
    async with Installation(tmp_path, accounts=True, clock=clock) as it:
        await put(it, "rep", account(1))
        await it.routes.route("rep")
        await put(it, "rep", account(box.port, limits={"connections": 3}))
        clock.advance(2_000)
        assert await through(it, "rep", box.port)


async def test_what_waits_goes_through_the_changed_account(it: Installation, box: Postbox) -> None:
    await put(it, "rep", account(1))
    first = await it.routes.route("rep")
    assert isinstance(first, Smtp)
    await put(it, "rep", account(box.port))
    await eventually(lambda: through(it, "rep", box.port))
    await it.write(mail("rep"))
    assert len(box.mails) == 1


async def test_a_limit_of_connections_is_the_accounts_own(it: Installation, box: Postbox) -> None:
    await put(it, "rep", account(box.port, limits={"connections": 1}))
    await asyncio.gather(*[it.write(mail("rep"), f"m{n}") for n in range(8)])
    assert (len(box.mails), len(box.logins)) == (8, 1)


async def test_only_the_accounts_used_last_keep_a_transport(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("franking.app.routes.MOST_ROUTES", 2)
    for name in "abc":
        await put(it, name, {"transport": {"uri": "smtp://127.0.0.1:1"}})
    first = [await it.routes.route(name) for name in "abc"]
    assert await it.routes.route("c") is first[2]
    assert await it.routes.route("b") is first[1]
    assert await it.routes.route("a") is not first[0]


async def through(it: Installation, account: str, port: int) -> bool:
    """Does the account go through that port now?"""
    found = await it.routes.route(account)
    return isinstance(found, Smtp) and f":{port})" in repr(found)


@pytest.mark.parametrize(
    ("document", "sender"),
    [(mail("rep"), USER), (mail("rep", **{"from": "Other <o@example.org>"}), "o@example.org")],
)
async def test_a_mail_without_a_from_is_from_its_accounts_own_address(
    it: Installation, box: Postbox, document: dict[str, Any], sender: str
) -> None:
    await put(it, "rep", account(box.port))
    delivery = (await it.write(document))["delivery"]
    [(envelope, _, sent)] = box.taken
    assert envelope == sender
    assert sender in sent["from"]
    assert delivery["info"]["messageId"].endswith(f"@{sender.partition('@')[2]}>")
