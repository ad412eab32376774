"""The cookie of a session: which one counts, where it may be kept, and for what it counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from console.doorway import ELSEWHERE, HERE, Doorway, cookie, kept, led
from franking.apis.problems import Problem
from franking.core.key import Scope
from franking.core.scopes import OPEN, needed
from franking.core.session import LASTS_MS
from franking.web.cookies import SECURE, presented

pytestmark = pytest.mark.asyncio(loop_scope="module")

TLS = "https://mail.example.com"


def moved(text: str, place: int) -> str:
    """The text with one part of it changed in one character."""
    parts = text.split(".")
    other = "1" if parts[place][-1] != "1" else "2"
    parts[place] = parts[place][:-1] + other
    return ".".join(parts)


# What is sent where the cookie is `franking=t`, and why it does not count.
REFUSED: list[tuple[Callable[[str], str], str]] = [
    *((lambda t, n=n: f"franking={moved(t, n)}", "unknown") for n in range(6)),
    (lambda t: "franking=", "unknown"),
    (lambda t: "franking=x.y.z", "unknown"),
    (lambda t: f"franking={t}.", "unknown"),
    (lambda t: f"franking={t[:-1]}", "unknown"),
    (lambda t: f"franking={t}A", "unknown"),
    (lambda t: f"franking={t.rpartition('.')[0]}", "unknown"),
    (lambda t: f'franking="{t}"', "unknown"),
    (lambda t: f"franking={t.swapcase()}", "unknown"),
    (lambda t: f"franking={t}{' ' * 3}{'A' * 9000}", "unknown"),
    # Cookie tossing: another path or host planted a second one; nobody knows which is ours.
    (lambda t: f"franking={t}; franking={t}", "twice"),
    (lambda t: f"franking=x; a=b; franking={t}", "twice"),
    (lambda t: f"Franking={t}", ""),
    (lambda t: f"xfranking={t}", ""),
    (lambda t: f"a=franking={t}", ""),
    (lambda t: t, ""),
]


@pytest.mark.parametrize(("send", "why"), REFUSED)
async def test_what_is_not_the_very_cookie_does_not_count(
    shared: Doorway, send: Callable[[str], str], why: str
) -> None:
    ours = await shared.signed_in()
    answer = await shared.get("/mail", send(ours.removeprefix("franking=")))
    assert led(answer) == "/sign-in?next=%2Fmail" + (f"&why={why}" if why else "")
    assert (await shared.get("/mail", ours)).status_code == 200


@pytest.mark.parametrize("before", ["\x85", "\xa0", "\x0b", "\x0c", "\x1c", "\x1f"])
async def test_no_other_name_becomes_ours(before: str) -> None:
    """What begins so any host may plant, whatever Python takes for a blank."""
    sent = f"a=b; {before}{SECURE}=planted".encode("latin-1")
    scope = {"scheme": "https", "client": ELSEWHERE, "headers": [(b"cookie", sent)]}
    assert presented(scope) == {}
    scope["headers"] = [(b"cookie", sent), (b"cookie", f"a=b;\t{SECURE}=ours ".encode())]
    assert presented(scope) == {SECURE: ["ours"]}


async def test_of_a_signature_only_its_own_spelling_counts(shared: Doorway) -> None:
    """Four texts in base64 stand for the same bytes."""
    ours = await shared.signed_in()
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    counting = [d for d in digits if (await shared.get("/mail", ours[:-1] + d)).status_code == 200]
    assert counting == [ours[-1]]


@pytest.mark.parametrize(
    ("at", "peer", "headers", "name"),
    [
        (HERE, ("127.0.0.1", 5), {}, "franking"),
        ("http://localhost:8025", ("::1", 5), {}, "franking"),
        (TLS, ELSEWHERE, {}, "__Host-franking"),
        ("https://127.0.0.1", ("127.0.0.1", 5), {}, "__Host-franking"),
        # A proxy that speaks TLS for us: the browser says so.
        ("http://mail.example.com", ELSEWHERE, {"origin": TLS}, "__Host-franking"),
        (
            "http://mail.example.com",
            ("127.0.0.1", 5),
            {"origin": TLS, "x-forwarded-for": "192.0.2.7"},
            "__Host-franking",
        ),
    ],
)
async def test_a_cookie_is_as_safe_as_its_way(
    shared: Doorway, at: str, peer: tuple[str, int], headers: dict[str, str], name: str
) -> None:
    answer = await shared.sign_in(await shared.key(), at=at, peer=peer, headers=headers)
    [(found, morsel)] = kept(answer).items()
    assert (found, bool(morsel["secure"])) == (name, name == "__Host-franking")
    assert (morsel["path"], morsel["samesite"], morsel["domain"]) == ("/", "Lax", "")
    assert (morsel["httponly"], morsel["max-age"]) == (True, str(LASTS_MS // 1000))
    shown = await shared.ask("GET", "/mail", cookie(answer), at=at, peer=peer)
    assert shown.status_code == 200


@pytest.mark.parametrize(
    ("at", "peer", "headers"),
    [
        (HERE, ELSEWHERE, {}),
        (HERE, ("127.0.0.1", 5), {"x-forwarded-for": "192.0.2.7"}),
        (HERE, ("127.0.0.1", 5), {"via": "1.1 proxy"}),
        ("http://mail.example.com", ("127.0.0.1", 5), {}),
        (TLS, ("127.0.0.1", 5), {}),
        ("https://127.0.0.1:8025", ("127.0.0.1", 5), {}),
    ],
)
async def test_a_cookie_of_plain_http_counts_on_this_machine_alone(
    shared: Doorway, at: str, peer: tuple[str, int], headers: dict[str, str]
) -> None:
    ours = await shared.signed_in()
    answer = await shared.ask("GET", "/mail", ours, headers, at=at, peer=peer)
    assert led(answer) == "/sign-in?next=%2Fmail"


def every_route(door: Doorway) -> list[tuple[str, str]]:
    routed: Any = door.front._guard._app._app._app  # type: ignore[attr-defined]
    found = [(route.method.__name__.upper(), route.path) for route in routed.table]
    return [(method, filled(path)) for method, path in found if needed(method, path) != OPEN]


def filled(path: str) -> str:
    return re.sub(r"\{\w+:str\}", "m", path)


async def test_a_session_counts_for_pages_and_for_no_call_of_an_api(door: Doorway) -> None:
    ours = await door.signed_in(Scope.ADMIN)
    pages = {filled(route.path) for route in door.pages.routes}
    calls = [(method, path) for method, path in every_route(door) if path not in pages]
    skyring = [("POST", "/timer"), ("GET", "/timer/t1"), ("DELETE", "/timer/t1")]
    paths = (
        "//v1//mail",
        "/v1/mail/",
        "/%76%31/mail",
        "/V1/mail",
        "/mail;/../v1/mail",
        "/%74imer/t1",
    )
    odd = [("GET", path) for path in (*paths, "//timer/t1", "/MAIL", "/mail%5C..%5Cv1/mail")]
    assert ("POST", "/v1/mail") in calls
    assert ("GET", "/v1/events") in calls
    assert len(calls) > 40
    for method, path in [*calls, *skyring, *odd]:
        answer = await door.ask(method, f"{HERE}{path}", ours, {"origin": HERE})
        assert answer.status_code == 401, (method, path)
        assert not door.pages.covers(path), path
    assert (await door.ask("GET", f"{HERE}/mail/%2e%2e/v1/mail", ours)).status_code == 404


async def test_whatever_changes_something_needs_the_proof_that_our_page_sent_it(
    door: Doorway,
) -> None:
    ours = await door.signed_in(Scope.ADMIN)
    posts = [
        path for method, path in every_route(door) if method != "GET" and door.pages.covers(path)
    ]
    assert len(posts) > 10
    for path in posts:
        answer = await door.ask("POST", path, ours)
        assert answer.status_code == 403, path
        assert "only works from a page of this console" in answer.text
        answer = await door.ask("POST", path, ours, {"sec-fetch-site": "same-site"})
        assert answer.status_code == 403, path


async def test_a_session_does_not_even_come_to_a_page_without_that_proof(door: Doorway) -> None:
    """Whatever a page forgets to ask for."""
    name, _, text = (await door.signed_in()).partition("=")
    headers = [(b"host", b"127.0.0.1:8025"), (b"cookie", f"{name}={text}".encode())]
    scope = {"type": "http", "scheme": "http", "method": "POST", "client": ("127.0.0.1", 5)}
    with pytest.raises(Problem, match="only works from a page of this console"):
        await door.pages.visitor({**scope, "headers": headers})
    ours = [*headers, (b"sec-fetch-site", b"same-origin")]
    key = await door.pages.visitor({**scope, "headers": ours})
    assert key is not None
    assert key.name == "ada"
