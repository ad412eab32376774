"""/v1/webhooks: what is taken, refused and shown, and that a secret never comes out again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from eventually import eventually
from franking.core.lifecycle import TYPE, Told
from franking.core.webhook import MOST_WEBHOOKS, URL_CHARACTERS, written
from installation import Installation
from transports.receiver import OK, answer

from .hearer import Hearer, add

URL = "http://127.0.0.1:9/hook"
SECRET = written(bytes(range(32)))
PUT = {
    "to": "ada@example.com",
    "message": {"subject": "s", "text": "t"},
    "sendAt": "2100-01-01T00:00:00Z",
}


async def test_added_shown_listed_changed_and_removed(it: Installation) -> None:
    made = await it.http.post("/v1/webhooks", json={"url": URL})
    hook = made.json()
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/webhooks/{hook['id']}"
    assert made.headers["cache-control"].endswith("no-store")
    secret = hook.pop("secret")
    assert secret.startswith("whsec_")
    assert Verifier(secret)
    assert hook == {
        "id": hook["id"],
        "url": URL,
        "types": list(Told),
        "include": "doc",
        "enabled": True,
        "state": "ok",
        "reason": None,
        "since": None,
        "pausedUntil": None,
        "createTime": hook["createTime"],
        "toldTime": None,
        "waiting": 0,
        "parked": 0,
    }
    url = f"/v1/webhooks/{hook['id']}"
    assert (await it.http.get(url)).json() == hook
    assert (await it.http.get("/v1/webhooks")).json() == {"items": [hook]}
    changed = {**hook, "types": ["onError"], "include": "delivery", "enabled": False}
    put = await it.http.put(url, json=changed)
    assert put.status_code == 200
    shown = put.json()
    assert "secret" not in shown
    assert (shown["types"], shown["include"]) == (["onError"], "delivery")
    assert (shown["state"], shown["reason"]) == ("disabled", "Disabled by hand.")
    assert (await it.http.put(url, json=shown)).json()["types"] == ["onError"]
    assert (await it.http.delete(url)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await it.http.request(method, url)).status_code == 404
    answered = await it.http.put(url, json={"url": URL})
    assert (answered.status_code, answered.json()["reason"]) == (404, "unknown_webhook")


@pytest.mark.parametrize("call", ["", "/deliveries"])
async def test_one_that_is_not_there(it: Installation, call: str) -> None:
    answered = await it.http.get(f"/v1/webhooks/none{call}")
    assert (answered.status_code, answered.json()["reason"]) == (404, "unknown_webhook")
    for call in ("test", "resend"):
        body = {"all": True} if call == "resend" else {}
        assert (await it.http.post(f"/v1/webhooks/none/{call}", json=body)).status_code == 404


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "url"),
    ({"url": None}, "url"),
    ({"url": 5}, "url"),
    ({"url": ""}, "url"),
    ({"url": "ftp://example.com/"}, "url"),
    ({"url": "example.com/hook"}, "url"),
    ({"url": "http://"}, "url"),
    ({"url": "http://:80/"}, "url"),
    ({"url": "http://example.com:0/"}, "url"),
    ({"url": "http://example.com:99999/"}, "url"),
    ({"url": "http://[::1/"}, "url"),
    ({"url": "http://exämple.com/"}, "url"),
    ({"url": "http://example.com/a b"}, "url"),
    ({"url": "http://example.com/\n"}, "url"),
    ({"url": "http://user:secret@example.com/"}, "url"),
    ({"url": "http://example.com/" + "a" * URL_CHARACTERS}, "url"),
    ({"url": URL, "types": []}, "types"),
    ({"url": URL, "types": "onError"}, "types"),
    ({"url": URL, "types": ["onBounce"]}, "types"),
    ({"url": URL, "types": ["onError", 5]}, "types"),
    ({"url": URL, "types": {"onError": True}}, "types"),
    ({"url": URL, "include": "all"}, "include"),
    ({"url": URL, "enabled": "yes"}, "enabled"),
    ({"url": URL, "secret": "hush"}, "secret"),
    ({"url": URL, "secret": True}, "secret"),
    ({"url": URL, "secret": "whsec_"}, "secret"),
    ({"url": URL, "secret": "whsec_" + "A" * 7}, "secret"),
    ({"url": URL, "secret": written(b"x" * 23)}, "secret"),
    ({"url": URL, "secret": written(b"x" * 65)}, "secret"),
    ({"url": URL, "secret": "whsec_\U0001f4ee"}, "secret"),
    ({"url": URL, "urls": []}, "urls"),
]


@pytest.mark.parametrize(("document", "field"), REFUSED)
async def test_what_is_wrong_is_refused_by_name(
    it: Installation, document: dict[str, Any], field: str
) -> None:
    hook = await add(it.http, URL)
    for method, url in (("POST", "/v1/webhooks"), ("PUT", f"/v1/webhooks/{hook['id']}")):
        answered = await it.http.request(method, url, json=document)
        assert (answered.status_code, answered.json()["field"]) == (422, field)
        assert "hush" not in answered.text
    assert len((await it.http.get("/v1/webhooks")).json()["items"]) == 1


@pytest.mark.parametrize(
    "body", [{}, {"seq": 0}, {"seq": True}, {"mail": ""}, {"all": False}, {"seq": 1, "all": True}]
)
async def test_what_to_send_again_must_be_said(it: Installation, body: dict[str, Any]) -> None:
    hook = await add(it.http, URL)
    answered = await it.http.post(f"/v1/webhooks/{hook['id']}/resend", json=body)
    assert (answered.status_code, answered.json()["reason"]) == (422, "bad_field")


@pytest.mark.parametrize("query", ["state=told", "after=x", "limit=0", "mail=m1"])
async def test_a_wrong_query_is_refused(it: Installation, query: str) -> None:
    hook = await add(it.http, URL)
    answered = await it.http.get(f"/v1/webhooks/{hook['id']}/deliveries?{query}")
    assert (answered.status_code, answered.json()["reason"]) == (400, "bad_query")


async def test_deliveries_come_by_pages(it: Installation) -> None:
    hook = await add(it.http, URL)
    for number in range(3):
        await it.http.put(f"/v1/mail/m{number}", json=PUT)
    found, after = [], None
    while True:
        query = "limit=2" if after is None else f"limit=2&after={after}"
        page = (await it.http.get(f"/v1/webhooks/{hook['id']}/deliveries?{query}")).json()
        found += page["items"]
        after = page["next"]
        if after is None:
            break
    assert [one["mailId"] for one in found] == ["m2", "m2", "m1", "m1", "m0", "m0"]
    assert [one["event"] for one in found] == ["onPending", "onStart"] * 3


async def test_there_is_an_end_to_how_many(it: Installation) -> None:
    for _ in range(MOST_WEBHOOKS):
        hook = await add(it.http, URL, enabled=False)
    answered = await it.http.post("/v1/webhooks", json={"url": URL})
    assert (answered.status_code, answered.json()["reason"]) == (409, "too_many_webhooks")
    await it.http.delete(f"/v1/webhooks/{hook['id']}")
    await add(it.http, URL, enabled=False)


async def test_a_secret_goes_in_and_never_comes_out(it: Installation, hearer: Hearer) -> None:
    answered = await it.http.post(
        "/v1/webhooks", json={"url": hearer.receiver.url(), "secret": SECRET}
    )
    assert "secret" not in answered.json()
    hook = answered.json()
    for url in ("", f"/{hook['id']}"):
        assert "whsec" not in (await it.http.get(f"/v1/webhooks{url}")).text
    await it.http.put("/v1/mail/m1", json=PUT)
    [one, _] = await hearer.heard("onStart", "onPending")
    Verifier(SECRET).verify(one.heard.body, dict(one.heard.headers))
    [stored] = await it.store.webhooks.every()
    assert SECRET.encode() not in stored.secret
    assert SECRET not in repr(stored)


async def test_a_new_secret_is_made_or_given_and_the_one_before_signs_along(
    it: Installation, hearer: Hearer
) -> None:
    hook = await add(it.http, hearer.receiver.url())
    url = f"/v1/webhooks/{hook['id']}"
    kept = await it.http.put(url, json={"url": hearer.receiver.url()})
    assert "secret" not in kept.json()
    made = (await it.http.put(url, json={"url": hearer.receiver.url(), "secret": None})).json()
    assert made["secret"] != hook["secret"]
    await it.http.put("/v1/mail/m1", json=PUT)
    [one, _] = await hearer.heard("onStart", "onPending")
    for secret in (hook["secret"], made["secret"]):
        Verifier(secret).verify(one.heard.body, dict(one.heard.headers))


async def test_a_ping_tells_how_it_went(it: Installation, hearer: Hearer) -> None:
    hook = await add(it.http, hearer.receiver.url(), enabled=False)
    url = f"/v1/webhooks/{hook['id']}/test"
    hearer.say = lambda _: OK
    went = (await it.http.post(url)).json()
    assert (went["ok"], went["error"]) == (True, None)
    hearer.say = lambda _: answer("500 Oops", b"not yet")
    failed = (await it.http.post(url, json={})).json()
    assert (failed["ok"], failed["error"]) == (False, "500 Oops: not yet")
    assert [one.kind for one in hearer.calls] == ["franking.webhook.v1.ping"] * 2
    [one, other] = hearer.calls
    assert one.id != other.id
    Verifier(hook["secret"]).verify(one.heard.body, dict(one.heard.headers))
    assert (await it.http.post(url, json={"x": 1})).json()["field"] == "x"
    assert (await it.http.get(f"/v1/webhooks/{hook['id']}")).json()["state"] == "disabled"


async def test_only_an_admin_may(it: Installation) -> None:
    made = await it.http.post("/v1/keys", json={"scopes": ["mail:write", "mail:read", "cadence"]})
    headers = {"authorization": f"Bearer {made.json()['key']}"}
    for method, url in (
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks"),
        ("PUT", "/v1/webhooks/a"),
        ("POST", "/v1/webhooks/a/test"),
        ("GET", "/v1/webhooks/a/deliveries"),
    ):
        answered = await it.http.request(method, url, headers=headers)
        assert answered.status_code == 403, (method, url)


async def test_without_a_way_out_webhooks_can_be_looked_at(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/webhooks")).json() == {"items": []}
    answered = await client.post("/v1/webhooks", json={"url": URL})
    assert (answered.status_code, answered.json()["reason"]) == (409, "no_outfit")


async def test_types_may_be_named_as_the_extension_names_them(it: Installation) -> None:
    hook = await add(it.http, URL, types=[TYPE + "onError", "onStart", "onError"])
    assert hook["types"] == ["onStart", "onError"]


async def test_the_last_error_is_shown(it: Installation) -> None:
    hook = await add(it.http, URL, types=["onStart"])
    await it.http.put("/v1/mail/m1", json=PUT)

    async def failed() -> dict[str, Any] | None:
        page = (await it.http.get(f"/v1/webhooks/{hook['id']}/deliveries")).json()
        found: dict[str, Any] = page["items"][0]
        return found if found["tries"] else None

    one = await eventually(failed)
    assert one["error"] == "no connection to 127.0.0.1:9: Connection refused"
    assert one["nextAt"] > one["triedAt"] >= one["occurredAt"]
