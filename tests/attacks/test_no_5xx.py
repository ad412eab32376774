"""Whatever is thrown at HTTP is answered, and never as a fault of ours; the service goes on.

What is thrown is drawn, the same each time. A 5xx says that something broke in here: none is taken
for an answer but 501, to a method that nobody has.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks import hostile
from attacks.besieged import Besieged
from attacks.hostile import encoded, examples, quoted
from eventually import until

API = (
    *("/v1/mail", "/v1/mail/{}", "/v1/mail/{}/timeline", "/v1/mail/{}/retry", "/v1/mail/retry"),
    *("/v1/mail/batch", "/v1/templates", "/v1/templates/{}", "/v1/templates/{}/render"),
    *("/v1/users", "/v1/users/{}", "/v1/accounts", "/v1/accounts/{}", "/v1/accounts/{}/pause"),
    *("/v1/accounts/{}/resume", "/v1/accounts/{}/test", "/v1/accounts/rekey", "/v1/bounces"),
    *("/v1/suppressions", "/v1/suppressions/{}", "/v1/errors/unknown", "/v1/explain"),
    *("/v1/timers", "/v1/outbox", "/v1/outbox/resend", "/v1/cadence/check", "/timer", "/timer/{}"),
    *("/timer/{}/retry", "/v1/cadence/check/repair", "/v1/webhooks", "/v1/webhooks/{}", "/healthz"),
    *("/v1/webhooks/{}/test", "/v1/webhooks/{}/deliveries", "/v1/webhooks/{}/resend", "/readyz"),
    *("/cadence/touchpoints", "/cadence/touchpoints/{}", "/cadence/touchpoints/{}/complete"),
    *("/cadence/touchpoints/{}/retry", "/cadence/touchpoints/retry", "/cadence/errors", "/ping"),
    *("/services/apexrest/DS_Packages/DialSourceCadenceServices", "/openapi.json", "/v1/keys/{}"),
)
PAGES = (
    *("/", "/mail", "/mail/{}", "/mail/{}/rendered", "/mail/{}/retry", "/mail/{}/delete"),
    *("/mail/retry", "/touchpoints", "/touchpoints/{}", "/touchpoints/{}/retry", "/assets/{}"),
    *("/touchpoints/{}/complete", "/touchpoints/{}/preview", "/touchpoints/{}/delete"),
    *("/touchpoints/{}/templates", "/touchpoints/retry", "/templates", "/templates/{}"),
    *("/templates/{}/delete", "/templates/{}/preview", "/templates/{}/rendered", "/timers"),
    *("/timers/{}", "/timers/{}/retry", "/timers/{}/delete", "/accounts", "/accounts/{}"),
    *("/accounts/{}/pause", "/accounts/{}/resume", "/accounts/{}/sign-in", "/errors", "/outbox"),
    *("/outbox/resend", "/sign-in", "/sign-out"),
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PURGE")
JSON = {"Content-Type": b"application/json"}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("besieged")) as besieged:
        yield besieged
        assert besieged.http.get("/healthz").status_code == 200
        until(lambda: _sent(besieged))
        listed = besieged.http.get("/v1/mail", params={"limit": 200}).text
        assert "franking could not handle this message" not in listed


def _sent(it: Besieged) -> bool:
    """Does a mail still go out?"""
    document = {"to": "last@example.com", "message": {"subject": "s", "text": "t"}}
    it.http.put("/v1/mail/last", json=document)
    answer = it.http.get("/v1/mail/last").json()
    return bool(answer["delivery"]["state"] == "SUCCESS")


def thrown(it: Besieged, method: str, path: str, **given: Any) -> None:
    try:
        answer = it.http.request(method, path, **given)
    except (httpx.LocalProtocolError, httpx.InvalidURL):
        return  # not even a client takes it
    assert answer.status_code < 500 or answer.status_code == 501, (method, path, answer.text)


def test_no_call_breaks(it: Besieged) -> None:
    @examples(250)
    @given(
        method=st.sampled_from(METHODS),
        path=st.sampled_from(API),
        id=hostile.ids,
        query=hostile.queries,
        body=st.none() | hostile.bodies,
        headers=hostile.headers,
    )
    def throw(method: str, path: str, id: str, query: str, body: Any, headers: Any) -> None:
        content = encoded([body, body] if path.endswith("batch") else body)
        where = f"{path.replace('{}', quoted(id))}?{query}"
        thrown(it, method, where, content=content, headers={**JSON, **headers})

    throw()


def test_no_page_breaks(it: Besieged) -> None:
    @examples(200)
    @given(
        path=st.sampled_from(PAGES),
        id=hostile.ids,
        query=hostile.queries,
        form=st.none() | hostile.forms | st.binary(max_size=20),
        headers=hostile.headers,
    )
    def throw(path: str, id: str, query: str, form: bytes | None, headers: Any) -> None:
        where = f"{path.replace('{}', quoted(id))}?{query}"
        own = {"Origin": it.url, "Content-Type": "application/x-www-form-urlencoded", **headers}
        thrown(it, "GET" if form is None else "POST", where, content=form, headers=own)

    throw()


STEPS = ("PUT", "PATCH", "PATCH", "PATCH", "DELETE", "POST", "RETRY", "LOOK")


def test_no_order_of_documents_and_patches_breaks(it: Besieged) -> None:
    @examples(60)
    @given(
        st.lists(
            st.tuples(st.sampled_from(STEPS), hostile.documents, hostile.headers),
            min_size=1,
            max_size=5,
        )
    )
    def throw(steps: list[Any]) -> None:
        one = "/v1/mail/m1"
        for step, document, headers in steps:
            content = encoded({"force": True} if step == "RETRY" else document)
            kept = {name: headers[name] for name in ("If-Match", "Prefer") if name in headers}
            if step == "LOOK":
                for path in (one, f"{one}/timeline", "/mail", "/mail/m1", "/mail/m1/rendered"):
                    thrown(it, "GET", path)
            elif step in ("POST", "RETRY"):
                where = "/v1/mail" if step == "POST" else f"{one}/retry"
                thrown(it, "POST", where, content=content, headers={**JSON, **kept})
            else:
                thrown(it, step, one, content=content, headers={**JSON, **kept})

    throw()


def test_no_template_or_user_breaks(it: Besieged) -> None:
    @examples(60)
    @given(
        id=st.sampled_from(["t1", "p1", "__proto__"]),
        template=hostile.templates,
        user=hostile.users,
        data=hostile.maps(hostile.anything),
    )
    def throw(id: str, template: Any, user: Any, data: Any) -> None:
        one = f"/v1/templates/{id}"
        tried = encoded({"data": data, "document": template})
        mail = {"to": "a@example.com", "toUids": ["u1"], "template": {"name": id, "data": data}}
        thrown(it, "PUT", one, content=encoded(template))
        thrown(it, "PUT", "/v1/users/u1", content=encoded(user))
        thrown(it, "POST", f"{one}/render", content=encoded({"data": data}))
        thrown(it, "POST", f"{one}/render", content=tried)
        thrown(it, "POST", "/v1/mail", content=encoded(mail))
        thrown(it, "GET", f"/templates/{id}")

    throw()


def test_no_order_of_timers_and_touchpoints_breaks(it: Besieged) -> None:
    calls = (
        ("POST", "/timer", hostile.timers),
        ("PUT", "/timer/x1", hostile.timers),
        ("DELETE", "/timer/x1", st.none()),
        ("POST", "/timer/x1/retry", hostile.requests),
        ("POST", "/cadence/touchpoints", hostile.touchpoints),
        ("POST", "/cadence/touchpoints/x1/complete", hostile.requests),
        ("POST", "/cadence/touchpoints/x1/retry", hostile.requests),
        ("DELETE", "/cadence/touchpoints/x1", st.none()),
        ("POST", API[-3], hostile.requests | hostile.anything),
        ("POST", "/v1/webhooks", hostile.webhooks),
        ("PUT", "/v1/webhooks/w1", hostile.webhooks),
    )
    drawn = st.one_of([st.tuples(st.just(m), st.just(p), body) for m, p, body in calls])

    @examples(60)
    @given(st.lists(drawn, min_size=1, max_size=5), hostile.headers)
    def throw(steps: list[Any], headers: Any) -> None:
        key = {name: value for name, value in headers.items() if name == "Idempotency-Key"}
        named = {**JSON, "x-timer-id": b"x1", "x-touchpoint-id": b"x1", **key}
        for method, path, body in steps:
            thrown(it, method, path, content=encoded(body), headers=named)

    throw()


def test_no_listener_breaks(it: Besieged) -> None:
    @examples(30)
    @given(query=hostile.queries, headers=hostile.headers)
    def throw(query: str, headers: Any) -> None:
        with it.http.stream("GET", f"/v1/events?{query}", headers=headers) as answer:
            assert answer.status_code < 500

    throw()


RAW = (
    b"GET /v1/mail/%ff%fe HTTP/1.1",
    b"GET /v1/mail/%00 HTTP/1.1",
    b"GET /v1/mail/\xff HTTP/1.1",
    b"GET //v1///mail HTTP/1.1",
    b"GET /v1/mail?%%%&=&\xff=\xfe HTTP/1.1",
    b"GET http://127.0.0.1/v1/mail HTTP/1.1",
    b"GET http://[::1/ HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT 127.0.0.1:22 HTTP/1.1",
    b"GET /v1/mail HTTP/9.9",
    b"GET /v1/mail",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"POST /v1/mail HTTP/1.1\r\nContent-Length: -1",
    b"POST /v1/mail HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    b"POST /v1/mail HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/mail HTTP/1.1\r\nContent-Length: 99999999999999999999",
    b"GET /v1/mail HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 70_000,
    b"GET /v1/mail HTTP/1.1\r\nX\xff: \x80",
    b"GET /v1/mail HTTP/1.1\r\nContent-Length: 0\r\nExpect: 100-continue, x",
    b"GET /v1/mail HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c",
)


@pytest.mark.parametrize("line", RAW, ids=range(len(RAW)))
def test_no_request_that_is_none_breaks(it: Besieged, line: bytes) -> None:
    """It is refused, or hung up on."""
    host, port = it.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as peer:
        peer.sendall(line + b"\r\nConnection: close\r\n\r\n")
        peer.shutdown(socket.SHUT_WR)
        answer = peer.recv(4096)
    assert answer == b"" or 100 < int(answer.split()[1]) < 500, answer
    assert it.http.get("/healthz").status_code == 200
