"""Who and what gets to Skyring's calls: hosts, sites, keys, and ids of every kind."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from franking.apis.http import Front, build
from franking.clock import HandClock
from franking.core.key import Scope
from franking.office import Office
from franking.stores.base import Store

from .timers_at_hand import Said, TimersAtHand, said

TIMER = {
    "timeout": 1000,
    "callback": {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/u"},
}
BODY = msgspec.json.encode(TIMER)
CALLS = [
    ("POST", b"/timer"),
    ("POST", b"/timer/"),
    ("PUT", b"/timer/t"),
    ("DELETE", b"/timer/t"),
    ("POST", b"/timer/t/retry"),
    ("PATCH", b"/timer/t"),
]


@pytest.fixture
def timers(clock: HandClock) -> TimersAtHand:
    return TimersAtHand(clock)


@pytest.fixture
def office(store: Store, clock: HandClock) -> Office:
    return Office(store, clock, lambda: None)


@pytest.fixture
def front(office: Office, clock: HandClock, timers: TimersAtHand) -> Front:
    return build(office, clock, timers=timers)


def refusal(answer: Said) -> tuple[int, str]:
    """The status, and the word for programs; the text is told twice."""
    body = msgspec.json.decode(answer.body)
    assert answer.headers["x-skyring-reason"] == body["error_message"]
    assert body["next"]
    return answer.status, body["reason"]


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ([b"evil.example"], (421, "unknown_host")),
        ([b"evil.example\r\nx: y"], (421, "unknown_host")),
        ([b"localhost", b"localhost"], (400, "no_host")),
        ([], (400, "no_host")),
    ],
)
async def test_a_host_that_is_not_ours_is_refused_in_skyrings_way(
    front: Front, timers: TimersAtHand, hosts: list[bytes], told: tuple[int, str]
) -> None:
    for method, path in (*CALLS, ("GET", b"/timer/t"), ("GET", b"/ping")):
        answer = await said(front, method, path, [(b"host", host) for host in hosts], host=None)
        assert refusal(answer) == told
    assert timers.calls == []


@pytest.mark.parametrize(
    "header",
    [
        (b"origin", b"https://evil.example"),
        (b"origin", b"null"),
        (b"sec-fetch-site", b"cross-site"),
        (b"sec-fetch-site", b"same-site"),
    ],
)
async def test_another_site_can_change_no_timer(
    front: Front, timers: TimersAtHand, header: tuple[bytes, bytes]
) -> None:
    for method, path in CALLS:
        answer = await said(front, method, path, [header], BODY)
        assert refusal(answer) == (403, "cross_site")
    assert timers.calls == []


@pytest.mark.parametrize(
    ("peer", "header"),
    [
        (("10.0.0.5", 5), (b"accept", b"*/*")),
        (None, (b"accept", b"*/*")),
        (("127.0.0.1", 5), (b"x-forwarded-for", b"10.0.0.5")),
        (("127.0.0.1", 5), (b"authorization", b"Bearer fk_none")),
    ],
)
async def test_whom_a_mail_would_not_be_taken_from_no_timer_is_taken_from_either(
    front: Front, timers: TimersAtHand, peer: Any, header: tuple[bytes, bytes]
) -> None:
    for method, path in (*CALLS, ("GET", b"/timer/t")):
        answer = await said(front, method, path, [header], BODY, peer)
        assert refusal(answer)[0] == 401
        assert "www-authenticate" in answer.headers
    assert timers.calls == []


async def made(office: Office, *scopes: Scope) -> str:
    return (await office.keys.create("", scopes, None))[1]


def basic(user: str, key: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{key}".encode())


@pytest.mark.parametrize("held", list(Scope))
async def test_a_key_needs_the_scope_of_timers(front: Front, office: Office, held: Scope) -> None:
    header = (b"authorization", b"Bearer " + (await made(office, held)).encode())
    for method, path in CALLS:
        answer = await said(front, method, path, [header], BODY)
        if held in (Scope.TIMERS, Scope.ADMIN):
            assert answer.status not in (401, 403)
        else:
            assert refusal(answer) == (403, "scope_missing")
            assert b"the scope timers," in answer.body


@pytest.mark.parametrize("user", ["", "x", "franking"])
async def test_a_key_may_be_the_password_of_a_url(
    front: Front, office: Office, timers: TimersAtHand, user: str
) -> None:
    shown = basic(user, await made(office, Scope.TIMERS))
    answer = await said(front, "POST", b"/timer", [(b"authorization", shown)], BODY)
    assert answer.status == 201
    assert timers.calls[0][3] == shown.decode()


async def test_ping_needs_no_key(front: Front, office: Office) -> None:
    await made(office, Scope.TIMERS)
    assert (await said(front, "GET", b"/ping", peer=("10.0.0.5", 5))).status == 200


# What a client names its timer by, and where it then is.
IDS = [
    (b"mine", "mine"),
    (b"a b", "a%20b"),
    (b"a/b", "a%2Fb"),
    (b"../../v1/keys", "..%2F..%2Fv1%2Fkeys"),
    (b"..", ".."),
    (b"retry", "retry"),
    (b"%2F", "%252F"),
    (b"?a=b#c;d", "%3Fa%3Db%23c%3Bd"),
    (b"<script>\"'", "%3Cscript%3E%22%27"),
    ("Grüße 😀".encode(), quote("Grüße 😀")),
    ("Grüße".encode("latin-1"), quote("Grüße")),
    (b"x" * 255, "x" * 255),
]


@pytest.mark.parametrize(("id", "place"), IDS)
async def test_any_printable_text_names_a_timer(
    front: Front, timers: TimersAtHand, id: bytes, place: str
) -> None:
    made = await said(front, "POST", b"/timer", [(b"x-timer-id", id)], BODY)
    assert (made.status, made.headers["location"]) == (201, f"/timer/{place}")
    path = made.headers["location"].encode()
    [name] = timers.timers
    assert name.encode() == id or name.encode("latin-1") == id
    for method, suffix, status in (
        ("GET", b"", 200),
        ("PUT", b"", 200),
        ("POST", b"/retry", 400),
        ("DELETE", b"", 202),
        ("DELETE", b"", 404),
        ("POST", b"/retry", 200),
    ):
        answer = await said(front, method, path + suffix, body=_body(method))
        assert answer.status == status
    assert {call[1] for call in timers.calls[1:]} == {name}


def _body(method: str) -> bytes:
    return BODY if method == "PUT" else b""


@pytest.mark.parametrize(
    ("id", "place"),
    [
        (b"a\r\nset-cookie: b=c", "a%0D%0Aset-cookie%3A%20b%3Dc"),
        (b"a\nb", "a%0Ab"),
        (b"\x00", "%00"),
        (b"a\x7f", "a%7F"),
        ("a\u202eb".encode(), "a%E2%80%AEb"),
        ("a\u2028b".encode(), "a%E2%80%A8b"),
        (b"x" * 256, "x" * 255),
        (b"\r\n" * 30_000, "%0D%0A" * 127 + "%0D"),
    ],
)
async def test_a_name_that_does_not_print_is_refused_and_can_do_nothing(
    front: Front, timers: TimersAtHand, id: bytes, place: str
) -> None:
    answer = await said(front, "POST", b"/timer", [(b"x-timer-id", id)], BODY)
    assert (answer.status, answer.headers["location"]) == (400, f"/timer/{place}")
    assert answer.headers["x-skyring-reason"].startswith("x-timer-id must have ")
    assert timers.calls == []


@pytest.mark.parametrize(
    "part",
    [b"%00", b"a%0D%0Ab", b"a%7Fb", b"%E2%80%A8", b"x" * 256, b"%78" * 256, b"\x00", b"a\r\nb"],
)
async def test_a_path_with_what_no_timer_is_named_by_finds_none(
    front: Front, timers: TimersAtHand, part: bytes
) -> None:
    for method, suffix in (("GET", b""), ("PUT", b""), ("DELETE", b""), ("POST", b"/retry")):
        answer = await said(front, method, b"/timer/%b%b" % (part, suffix), body=_body(method))
        assert answer.status == 404
        assert answer.headers["x-skyring-reason"] == "There is no such timer."
    assert timers.calls == []


async def test_a_path_that_is_escaped_oddly_names_something_or_nothing(front: Front) -> None:
    for part in (b"%", b"%zz", b"%E9", b"\xe9", b"%F0%9F", b"%2F", b"%252F"):
        assert (await said(front, "GET", b"/timer/" + part)).status == 404


async def test_no_words_of_a_caller_begin_a_header(front: Front) -> None:
    callback = {"transport": "a\r\nset-cookie: b\x00\x85ü😀", "method": "post", "uri": "u"}
    body = msgspec.json.encode(TIMER | {"callback": callback})
    answer = await said(front, "POST", b"/timer", body=body)
    assert answer.headers["x-skyring-reason"] == "Unknown transport a  set-cookie: b  ü?"
    told = msgspec.json.decode(answer.body)["error_message"]
    assert told == f"Unknown transport {callback['transport']}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/timers", 404),
        ("/timer%2Ft", 400),  # outside Skyring's paths an escaped slash is refused as ever
        ("/%74imer/t", 404),
        ("//timer/t", 404),
        ("/pingpong", 404),
    ],
)
async def test_a_path_beside_skyrings_is_answered_as_any_other(
    client: httpx.AsyncClient, timers: TimersAtHand, path: str, status: int
) -> None:
    answer = await client.get(f"http://127.0.0.1:8025{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert timers.calls == []
