"""Ids that look like paths, queries or code are refused by name, or good for every call alike.

The rule itself is in `core/test_ids.py`, Skyring's odd paths are in `apis/test_skyring_reach.py`.
"""

from __future__ import annotations

import html
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx
import pytest

from attacks.besieged import Besieged
from eventually import until

MAIL = {
    "to": "a@example.com",
    "sendAt": "2100-01-01T00:00:00Z",
    "message": {"subject": "s", "text": "t"},
}
TIMER = {
    "timeout": 9_000_000,
    "callback": {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/"},
}
# Refused everywhere but by Skyring, which takes what prints.
PATHS = ("a/b", "x/retry", "../x", "../../v1/keys", "/", "//", "x/", "/x", "a/../x")
UNSEEN = ("\x00", "a\x00b", "a\nb", "a\r\nb", "\x1b[2J", "\x7f", "a\x9fb")
LONG = ("x" * 256, "é" * 300, "x" * 5_000)
TAKEN: tuple[str, ...] = (
    *("a b", " ", "a+b", "a%2Fb", "%00", "%", "%2e%2e", "..x", "...", "~", "-", "null", "0"),
    *("a?b#c", "a;b=c", "a&b=c", "a\\b", "a|b", "a:b", "a@b", "a,b", "[a]", "{id}", "$[0]", "*"),
    *("a'b", 'a"b', "<b>", "' OR 1=1 --", "{{x}}", "é", "e\u0301", "日本", "😀", "x" * 255),
)
# What does not print: no id of a timer's, which has to fit in a header, nor of a touchpoint's.
TURNED = ("a\u202eb", "\u200b", "\u2028")


class Collection:
    """How the documents of a kind are made, where they are, and what else is asked of them."""

    def __init__(self, place: str, page: str | None, *calls: tuple[str, str]) -> None:
        self.place, self.page, self.calls = place, page, calls

    def make(self, http: httpx.Client, id: str) -> httpx.Response:
        return http.put(self.at(id), json={})

    def at(self, id: str) -> str:
        return f"{self.place}/{quote(id, safe='')}"


class Mails(Collection):
    def make(self, http: httpx.Client, id: str) -> httpx.Response:
        return http.put(self.at(id), json=MAIL)


class Accounts(Collection):
    def make(self, http: httpx.Client, id: str) -> httpx.Response:
        return http.put(self.at(id), json={"transport": {"uri": "smtp://127.0.0.1:9"}})


class Timers(Collection):
    def make(self, http: httpx.Client, id: str) -> httpx.Response:
        return http.post("/timer", json=TIMER, headers={b"x-timer-id": id.encode()})


class Touchpoints(Collection):
    def make(self, http: httpx.Client, id: str) -> httpx.Response:
        given = {"type": "manual", "cadenceMemberId": "m", "id": id}
        return http.post("/cadence/touchpoints", json=given)


KINDS: dict[str, Collection] = {
    "mail": Mails("/v1/mail", "/mail", ("GET", "/timeline"), ("POST", "/retry")),
    "template": Collection("/v1/templates", "/templates", ("POST", "/render")),
    "user": Collection("/v1/users", None),
    "account": Accounts("/v1/accounts", "/accounts", ("POST", "/pause"), ("POST", "/resume")),
    "timer": Timers("/timer", "/timers", ("POST", "/retry")),
    "touchpoint": Touchpoints("/cadence/touchpoints", "/touchpoints", ("POST", "/retry")),
}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("ids")) as it:
        yield it


def refused(answer: httpx.Response) -> str:
    """What a refusal says; AssertionError where it is none."""
    assert 400 <= answer.status_code < 500, (answer.url, answer.text[:300])
    found = answer.json()
    words: str = found.get("detail") or found["error_message"]
    assert len(words) < 1_000
    return words


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_is_taken_is_good_for_every_call(it: Besieged, kind: str) -> None:
    one = KINDS[kind]
    ids = (*TAKEN, *TURNED)
    if kind in ("timer", "touchpoint"):
        ids = tuple(id for id in TAKEN if id.strip())
    for id in ids:
        made = one.make(it.http, id)
        assert made.status_code == 201, (id, made.text)
        assert made.headers["location"] == one.at(id)
        assert it.http.get(one.at(id)).json()["id"] == id
        for method, call in one.calls:
            answer = it.http.request(method, one.at(id) + call)
            assert answer.status_code < 500, (id, call, answer.text)
            assert answer.status_code != 404, (id, call, answer.text)
    assert {*ids} <= set(listed(it.http, one))
    assert one.page is None or {*ids} <= linked(it.http, one.page)
    for id in ids:
        assert it.http.delete(one.at(id)).status_code in (202, 204), id
        if kind != "timer":  # which is kept as deleted
            assert it.http.get(one.at(id)).status_code == 404, id


def listed(http: httpx.Client, one: Collection) -> Iterator[str]:
    """Every id in the list, page by page."""
    place = "/v1/timers" if one.place == "/timer" else one.place
    after: str | None = ""
    while after is not None:
        given = {"after": after} if after else {}
        found: dict[str, Any] = http.get(place, params=given).json()
        yield from (item["id"] for item in found["items"])
        after = found["next"]


def linked(http: httpx.Client, page: str) -> set[str]:
    """The ids that the console's list leads to, each by a link that finds its page."""
    found: set[str] = set()
    text = http.get(page).text
    for link in {html.unescape(part.split('"')[0]) for part in text.split('href="')[1:]}:
        path, query = urlsplit(link).path, dict(parse_qsl(urlsplit(link).query))
        if path.startswith(f"{page}/"):
            answer = http.get(link)
            assert answer.status_code == 200, link
            found.add(query.get("id") or unquote(path.removeprefix(f"{page}/")))
    return found


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "timer"])
@pytest.mark.parametrize("id", [*PATHS, *UNSEEN, *LONG, "__x__"], ids=lambda id: repr(id)[:20])
def test_an_id_that_is_no_ones_is_refused_by_every_call(it: Besieged, kind: str, id: str) -> None:
    one = KINDS[kind]
    made = one.make(it.http, id)
    assert refused(made)
    assert made.json().get("field") == "id" or "Field 'id'" in made.text
    calls = [("GET", ""), ("DELETE", ""), *one.calls]
    for method, call in calls:
        assert refused(it.http.request(method, one.at(id) + call))
    if one.page is not None:
        assert it.http.get(f"{one.page}/{quote(id, safe='')}").status_code in (400, 404)


@pytest.mark.parametrize(
    "id", [*PATHS, ".", "..", *TURNED, *UNSEEN, *LONG], ids=lambda id: repr(id)[:20]
)
def test_a_timer_is_found_by_its_location_or_refused(it: Besieged, id: str) -> None:
    one = KINDS["timer"]
    if any(mark in id for mark in "\r\n\x00\x1b\x7f"):  # no client sends these in a header
        assert refused(it.http.get(one.at(id)))
        return
    made = one.make(it.http, id)
    if not id.isprintable() or len(id) > 255:
        assert refused(made).startswith("x-timer-id must have ")
        return
    assert made.status_code == 201
    status, body = sent(it, "GET", made.headers["location"].encode())
    assert status == 200
    assert httpx.Response(200, content=body).json()["id"] == id
    assert id in linked(it.http, "/timers")


# Sent as they stand. None may reach what they seem to lead to.
LITERAL = (
    *(b"x/", b"x//", b"/x", b"//x", b"x/retry", b"x/timeline/", b"x/../x", b"./x", b"y/../x"),
    *(b"..", b"../mail/x", b"../templates", b"../keys", b"%2e%2e/keys", b"..%2fkeys", b"x%2f"),
    *(b"x%2fretry", b"x%2Fretry", b"x%252fretry", b"x%c0%afretry", b"x%00", b"x;", b"x;/retry"),
    *(b"x\\retry", b"x%5cretry", b"x?/retry", b"x#/retry", b"%", b"%zz", b"%u0078", b"%78%"),
    *(b"x.", b"x%20", b"%20x", b"x%0a", b"x%0d%0aa: b", b"X", b"x%ff", b"\xe9", b"x" * 9_000),
)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "timer"])
def test_no_path_leads_to_another_call(it: Besieged, kind: str) -> None:
    """Whatever is written, read or removed under them, `x` itself stays as it is."""
    one = KINDS[kind]
    assert one.make(it.http, "x").status_code == 201
    before = it.http.get(one.at("x")).json()
    for path in LITERAL:
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            same = path.strip(b"/") == b"x" or path.partition(b"?")[0].partition(b"#")[0] == b"x"
            if same or (method == "POST" and path == b"x/retry"):
                continue  # a slash too many at the end, or what it says
            status, body = sent(it, method, one.place.encode() + b"/" + path, b"{}")
            assert status < 500, (method, path, body)
        status, body = sent(it, "GET", one.place.encode() + b"/" + path)
        assert status < 500, (path, body)
    assert it.http.get(one.at("x")).json() == before
    it.http.delete(one.at("x"))


def sent(it: Besieged, method: str, target: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """A request whose path nobody has tidied up: its status, and its body."""
    parts = urlsplit(it.url)
    head = b"%b %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % (method.encode(), target)
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as link:
        link.sendall(head + length + body)
        answer = b"".join(iter(lambda: link.recv(65_536), b""))
    first, _, rest = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), rest


def test_what_waits_for_a_recipient_goes_on_whoever_has_its_id(tmp_path: Path) -> None:
    """A remainder's id can be guessed: a client that was first with it delays no mail."""
    with Besieged(tmp_path, transient_attempts="3") as it:
        for epoch in range(1, 9):
            for id in (f"m1~{epoch}", f"m1~{epoch}~"):
                mine = {**MAIL, "delivery": {"state": "SUCCESS"}}
                assert it.http.put(f"/v1/mail/{id}", json=mine).status_code == 201
        it.box.rcpt["b@example.com"] = ["450 4.2.1 later"]
        mail = {"to": ["a@example.com", "b@example.com"], "message": MAIL["message"]}
        it.http.put("/v1/mail/m1", json=mail)
        delivery = until(lambda: sent_at_last(it))
        assert delivery["info"]["pending"] == ["b@example.com"]
        assert it.http.get("/v1/mail/m1~1~~").json()["remainderOf"] == "m1"
        assert 'href="/mail/m1~1"' not in it.http.get("/mail/m1").text


def sent_at_last(it: Besieged) -> dict[str, Any] | None:
    found: dict[str, Any] = it.http.get("/v1/mail/m1").json()["delivery"]
    return found if found["state"] == "SUCCESS" else None
