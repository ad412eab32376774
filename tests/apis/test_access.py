"""Who may call: each way to be refused, then who is served, and for how long."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventually import eventually
from franking.apis.http import Front, build
from franking.clock import HandClock
from franking.core.key import Scope
from franking.core.scopes import needed
from franking.office import Office
from franking.office.keys import REMEMBERED_MS
from franking.stores.base import Store

from .conftest import served

Peer = tuple[str, int] | None
MAIL = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hi"}}
NOBODY = "01M7ZPYQX2ANKM37PK05TF9YZP"


def calling(front: Front, key: str | None = None, peer: Peer = ("127.0.0.1", 5)) -> Any:
    """A caller at an address, with a key or without."""
    transport = httpx.ASGITransport(front, raise_app_exceptions=False, client=peer)  # type: ignore[arg-type]
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025", headers=headers)


@pytest.fixture
def office(store: Store, clock: HandClock) -> Office:
    return Office(store, clock, lambda: None)


@pytest.fixture
def front(office: Office, clock: HandClock) -> Front:
    return build(office, clock, heartbeat_seconds=0.02)


@pytest.fixture
def elsewhere(store: Store, clock: HandClock) -> Office:
    """Another process on the same database."""
    return Office(store, clock, lambda: None)


@pytest.fixture
async def key(office: Office) -> str:
    """A key that may read and write mails."""
    return await made(office, Scope.MAIL_READ, Scope.MAIL_WRITE)


async def made(office: Office, *scopes: Scope, per_minute: int | None = None) -> str:
    _, text = await office.keys.create("", scopes, per_minute)
    return text


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["reason"]


@pytest.mark.parametrize(
    "peer",
    [
        ("10.0.0.5", 5),
        ("128.0.0.1", 5),
        ("0.0.0.0", 5),
        ("::", 5),
        ("::2", 5),
        ("::ffff:10.0.0.5", 5),
        ("localhost", 5),  # a name is no address
        ("", 5),
        None,  # nobody knows who: uvicorn says so of a connection that is gone
    ],
)
async def test_without_a_key_nobody_else_is_served(front: Front, peer: Peer) -> None:
    async with calling(front, peer=peer) as client:
        for method, path in (("GET", "/v1/mail"), ("POST", "/v1/mail"), ("POST", "/v1/keys")):
            answer = await client.request(method, path, json=MAIL)
            assert refusal(answer) == (401, "key_missing")
            assert "only callers on this machine" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
async def test_without_a_key_this_machine_is_served(front: Front, host: str) -> None:
    async with calling(front, peer=(host, 5)) as client:
        assert (await client.post("/v1/mail", json=MAIL)).status_code == 201


@pytest.mark.parametrize("name", ["forwarded", "x-forwarded-for", "X-Real-IP", "via"])
async def test_without_a_key_a_proxy_on_this_machine_is_not_served(front: Front, name: str) -> None:
    async with calling(front) as client:
        answer = await client.get("/v1/mail", headers={name: "127.0.0.1"})
        assert refusal(answer) == (401, "key_missing")


def basic(pair: str | bytes) -> str:
    raw = pair if isinstance(pair, bytes) else pair.encode()
    return f"Basic {base64.b64encode(raw).decode()}"


# What is sent where the key is `k`, and what is told.
REFUSED: list[tuple[Callable[[str], list[str]], str]] = [
    (lambda k: [], "key_missing"),
    (lambda k: [""], "key_unknown"),
    (lambda k: ["Bearer"], "key_unknown"),
    (lambda k: ["Bearer "], "key_unknown"),
    (lambda k: [k], "key_unknown"),
    (lambda k: [f"Digest {k}"], "key_unknown"),
    (lambda k: [f"Bearer {k[:-1]}"], "key_unknown"),
    (lambda k: [f"Bearer {k}A"], "key_unknown"),
    (lambda k: [f"Bearer {k} {k}"], "key_unknown"),
    (lambda k: [f"Bearer {k.lower()}"], "key_unknown"),
    (lambda k: [f"Bearer {k[:30]}{'A' * 43}"], "key_unknown"),  # its id, another secret
    (lambda k: [f"Bearer {k.replace(k[3:29], NOBODY)}"], "key_unknown"),  # its secret, no such id
    (lambda k: [f"Bearer {k}", f"Bearer {k}"], "key_unknown"),  # which of them would be meant?
    (lambda k: [f"Bearer {k}{' ' * 2000}"], "key_unknown"),
    (lambda k: [f"Basic {k}"], "key_unknown"),
    (lambda k: [basic(k)], "key_unknown"),
    (lambda k: [basic(f"{k}:")], "key_unknown"),  # as the user
    (lambda k: [basic(f"u:v:{k}")], "key_unknown"),
    (lambda k: [basic(b"\xff:\xff")], "key_unknown"),
    (lambda k: ["Basic ====", ""], "key_unknown"),
]


@pytest.mark.parametrize(("send", "reason"), REFUSED)
async def test_once_there_is_a_key_nothing_else_will_do(
    front: Front, key: str, send: Callable[[str], list[str]], reason: str
) -> None:
    headers = [("authorization", value) for value in send(key)]
    async with calling(front) as client:
        answer = await client.post("/v1/mail", json=MAIL, headers=headers)
        assert refusal(answer) == (401, reason)
        assert answer.json()["field"] == "Authorization"
        bearer, plain = answer.headers.get_list("www-authenticate")
        assert bearer.startswith('Bearer realm="franking"')
        assert ("invalid_token" in bearer) is (reason != "key_missing")
        assert plain.startswith('Basic realm="franking"')
        listed = await client.get("/v1/mail", headers={"authorization": f"Bearer {key}"})
        assert listed.json()["items"] == []


@pytest.mark.parametrize(
    "send",
    [
        lambda k: f"Bearer {k}",
        lambda k: f"bearer   {k} ",
        lambda k: basic(f"anybody:{k}"),
        lambda k: basic(f":{k}"),
        lambda k: basic(f"\u00e9:{k}"),
    ],
)
async def test_a_key_is_served_wherever_it_comes_from(
    front: Front, key: str, send: Callable[[str], str]
) -> None:
    for peer in (("127.0.0.1", 5), ("10.0.0.5", 5), None):
        headers = {"authorization": send(key), "via": "1.1 proxy"}
        async with calling(front, peer=peer) as client:
            assert (await client.get("/v1/mail", headers=headers)).status_code == 200


async def test_a_key_that_is_shown_is_judged_even_where_none_is_needed(front: Front) -> None:
    async with calling(front, f"fk_{NOBODY}_{'A' * 43}") as client:
        assert refusal(await client.get("/v1/mail")) == (401, "key_unknown")


async def test_the_first_key_closes_the_door_at_once_here(front: Front, office: Office) -> None:
    async with calling(front) as client:
        assert (await client.get("/v1/mail")).status_code == 200
        await made(office, Scope.MAIL_READ)
        assert refusal(await client.get("/v1/mail")) == (401, "key_missing")


async def test_the_first_key_closes_the_door_soon_elsewhere(
    front: Front, elsewhere: Office, clock: HandClock
) -> None:
    async with calling(front) as client:
        assert (await client.get("/v1/mail")).status_code == 200
        await made(elsewhere, Scope.MAIL_READ)
        clock.advance(REMEMBERED_MS)
        assert refusal(await client.get("/v1/mail")) == (401, "key_missing")


async def test_a_revoked_key_is_refused_and_opens_nothing_to_the_keyless(
    front: Front, office: Office, key: str
) -> None:
    async with calling(front, key) as client:
        assert (await client.get("/v1/mail")).status_code == 200
        assert await office.keys.revoke(key[3:29])
        assert refusal(await client.get("/v1/mail")) == (401, "key_revoked")
    async with calling(front, key[:-1] + "_") as guesser:  # who can't prove it is told nothing
        assert refusal(await guesser.get("/v1/mail")) == (401, "key_unknown")
    async with calling(front) as keyless:
        assert refusal(await keyless.get("/v1/mail")) == (401, "key_missing")


async def test_revoking_the_last_key_opens_nothing_in_a_new_process_either(
    office: Office, key: str, elsewhere: Office, clock: HandClock
) -> None:
    await office.keys.revoke(key[3:29])
    async with calling(build(elsewhere, clock)) as client:
        assert refusal(await client.get("/v1/mail")) == (401, "key_missing")


async def test_a_revocation_elsewhere_is_seen_within_two_seconds(
    front: Front, elsewhere: Office, key: str, clock: HandClock
) -> None:
    assert REMEMBERED_MS <= 2_000
    async with calling(front, key) as client:
        assert (await client.get("/v1/mail")).status_code == 200
        assert await elsewhere.keys.revoke(key[3:29])
        clock.advance(REMEMBERED_MS)
        assert refusal(await client.get("/v1/mail")) == (401, "key_revoked")


async def test_a_found_key_is_not_asked_for_at_every_call(
    front: Front, key: str, store: Store, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    asked = 0
    find = store.keys.find

    async def counted(id: str) -> Any:
        nonlocal asked
        asked += 1
        return await find(id)

    monkeypatch.setattr(store.keys, "find", counted)
    async with calling(front, key) as client:
        for _ in range(10):
            assert (await client.get("/v1/mail")).status_code == 200
            clock.advance(REMEMBERED_MS // 5)
    assert asked == 2


async def test_events_stop_when_the_key_is_revoked(
    front: Front, office: Office, key: str, elsewhere: Office, clock: HandClock
) -> None:
    bearer = {"authorization": f"Bearer {key}"}
    async with (
        served(front) as address,
        httpx.AsyncClient(base_url=address, headers=bearer) as client,
        client.stream("GET", "/v1/events") as events,
    ):
        lines = events.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        await elsewhere.keys.revoke(key[3:29])
        clock.advance(REMEMBERED_MS)
        await office.submit([MAIL])
        async with asyncio.timeout(10):
            assert not [line async for line in lines if line.startswith("data")]


async def test_a_keyless_listener_is_shut_out_by_the_first_key(
    front: Front, office: Office
) -> None:
    async with (
        served(front) as address,
        httpx.AsyncClient(base_url=address) as client,
        client.stream("GET", "/v1/events") as events,
    ):
        lines = events.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        await made(office, Scope.MAIL_READ)
        async with asyncio.timeout(10):
            assert not [line async for line in lines if line.startswith("data")]


def all_routes(front: Front) -> list[tuple[str, str]]:
    """Every method and path of the app with routes, whatever part of it brought them."""
    routed: Any = front._guard._app._app._app  # type: ignore[attr-defined]
    return [
        (route.method.__name__.upper(), route.path.replace("{id:str}", "m"))
        for route in routed.table
    ]


async def test_every_route_has_its_scope(front: Front) -> None:
    routes = all_routes(front)
    assert ("POST", "/v1/mail") in routes
    assert [(method, path) for method, path in routes if needed(method, path) is None] == []


@pytest.mark.parametrize("held", Scope)
async def test_a_key_does_what_its_scope_says_and_no_more(
    front: Front, office: Office, held: Scope
) -> None:
    text = await made(office, held)
    async with calling(front, text, peer=("10.0.0.5", 5)) as client:
        for method, path in all_routes(front):
            if path == "/v1/events" and held in (Scope.MAIL_READ, Scope.ADMIN):
                continue  # it would go on and on
            answer = await client.request(method, path)
            need = needed(method, path)
            if held == Scope.ADMIN or need in (held, "open"):
                assert answer.status_code not in (401, 403), (method, path)
            else:
                assert refusal(answer) == (403, "scope_missing")
                assert f"the scope {need}," in answer.json()["detail"]
                assert f'scope="{need}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/none", 404),
        ("POST", "/v1/mail/m", 404),
        ("OPTIONS", "/v1/keys", 403),
        ("GET", "//v1//keys", 403),
        ("GET", "/v1/keys/", 403),
        ("GET", "/v1//mail/", 200),
    ],
)
async def test_a_path_that_is_spelled_otherwise_gets_nobody_further(
    front: Front, key: str, method: str, path: str, status: int
) -> None:
    async with calling(front, key) as client:
        assert (await client.request(method, f"http://127.0.0.1:8025{path}")).status_code == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
async def test_a_probe_needs_no_key(front: Front, key: str, path: str) -> None:
    async with calling(front, peer=("10.0.0.5", 5)) as client:
        assert (await client.get(path)).status_code == 200


async def test_a_key_that_called_too_often_is_told_when_to_call_again(
    front: Front, office: Office, clock: HandClock, key: str
) -> None:
    text = await made(office, Scope.MAIL_READ, per_minute=3)
    async with calling(front, text) as client, calling(front, key) as other:
        assert [(await client.get("/v1/mail")).status_code for _ in range(3)] == [200] * 3
        answer = await client.get("/v1/mail")
        assert (refusal(answer), answer.headers["retry-after"]) == ((429, "too_often"), "20")
        clock.advance(19_001)
        answer = await client.get("/v1/mail")
        assert (refusal(answer), answer.headers["retry-after"]) == ((429, "too_often"), "1")
        assert (await other.get("/v1/mail")).status_code == 200
        clock.advance(999)
        assert (await client.get("/v1/mail")).status_code == 200
        assert (await client.post("/v1/mail")).status_code == 429


async def test_the_last_use_is_written_once_a_minute(
    front: Front, key: str, store: Store, clock: HandClock
) -> None:
    first, commits = clock.now(), store.commits

    async def last_use() -> int | None:
        found = await store.keys.find(key[3:29])
        return None if found is None else found.last_used_at

    async def commits_since() -> int:
        # What changes nothing is no commit, and its turn comes after all that was asked before.
        await store.change(["none"], lambda found: None)
        return store.commits - commits

    async with calling(front, key) as client:
        await client.get("/v1/mail")
        await eventually(lambda: reached(last_use, first))
        assert await commits_since() == 1
        clock.advance(59_999)
        await client.get("/v1/mail")
        clock.advance(1)
        await client.get("/v1/mail")
        await eventually(lambda: reached(last_use, first + 60_000))
        assert await commits_since() == 2


async def reached(ask: Callable[[], Any], wanted: object) -> bool:
    return bool(await ask() == wanted)


async def test_a_store_that_is_away_is_no_reason_to_let_anyone_in(
    front: Front, key: str, store: Store
) -> None:
    await store.close()
    for caller in (calling(front, key), calling(front)):
        async with caller as client:
            assert (await client.get("/v1/mail")).status_code in (401, 503)


async def test_an_idempotency_key_belongs_to_its_credential(
    front: Front, office: Office, key: str
) -> None:
    other = await made(office, Scope.MAIL_WRITE)
    once = {"idempotency-key": "k1"}
    async with calling(front, key) as mine, calling(front, other) as theirs:
        first = await mine.post("/v1/mail", json=MAIL, headers=once)
        second = await theirs.post("/v1/mail", json=MAIL, headers=once)
        again = await mine.post("/v1/mail", json=MAIL, headers=once)
    assert first.json()["id"] == again.json()["id"] != second.json()["id"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "admin"}, "scopes"),
        ({"scopes": ["mail:write", "root"]}, "scopes"),
        ({"scopes": [["admin"]]}, "scopes"),
        ({"scopes": ["admin"], "name": 5}, "name"),
        ({"scopes": ["admin"], "name": "a\nb"}, "name"),
        ({"scopes": ["admin"], "name": "x" * 101}, "name"),
        ({"scopes": ["admin"], "perMinute": 0}, "perMinute"),
        ({"scopes": ["admin"], "perMinute": 1_000_001}, "perMinute"),
        ({"scopes": ["admin"], "perMinute": True}, "perMinute"),
        ({"scopes": ["admin"], "perMinute": 1.5}, "perMinute"),
        ({"scopes": ["admin"], "per_minute": 5}, "per_minute"),
    ],
)
async def test_a_key_that_is_asked_for_wrongly_is_not_made(
    front: Front, office: Office, wanted: dict[str, Any], field: str
) -> None:
    async with calling(front) as client:
        answer = await client.post("/v1/keys", json=wanted)
    assert (refusal(answer), answer.json()["field"]) == ((422, "bad_field"), field)
    assert await office.keys.newest() == []


async def test_a_key_is_shown_once_and_its_secret_kept_nowhere(
    front: Front, tmp_path: Path, store: Store
) -> None:
    async with calling(front) as client:
        wanted = {"name": "crm", "scopes": ["admin", "admin"], "perMinute": 600}
        answer = await client.post("/v1/keys", json=wanted)
        text = answer.json().pop("key")
        assert answer.status_code == 201
        assert "no-store" in answer.headers["cache-control"]
        assert answer.json()["scopes"] == ["admin"]
    async with calling(front, text) as client:
        listed = await client.get("/v1/keys")
    secret = text[30:]
    [shown] = listed.json()["items"]
    assert set(shown) == {*answer.json(), "key"} - {"key"}
    assert secret not in listed.text
    assert len(secret) == 43
    await store.close()
    assert not [name for name in os.listdir(tmp_path) if secret in text_of(tmp_path / name)]


def text_of(file: Path) -> str:
    return file.read_bytes().decode("latin-1")


async def test_keys_are_revoked_by_id(front: Front, office: Office, key: str) -> None:
    admin = await made(office, Scope.ADMIN)
    async with calling(front, admin) as client:
        assert refusal(await client.delete(f"/v1/keys/{NOBODY}")) == (404, "unknown_key")
        for _ in range(2):
            assert (await client.delete(f"/v1/keys/{key[3:29]}")).status_code == 204
        listed = (await client.get("/v1/keys")).json()["items"]
    assert [item["revokeTime"] is None for item in listed] == [True, False]
    async with calling(front, key) as client:
        assert refusal(await client.get("/v1/mail")) == (401, "key_revoked")


async def test_no_two_keys_are_alike(office: Office) -> None:
    made_ones = {await made(office, Scope.MAIL_READ) for _ in range(20)}
    assert len({text[3:29] for text in made_ones}) == len({text[30:] for text in made_ones}) == 20
