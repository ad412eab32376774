"""How people come to a page: what each way to be refused tells, and where it leads."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from apis.timers_at_hand import TimersAtHand
from console.doorway import ELSEWHERE, HERE, PART, Doorway, cookie, led, opened
from franking.apis.problems import Problem
from franking.clock import HandClock
from franking.core.key import Scope
from franking.core.scopes import needed
from franking.web.pages import PAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_without_any_key_the_console_is_open_to_this_machine(door: Doorway) -> None:
    assert (await door.get("/mail", "franking=whatever")).status_code == 200
    assert led(await door.get("/sign-in?next=/mail")) == "/mail"
    away = await door.ask("GET", "/mail", peer=ELSEWHERE)
    assert led(away) == "/sign-in?next=%2Fmail"
    told = await door.ask("GET", "/sign-in", peer=ELSEWHERE)
    assert "There is no key yet" in told.text
    assert (await door.sign_in("fk_x")).status_code == 403


@pytest.mark.parametrize(
    ("path", "headers", "to"),
    [
        ("/touchpoints", {}, "/sign-in?next=%2Ftouchpoints"),
        ("/touchpoints", {"accept": "text/html"}, "/sign-in?next=%2Ftouchpoints"),
        ("/", {}, "/sign-in?next=%2F"),
        ("/mail?q=a%20b&state=ERROR", {}, "/sign-in?next=%2Fmail%3Fq%3Da%2520b%26state%3DERROR"),
        ("/mail/m1/rendered", {}, "/sign-in?next=%2Fmail%2Fm1%2Frendered"),
        # A page that a browser goes back to is asked for as a whole.
        (
            "/mail",
            {**PART, "hx-history-restore-request": "true"},
            "/sign-in?next=%2Fmail",
        ),
    ],
)
async def test_who_shows_no_key_is_led_to_the_sign_in(
    shared: Doorway, path: str, headers: dict[str, str], to: str
) -> None:
    await shared.key()
    answer = await shared.ask("GET", path, headers=headers)
    assert led(answer) == to
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("address", "next"),
    [
        (f"{HERE}/touchpoints?status=Error", "/touchpoints?status=Error"),
        (f"{HERE}/mail/m1", "/mail/m1"),
        ("https://evil.example/v1/mail", "/"),
        ("https://evil.example/mail", "/mail"),  # only its path counts, and that is one of ours
        ("//", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
async def test_a_part_leads_the_page_around_it(shared: Doorway, address: str, next: str) -> None:
    await shared.key()
    headers = {**PART, "hx-current-url": address, "origin": HERE}
    for method in ("GET", "POST"):
        answer = await shared.ask(method, "/touchpoints/t1/delete", headers=headers)
        assert answer.status_code == 200
        assert answer.text == ""
        to = re.sub("%3D", "=", answer.headers["hx-redirect"].replace("%2F", "/"))
        assert to.replace("%3F", "?") == f"/sign-in?next={next}&why=needed"


async def test_a_form_that_came_too_late_leads_back_to_its_page(shared: Doorway) -> None:
    await shared.key()
    headers = {"referer": f"{HERE}/accounts/a1"}
    answer = await shared.post("/accounts/a1/resume", headers=headers)
    assert led(answer) == "/sign-in?next=%2Faccounts%2Fa1&why=needed"


async def test_a_frame_is_told_in_words(shared: Doorway) -> None:
    await shared.key()
    answer = await shared.get("/mail/m1/rendered", sec_fetch_dest="iframe")
    assert "You are not signed in any more." in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/mail"), ("POST", "/v1/mail"), ("GET", "/timer/t1")]
)
async def test_programs_are_told_both_ways_to_send_a_key(
    shared: Doorway, method: str, path: str
) -> None:
    await shared.key()
    answer = await shared.ask(method, path, headers={"accept": "text/html"})
    assert answer.status_code == 401
    if path != "/timer/t1":
        assert answer.json()["reason"] == "key_missing"
    challenges = answer.headers.get_list("www-authenticate")
    assert [challenge.partition(" ")[0] for challenge in challenges] == ["Bearer", "Basic"]


async def test_a_key_that_is_sent_is_judged_as_ever(door: Doorway) -> None:
    text = await door.key(Scope.MAIL_READ)
    basic = base64.b64encode(f"x:{text}".encode()).decode()
    for shown in (f"Bearer {text}", f"Basic {basic}"):
        answer = await door.get("/mail", authorization=shown)
        assert answer.status_code == 200
        assert "private" in answer.headers["cache-control"]
        assert "Sign out" not in answer.text
        answer = await door.get("/accounts", authorization=shown)
        assert (answer.status_code, "--scope admin. Then use it." in answer.text) == (403, True)
    ours = await door.signed_in()
    wrong = await door.get("/mail", ours, authorization=f"Bearer {text[:-3]}AAA")
    assert wrong.status_code == 401
    assert len(wrong.headers.get_list("www-authenticate")) == 2


async def test_a_page_that_is_not_there_is_told_in_words(shared: Doorway) -> None:
    ours = await shared.signed_in()
    for sent in (None, ours):
        answer = await shared.get("/touchpoint", sent)
        assert (answer.status_code, "There is no page" in answer.text) == (404, True)
    assert (await shared.ask("GET", "/touchpoint", ours)).status_code == 401


@pytest.mark.parametrize("held", [*Scope])
async def test_a_page_is_shown_to_who_has_its_scope_and_named_to_nobody_else(
    shared: Doorway, held: Scope
) -> None:
    ours = await shared.signed_in(held)
    seen = {path for path, _ in PAGES if needed("GET", path) == held or held == Scope.ADMIN}
    for path, name in PAGES:
        answer = await shared.get(path, ours)
        linked = {at for at, _ in PAGES if f'<li><a href="{at}"' in answer.text}
        assert linked == seen
        assert answer.status_code == (200 if path in seen else 403), name
        assert "Signed in as <b>ada</b>" in answer.text
        assert 'action="/sign-out"' in answer.text
        if path not in seen:
            need = needed("GET", path)
            assert (
                f"This page needs a key with the scope {need}, which yours has not" in answer.text
            )
            also = "" if need == Scope.ADMIN else f" --scope {held}"
            assert f"franking key create{also} --scope {need}. Then sign out, and" in answer.text


async def test_a_button_that_a_key_may_not_press_says_so(shared: Doorway) -> None:
    ours = await shared.signed_in(Scope.MAIL_READ)
    answer = await shared.post("/mail/m1/retry", ours, headers=PART)
    assert answer.status_code == 200
    assert answer.headers["hx-reswap"] == "none"
    assert "This needs a key with the scope mail:write, which yours has not." in answer.text
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("scope", "to"),
    [
        (Scope.TIMERS, "/timers"),
        (Scope.CADENCE, "/touchpoints"),
        (Scope.MAIL_READ, "/"),
        (Scope.MAIL_WRITE, "/"),
    ],
)
async def test_a_sign_in_leads_to_a_page_that_the_key_may_see(
    shared: Doorway, scope: Scope, to: str
) -> None:
    assert led(await shared.sign_in(await shared.key(scope))) == to
    assert led(await shared.sign_in(await shared.key(scope), "/accounts")) == "/accounts"


async def test_who_is_shown_by_their_keys_name_escaped_or_by_its_id(shared: Doorway) -> None:
    for name, shown in (("<b>Ada</b>", "&lt;b&gt;Ada"), ("", "")):
        text = await shared.key(name=name)
        answer = await shared.get("/mail", cookie(await shared.sign_in(text)))
        assert f"Signed in as <b>{shown or text[3:29]}" in answer.text


async def test_who_is_signed_in_has_pages_that_no_browser_keeps(shared: Doorway) -> None:
    ours = await shared.signed_in()
    page = await shared.get("/mail", ours)
    assert page.headers.get_list("cache-control") == ["no-store"]
    part = await shared.ask("GET", "/mail", ours, PART)
    assert part.headers.get_list("cache-control") == ["private, no-cache"]
    again = {**PART, "if-none-match": part.headers["etag"]}
    assert (await shared.ask("GET", "/mail", ours, again)).status_code == 304
    form = await shared.get("/sign-in")
    assert "no-store" in form.headers["cache-control"]


async def test_a_key_that_calls_too_often_is_told_on_its_page(door: Doorway) -> None:
    _, text = await door.office.keys.create("", [Scope.MAIL_READ], 1)
    ours = cookie(await door.sign_in(text))
    assert (await door.get("/mail", ours)).status_code == 200
    answer = await door.get("/mail", ours)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "This key may make 1 calls a minute" in answer.text


async def test_timers_of_another_process_that_asks_for_the_key_are_told_in_words(
    tmp_path: Path,
) -> None:
    timers = TimersAtHand(HandClock())
    timers.broken = Problem(401, "key_missing", "This call needs a key.", "Send one.")
    async with opened(tmp_path, timers=timers) as door:
        ours = await door.signed_in()
        answer = await door.get("/timers", ours)
        assert answer.status_code == 403
        assert "a sign-in does not keep the key" in answer.text
    assert [call[3] for call in timers.calls] == [None]
