"""The sign-in in a real browser: in, back to what was asked for, and out again."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import Browser, Page, expect

from console.conftest import Opened
from console.reps import manual
from console.served import Served
from console.test_accessible import faults
from franking.clock import SystemClock
from franking.core.key import Scope
from franking.core.session import LASTS_MS

PHONE = {"width": 360, "height": 740}
SIGN_IN = re.compile(r"/sign-in")
RUN_OUT = "Your sign-in has run out."


class Ahead(SystemClock):
    """A clock that a test can put forward."""

    ahead_ms = 0

    def now(self) -> int:
        return super().now() + self.ahead_ms

    def steady_ms(self) -> int:
        return super().steady_ms() + self.ahead_ms


@pytest.fixture(scope="module")
def clock() -> Ahead:
    return Ahead()


@pytest.fixture(scope="module")
def served(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, clock: Ahead
) -> Iterator[Served]:
    """An installation for all of these, whose clock can be put forward."""
    with Served(tmp_path_factory.mktemp("signed"), clock=clock) as it:
        yield it


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    """A key that may do all of it."""
    return made(served, *Scope)


def made(served: Served, *scopes: Scope) -> str:
    _, text = served.run(served.installation.office.keys.create("Ada’s key", scopes, None))
    return text


def sign_in(page: Page, key: str) -> None:
    expect(page).to_have_url(SIGN_IN)
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()


def look(page: Page) -> None:
    """What the page does every two seconds by itself."""
    page.evaluate("htmx.trigger(document.body, 'look')")


def test_signed_in_at_work_signed_out_and_nothing_to_go_back_to(
    page: Page, served: Served, key: str
) -> None:
    manual(served)
    page.goto("/touchpoints?q=rep")
    sign_in(page, key)
    expect(page).to_have_url(f"{served.url}/touchpoints?q=rep")
    expect(page.get_by_text("Signed in as Ada’s key")).to_be_visible()
    page.get_by_role("link", name="Timers").click()
    expect(page.get_by_role("heading", name="Timers")).to_be_visible()
    page.get_by_role("link", name="Touchpoints").click()
    expect(page.get_by_role("table")).to_be_visible()
    cookies = page.context.cookies()
    assert [(c["name"], c["httpOnly"], c["sameSite"]) for c in cookies] == [
        ("franking", True, "Lax")
    ]
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert page.context.cookies() == []
    for _ in range(2):
        page.go_back()
        expect(page).to_have_url(SIGN_IN)
        expect(page.get_by_role("table")).to_have_count(0)


def test_a_page_that_looks_again_is_led_away_when_the_session_runs_out(
    page: Page, served: Served, key: str, clock: Ahead
) -> None:
    page.goto("/mail?state=ERROR")
    sign_in(page, key)
    expect(page.get_by_role("heading", name="Mail")).to_be_visible()
    clock.ahead_ms += LASTS_MS
    look(page)
    expect(page.get_by_text(RUN_OUT)).to_be_visible()
    sign_in(page, key)
    expect(page).to_have_url(f"{served.url}/mail?state=ERROR")
    expect(page.get_by_role("heading", name="Mail")).to_be_visible()


def test_what_was_typed_outlives_the_session(
    page: Page, served: Served, key: str, clock: Ahead
) -> None:
    touchpoint = manual(served)
    page.goto(f"/touchpoints/{touchpoint}/complete")
    sign_in(page, key)
    page.get_by_label("To", exact=True).fill("bob@example.com")
    page.get_by_label("Subject").fill("An hour's work")
    page.get_by_label("Text", exact=True).fill("Hello Bob")
    clock.ahead_ms += LASTS_MS
    look(page)
    told = page.get_by_text("You are not signed in any more, so nothing was sent or changed.")
    expect(told).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(told).to_have_count(1)
    with page.context.expect_page() as window:
        page.get_by_role("link", name="Sign in in another window").click()
    sign_in(window.value, key)
    expect(window.value.get_by_role("heading", name="Write the email")).to_be_visible()
    look(page)
    expect(told).to_have_count(0)
    expect(page.get_by_label("Subject")).to_have_value("An hour's work")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").get_by_text("This email was sent.")).to_be_visible()
    assert [mail["subject"] for mail in served.box.mails] == ["An hour's work"]


def test_a_first_key_is_asked_for_on_an_open_page_and_over_tls_kept_for_this_very_host(
    opened: Opened, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with Served(tmp_path, tls=context) as served:
        page = opened.page(base_url=served.url, ignore_https_errors=True)
        page.goto("/mail")
        expect(page.get_by_role("heading", name="Mail")).to_be_visible()
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
        key = made(served, Scope.MAIL_READ)
        look(page)
        expect(page.get_by_text("or the first key was made meanwhile")).to_be_visible()
        sign_in(page, key)
        expect(page).to_have_url(f"{served.url}/mail")
        cookies = page.context.cookies()
        assert [(c["name"], c["secure"], c["path"]) for c in cookies] == [
            ("__Host-franking", True, "/")
        ]
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        assert page.context.cookies() == []


def elsewhere(page: Page, body: str) -> None:
    """Show a page of another site."""
    page.route("http://crm.example/", lambda route: route.fulfill(body=body))
    page.goto("http://crm.example/")


def test_another_site_can_lead_into_the_console_and_do_nothing_there(
    page: Page, served: Served, key: str
) -> None:
    """A link in a CRM, say: SameSite=Lax lets the cookie come along."""
    page.goto("/accounts")
    sign_in(page, key)
    expect(page.get_by_role("heading", name="Accounts")).to_be_visible()
    for path in ("/sign-out", "/accounts/default/pause"):
        form = f'<form method="post" action="{served.url}{path}"><button>Win</button></form>'
        elsewhere(page, f"<!doctype html>{form}")
        page.get_by_role("button").click()
        expect(page.get_by_text("can't come from another site")).to_be_visible()
        page.unroute_all()
    elsewhere(page, f'<!doctype html><a href="{served.url}/timers">a timer</a>')
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Timers")).to_be_visible()


def test_by_keyboard_alone_and_refused_before_let_in(page: Page, served: Served, key: str) -> None:
    page.goto("/timers")
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    page.keyboard.type(key[:-1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This key does not open the console.")
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    expect(page.get_by_label("Key", exact=True)).to_have_value("")
    page.keyboard.type(key)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{served.url}/timers")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are signed out.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_serious_fault_and_fits_a_phone(
    opened: Opened, served: Served, key: str, scheme: str
) -> None:
    page = opened.page(base_url=served.url, color_scheme=scheme, viewport=PHONE)
    told: dict[str, list[str]] = {}
    page.goto("/sign-in?why=expired")
    told["form"] = faults(page)
    page.get_by_label("Key", exact=True).fill("fk_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    told["refused"] = faults(page)
    page.get_by_label("Key", exact=True).fill(made(served, Scope.CADENCE))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Touchpoints")).to_be_visible()
    told["signed in"] = faults(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.goto("/accounts")
    expect(page.get_by_text("needs a key with the scope admin")).to_be_visible()
    told["not allowed"] = faults(page)
    assert {name: found for name, found in told.items() if found} == {}
