"""The calls on accounts over HTTP: their refusals, then what they show and do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import stored
from franking.clock import HandClock
from installation import Installation
from postbox import Postbox

from .conftest import PASSWORD, USER, account, mail

ONE = "/v1/accounts/rep"
SERVER = {"type": "smtp", "host": "smtp.example.com", "port": 465, "secure": True}


async def problem(it: Installation, method: str, path: str, body: object = None) -> dict[str, Any]:
    answer = await it.http.request(method, path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["next"]
    assert PASSWORD not in answer.text
    return found


REFUSED: list[tuple[str, str, object, int, str, str | None]] = [
    ("GET", ONE, None, 404, "unknown_account", None),
    ("DELETE", ONE, None, 404, "unknown_account", None),
    ("POST", f"{ONE}/pause", {}, 404, "unknown_account", None),
    ("POST", f"{ONE}/resume", None, 404, "unknown_account", None),
    ("POST", f"{ONE}/test", None, 404, "unknown_account", None),
    ("PUT", ONE, [], 400, "no_object", None),
    ("PUT", ONE, {}, 422, "invalid_document", "transport"),
    ("PUT", ONE, {"transport": {"host": "h", "port": 0}}, 422, "invalid_document", None),
    ("PUT", "/v1/accounts/__x__", {}, 400, "bad_id", "id"),
    ("PUT", "/v1/accounts/a%2Fb", {}, 400, "bad_id", "id"),
    ("PUT", "/v1/accounts/" + "x" * 256, {}, 400, "bad_id", "id"),
    ("PUT", "/v1/accounts/rekey", {}, 405, "unknown_method", None),
    ("GET", "/v1/accounts?limit=0", None, 400, "bad_query", "limit"),
    ("GET", "/v1/accounts?limit=201", None, 400, "bad_query", "limit"),
    ("GET", "/v1/accounts?state=ok", None, 400, "bad_query", "state"),
    ("POST", "/v1/accounts/default/resume", {"force": True}, 422, "bad_field", "force"),
    ("POST", "/v1/accounts/default/test", {"to": "a"}, 422, "bad_field", "to"),
    ("POST", "/v1/accounts/rekey", {"a": 1}, 422, "bad_field", "a"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "reason", "field"), REFUSED)
async def test_what_is_wrong_is_told(
    it: Installation,
    method: str,
    path: str,
    body: object,
    status: int,
    reason: str,
    field: str | None,
) -> None:
    found = await problem(it, method, path, body)
    assert (found["status"], found["reason"]) == (status, reason)
    assert field is None or found["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 1.5}, "minutes"),
        ({"minutes": "5"}, "minutes"),
        ({"minutes": 10**9}, "minutes"),
        ({"until": "soon"}, "until"),
        ({"until": 5}, "until"),
        ({"until": "2026-11-21T14:05:00"}, "until"),
        ({"until": "1996-11-21T14:05:00Z"}, "until"),
        ({"minutes": 5, "until": "2926-11-21T14:05:00Z"}, "minutes"),
        ({"reason": ""}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"for": 5}, "for"),
    ],
)
async def test_a_pause_that_is_wrong_names_the_field(
    it: Installation, body: object, field: str
) -> None:
    found = await problem(it, "POST", "/v1/accounts/default/pause", body)
    assert (found["status"], found["field"]) == (422, field)
    assert (await it.http.get("/v1/accounts/default")).json()["state"] == "ok"


@pytest.mark.parametrize(
    "moved",
    [
        {"host": "smtp.example.org"},
        {"port": 587},
        {"secure": False},
        {"user": "boss@example.com"},
        {"oauth": {"clientId": "c"}},
    ],
)
async def test_a_password_is_not_kept_for_another_server_or_user(
    it: Installation, moved: dict[str, Any]
) -> None:
    transport = {**SERVER, "user": USER}
    await it.http.put(ONE, json={"transport": transport, "password": PASSWORD})
    found = await problem(it, "PUT", ONE, {"transport": {**transport, **moved}})
    assert found["status"] == 422
    assert "is missing: it is not kept for another server or user" in found["detail"]
    kept = (await it.http.get(ONE)).json()
    assert kept["transport"] == transport


async def test_a_user_without_a_password_is_refused(it: Installation) -> None:
    found = await problem(it, "PUT", ONE, {"transport": {**SERVER, "user": USER}})
    assert (found["status"], found["field"]) == (422, "password")


async def test_an_unknown_option_of_a_uri_is_refused_by_name(it: Installation) -> None:
    uri = f"smtps://rep:{PASSWORD}@h:465/?tls.rejectUnautorized=false"
    found = await problem(it, "PUT", ONE, {"transport": {"uri": uri}})
    assert (found["status"], found["field"]) == (422, "transport.uri")


async def test_an_account_is_shown_whole_but_for_its_secret(it: Installation) -> None:
    document = {"address": USER, "preset": "microsoft365", "password": PASSWORD}
    answer = await it.http.put(ONE, json={**document, "limits": {"perDay": 500}})
    assert (answer.status_code, answer.headers["location"]) == (201, ONE)
    shown = answer.json()
    assert shown == (await it.http.get(ONE)).json()
    assert shown.pop("createTime") is not None
    server = {"type": "smtp", "host": "smtp.office365.com", "port": 587, "secure": False}
    limits = {"perMinute": 30, "perDay": 500, "recipientsPerDay": 10_000, "connections": 3}
    assert shown == {
        "id": "rep",
        "address": USER,
        "preset": "microsoft365",
        "transport": {**server, "user": USER},
        "password": True,
        "limits": limits,
        "state": "ok",
        "pausedUntil": None,
        "reason": None,
        "since": None,
        "waiting": 0,
        "sentToday": None,
    }


@pytest.mark.skipif(stored.ON_POSTGRESQL, reason="it reads the database's file")
async def test_no_secret_comes_back_nor_lies_in_the_database(
    it: Installation, tmp_path: Path
) -> None:
    uri = f"smtps://rep:{PASSWORD}@smtp.example.com:465/?requireTLS=true"
    tokens = {"clientId": "c", "clientSecret": PASSWORD + "2", "refreshToken": PASSWORD + "3"}
    answers = [
        await it.http.put("/v1/accounts/a", json={"transport": {"uri": uri}}),
        await it.http.put("/v1/accounts/b", json=account(1)),
        await it.http.put(
            "/v1/accounts/c", json={"transport": {**SERVER, "user": USER, "oauth": tokens}}
        ),
        await it.http.get("/v1/accounts"),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201), answer.text
        assert PASSWORD not in answer.text
    shown = {one["id"]: one for one in answers[-1].json()["items"]}
    assert shown["a"]["transport"]["uri"] == "smtps://smtp.example.com:465/?requireTLS=true"
    assert shown["c"]["transport"]["oauth"]["refreshToken"] is True
    assert (shown["b"]["password"], shown["c"]["password"]) == (True, False)
    files = contents(tmp_path)
    assert any(b"smtp.example.com" in content for content in files)
    assert not any(PASSWORD.encode() in content for content in files)


def contents(folder: Path) -> list[bytes]:
    """Every file of the database, its log included."""
    return [path.read_bytes() for path in folder.iterdir() if path.is_file()]


async def test_what_was_read_can_be_written_back(it: Installation) -> None:
    await it.http.put(ONE, json=account(1, limits={"perDay": 5}))
    shown = (await it.http.get(ONE)).json()
    again = await it.http.put(ONE, json=shown)
    assert (again.status_code, again.json()) == (200, shown)


async def test_accounts_are_listed_by_id_page_by_page(it: Installation) -> None:
    for id in ("c", "a", "b"):
        await it.http.put(f"/v1/accounts/{id}", json=account(1))
    first = (await it.http.get("/v1/accounts", params={"limit": 2})).json()
    rest = (await it.http.get("/v1/accounts", params={"after": first["next"]})).json()
    assert [one["id"] for one in (*first["items"], *rest["items"])] == ["a", "b", "c"]
    assert rest["next"] is None


async def test_a_pause_ends_by_itself_or_when_it_is_resumed(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, accounts=True, clock=clock) as it:
        await it.http.put(ONE, json=account(1))
        paused = await it.http.post(f"{ONE}/pause", json={"minutes": 5, "reason": "moving"})
        assert (paused.json()["state"], paused.json()["reason"]) == ("paused", "moving")
        clock.advance(5 * 60_000)
        assert (await it.http.get(ONE)).json()["state"] == "ok"
        for_ever = (await it.http.post(f"{ONE}/pause")).json()
        assert (for_ever["state"], for_ever["pausedUntil"]) == ("paused", None)
        resumed = (await it.http.post(f"{ONE}/resume")).json()
        assert (resumed["state"], resumed["reason"], resumed["since"]) == ("ok", None, None)


async def test_a_paused_accounts_mails_wait_and_go_when_it_is_resumed(
    it: Installation, box: Postbox
) -> None:
    await it.http.put(ONE, json=account(box.port))
    paused = (await it.http.post(f"{ONE}/pause", json={"minutes": 30})).json()
    answer = await it.http.post("/v1/mail", json=mail("rep"))
    id = answer.json()["id"]
    waiting = (await it.read(id))["delivery"]
    assert (waiting["state"], waiting["waitingFor"]) == ("PENDING", "account_paused")
    assert waiting["nextAttemptTime"] == paused["pausedUntil"]
    assert (await it.http.get(ONE)).json()["waiting"] == 1
    await it.http.post(f"{ONE}/resume")
    assert (await it.ended(id))["delivery"]["state"] == "SUCCESS"


async def test_the_installations_own_account_can_be_looked_at_and_paused(it: Installation) -> None:
    own = (await it.http.get("/v1/accounts/default")).json()
    assert (own["state"], own["transport"], own["waiting"]) == ("ok", None, 0)
    await it.http.post("/v1/accounts/default/pause", json={"minutes": 5})
    assert (await it.http.get("/v1/accounts/default")).json()["state"] == "paused"
    assert [one["id"] for one in (await it.http.get("/v1/accounts")).json()["items"]] == ["default"]
