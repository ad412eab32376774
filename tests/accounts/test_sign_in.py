"""`test` an account: each way that it fails, in words, and that it sends nothing."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from installation import Installation
from postbox import Postbox
from transports.test_oauth import token_server

from .conftest import PASSWORD, USER, account

ONE = "/v1/accounts/rep"


async def told(it: Installation, document: dict[str, Any]) -> dict[str, Any]:
    """What `test` says of an account that is set so."""
    answer = await it.http.put(ONE, json=document)
    assert answer.status_code in (200, 201), answer.text
    found = await it.http.post(f"{ONE}/test")
    assert found.status_code == 200
    assert PASSWORD not in found.text
    result: dict[str, Any] = found.json()
    return result


async def test_a_wrong_password_is_told_in_the_servers_words(
    it: Installation, box: Postbox
) -> None:
    found = await told(it, account(box.port, password="wrong"))
    assert (found["ok"], found["step"]) == (False, "login")
    assert (found["category"], found["errorCode"]) == ("mailbox_disconnected", "535 5.7.8")
    assert found["text"].endswith("Username and Password not accepted")
    assert "Set them anew" in found["next"]
    # A test is a test: it changes nothing.
    assert (await it.http.get(ONE)).json()["state"] == "ok"


async def test_a_port_where_nobody_listens_is_told(it: Installation) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = await told(it, account(free.getsockname()[1]))
    assert (found["ok"], found["step"], found["category"]) == (
        False,
        "connect",
        "service_unavailable",
    )
    assert "ECONNREFUSED" in found["error"]
    assert found["next"].startswith("Nothing listens there")


async def test_a_host_that_does_not_exist_is_told(it: Installation) -> None:
    transport = {"host": "no-such-host.invalid", "port": 465, "user": USER}
    found = await told(it, {"transport": transport, "password": PASSWORD})
    assert found["next"].startswith("There is no such host")


async def test_tls_where_the_server_speaks_none_is_told(it: Installation, box: Postbox) -> None:
    document = account(box.port)
    document["transport"]["secure"] = True
    found = await told(it, document)
    assert (found["ok"], found["step"]) == (False, "tls")
    assert "Port 465 is TLS from the start" in found["next"]


async def test_a_password_is_not_told_to_a_server_that_does_not_encrypt(
    it: Installation, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the server were elsewhere.
    monkeypatch.setattr("franking.app.outfit._own", lambda host: False)
    found = await told(it, account(box.port))
    assert (found["ok"], found["step"]) == (False, "tls")
    assert box.logins == []


async def test_a_token_that_is_not_granted_is_told(it: Installation, box: Postbox) -> None:
    denied = {"error": "invalid_grant", "error_description": "Token has been revoked."}
    async with token_server(400, denied) as server:
        tokens = {"clientId": "c", "clientSecret": PASSWORD, "refreshToken": PASSWORD}
        document = account(box.port, password=None)
        document["transport"]["oauth"] = {**tokens, "tokenUrl": server.url}
        found = await told(it, document)
    assert (found["ok"], found["category"]) == (False, "mailbox_disconnected")
    assert "invalid_grant: Token has been revoked." in found["error"]
    assert "refreshToken" in found["next"]


async def test_what_works_is_told_and_nothing_is_sent(it: Installation, box: Postbox) -> None:
    found = await told(it, account(box.port))
    assert found == {"ok": True, "state": "ok", "next": "It signs in. Nothing need be done."}
    assert (box.logins, box.mails) == ([USER], [])


async def test_what_works_again_is_to_be_resumed(it: Installation, box: Postbox) -> None:
    await told(it, account(box.port))
    await it.http.post(f"{ONE}/pause")
    found = (await it.http.post(f"{ONE}/test")).json()
    assert found["next"] == "It signs in. Resume it, and what waits is sent."


async def test_the_installations_own_server_can_be_tried_too(it: Installation) -> None:
    assert (await it.http.post("/v1/accounts/default/test")).json()["ok"] is True
