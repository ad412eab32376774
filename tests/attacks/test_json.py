"""JSON that was made to hurt is refused in words at every door, or kept so that all can read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import grpc
import pytest

from attacks.besieged import Besieged
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import data_api_pb2_grpc as stubs

MEBI = 1024 * 1024


def lists(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def maps(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


# What no door takes, wherever it stands in a document.
REFUSED = {
    "lists in lists": lists(101),
    "maps in maps": maps(101),
    "as deep as a parser goes": maps(960),
    "deeper than a parser goes": lists(1_000),
    "100,000 levels": maps(100_000),
    "1,000,000 levels": lists(1_000_000),
    "levels without end": b'{"a":' * 1_000_000,
    "a number without end": b"1e400",
    "5,000 digits": b"9" * 5_000,
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "half a pair": rb'"\ud800"',
    "half a pair for a name": rb'{"\udc00":1}',
    "half a pair in bytes": b'"\xed\xa0\x80"',
    "no UTF-8": b'"\xff"',
    "an overlong slash": b'"\xc0\xaf"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "a control character": b'"\x00"',
    "a comment": b"/**/1",
    "two values": b"1}{",
}
# What may be taken, for it is JSON.
TAKEN = {
    "99 levels": lists(90),
    "a large number": b"1e308",
    "a small number": b"1e-400",
    "an integer beyond 64 bits": b"123456789012345678901234567890",
    "NUL": rb'"a\u0000b"',
    "NUL in a name": rb'{"a\u0000b":1}',
    "a name twice": b'{"a":1,"a":2}',
    "an empty name": b'{"":1}',
    "names of JavaScript": b'{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}',
    "names of ours": b'{"delivery":{},"id":1,"seq":1,"$":1,"a.b":1,"$[0]":1,"\'":1}',
    "100,000 names": b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}",
    "marks that turn text around": '"\u202e\u2028\x7f\x9b"'.encode(),
    "escape sequences": rb'"\u001b[2J\u0007"',
    "SQL": b'"\'; DROP TABLE mail; --"',
}
CALLBACK = b'"callback":{"transport":"http","method":"post","uri":"http://127.0.0.1:9/"}'
MAILED = b'"callback":{"transport":"mail","method":"x","uri":"x"}'
FIELDS = (
    b'"to":"a@example.com","sendAt":"2100-01-01T00:00:00Z","message":{"subject":"s","text":"t"}'
)
MAIL = b"{%b}" % FIELDS
# Method, path, and the body with the value in its place.
DOORS: list[tuple[str, str, bytes]] = [
    ("POST", "/v1/mail", b"{" + FIELDS + b',"x":%b}'),
    ("PUT", "/v1/mail/{}", b"{" + FIELDS + b',"x":%b}'),
    ("PATCH", "/v1/mail/there", b'{"x":%b}'),
    ("PATCH", "/v1/mail/there", b'{"message":{"x":%b}}'),
    ("POST", "/v1/mail/batch", b"[{" + FIELDS + b',"x":%b}]'),
    ("PUT", "/v1/mail/data {}", b"{" + FIELDS + b',"template":{"name":"t","data":{"x":%b}}}'),
    ("PUT", "/v1/mail/lenient", b"%b"),
    ("POST", "/v1/mail/there/retry", b'{"force":%b}'),
    ("POST", "/v1/mail/retry", b'{"state":%b}'),
    ("PUT", "/v1/templates/{}", b'{"text":"x","sample":{"x":%b}}'),
    ("POST", "/v1/templates/t/render", b'{"data":{"x":%b}}'),
    ("POST", "/v1/templates/t/render", b'{"document":{"text":"{{x}}","sample":%b}}'),
    ("PUT", "/v1/users/{}", b'{"email":"a@example.com","x":%b}'),
    ("PUT", "/v1/users/their {}", b'{"email":%b}'),
    ("PUT", "/v1/accounts/a", b'{"transport":%b}'),
    ("POST", "/v1/webhooks", b'{"url":"https://a.example","types":%b}'),
    ("PUT", "/v1/suppressions/a@example.com", b'{"reason":%b}'),
    ("POST", "/v1/keys", b'{"name":%b}'),
    ("POST", "/timer", b'{"timeout":9000000,%b,"data":{"x":%%b}}' % CALLBACK),
    ("POST", "/timer", b'{"timeout":9000000,%b,"data":{%b,"x":%%b}}' % (MAILED, FIELDS)),
    ("POST", "/timer", b'{"timeout":%%b,%b}' % CALLBACK),
    ("POST", "/timer", b'{"timeout":1,"created":%%b,%b}' % CALLBACK),
    ("PUT", "/timer/there", b'{"timeout":9000000,%b,"data":{"x":%%b}}' % CALLBACK),
    ("POST", "/timer/there/retry", b'{"mail":{"x":%b}}'),
    ("POST", "/cadence/touchpoints", b'{"type":"automated","cadenceMemberId":"m",'
     b'"dueAt":"2100-01-01T00:00:00Z","mail":{%b,"x":%%b}}' % FIELDS),
    ("POST", "/services/apexrest/DS_Packages/DialSourceCadenceServices",
     b'{"event":"email_Sent","touchpointId":%b}'),
]  # fmt: skip


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("json")) as it:
        it.http.put(
            "/v1/templates/t", json={"subject": "s", "text": "{{x}}{{#each x}}{{@key}}{{/each}}"}
        )
        assert it.http.put("/v1/mail/there", content=MAIL).status_code == 201
        timer = b'{"timeout":9000000,%b}' % CALLBACK
        made = it.http.post("/timer", content=timer, headers={"x-timer-id": "there"})
        assert made.status_code == 201
        yield it


def told(answer: Any) -> str:
    """A refusal in words that says what to do; AssertionError where it is none."""
    assert 400 <= answer.status_code < 500, answer.text[:500]
    found = answer.json()
    if isinstance(found, list):  # as Apex has it
        [found] = [{"detail": one["message"], "next": one["errorCode"]} for one in found]
    words: str = found.get("detail") or found["error_message"]
    assert len(words) < 2_500
    assert "detail" not in found or found["next"]
    return words


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_json_or_too_deep_is_refused_in_words(it: Besieged, name: str) -> None:
    for method, path, body in DOORS:
        answer = it.http.request(method, path.format(quote(name)), content=body % REFUSED[name])
        assert told(answer), (method, path)
    assert it.http.get("/v1/mail?limit=1").status_code == 200


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_json_is_refused_in_words_or_kept_for_all_to_read(it: Besieged, name: str) -> None:
    shown: set[str] = set()
    for method, path, body in DOORS:
        path = path.format(quote(name, safe=""))
        answer = it.http.request(method, path, content=body % TAKEN[name])
        if answer.status_code >= 300:
            assert told(answer), (method, path)
        elif "location" in answer.headers:
            assert_readable(it, answer.headers["location"], shown)
    assert shown or name == "100,000 names"


PAGES = {"/timer": "/timers", "/v1/mail": "/mail", "/v1/templates": "/templates"}
PAGES["/cadence/touchpoints"] = "/touchpoints"


def assert_readable(it: Besieged, place: str, shown: set[str]) -> None:
    """By the API, and the first of its kind in the console; `shown` are the pages that were."""
    read = it.http.get(place)
    assert read.status_code == 200, read.text[:300]
    assert read.json()["id"]
    collection, id = place.rsplit("/", 1)
    page = PAGES.get(collection)
    if page is not None and page not in shown:
        assert it.http.get(f"{page}/{id}").status_code == 200, (page, id)
        shown.add(page)


@pytest.mark.parametrize(
    "path",
    ["/v1/mail", "/v1/templates", "/v1/users", "/v1/timers", "/v1/accounts", "/v1/webhooks",
     "/v1/suppressions", "/v1/keys", "/cadence/touchpoints", "/v1/outbox", "/", "/mail",
     "/templates", "/timers", "/touchpoints", "/accounts"],
)  # fmt: skip
def test_what_was_kept_is_listed(it: Besieged, path: str) -> None:
    """After all that, and as well where nothing was kept."""
    assert it.http.get(path).status_code == 200


@pytest.mark.parametrize("name", [name for name in REFUSED if REFUSED[name].isascii()])
def test_grpc_takes_what_rest_takes(it: Besieged, name: str) -> None:
    stub = stubs.DataApiStub(it.channel)
    value = REFUSED[name].decode()
    if len(value) > MEBI:
        value = value[:MEBI]
    for json_, callback in (
        (f'{{"x":{value}}}', pb.Callback(transport="http", method="post", uri="http://h")),
        (f'{{{FIELDS.decode()},"x":{value}}}', pb.Callback(transport="mail", method="x", uri="x")),
    ):
        spec = pb.TimerSpec(callback=callback, timeout_ms=9_000_000, json=json_)
        for call, request in (
            (stub.CreateTimer, pb.CreateTimerRequest(spec=spec)),
            (stub.ReplaceTimer, pb.ReplaceTimerRequest(id="there", spec=spec)),
            (stub.RetryTimer, pb.RetryTimerRequest(id="there", mail_json=json_)),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(request)
            refused = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
            assert caught.value.code() in refused, caught.value.details()
            assert caught.value.details()
