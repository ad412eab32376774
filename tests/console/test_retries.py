"""A rep retries: one email, a mended one, one that nobody knows of, and all of a filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from console.conftest import Opened
from console.reps import LATER, NO_SUCH, doubtful, failed, manual, planned, reached
from console.served import Served
from franking.core.delivery import Bounds
from franking.outlets.base import Answered, OutOfReach

UNREACHED = "Retry is out of reach right now. Try again in a minute."


def row(page: Page, to: str) -> Locator:
    return page.get_by_role("row").filter(has_text=to)


def retry(page: Page, to: str) -> Locator:
    return page.get_by_role("button", name=f"Retry the email to {to}")


def toast(page: Page, words: str) -> Locator:
    return page.locator("#toasts .toast").filter(has_text=words)


def frozen(page: Page) -> None:
    """From now on the page does not look again: what it shows may be old."""

    def look(route: Route) -> None:
        is_look = route.request.method == "GET" and "hx-request" in route.request.headers
        route.abort() if is_look else route.continue_()

    page.route("**/touchpoints*", look)


def cut_off(served: Served) -> None:
    """From now on the package does not reach the email side."""

    async def gone(*_: Any, **__: Any) -> Answered:
        raise OutOfReach("connection refused")

    served.installation.embedded.package._retrying._parts.reach._services = gone


def test_an_error_is_read_retried_and_sent_without_reloading(
    opened: Opened, tmp_path: Path
) -> None:
    # A retry that is put off once stays at Manual Retry for a moment.
    bounds = Bounds(transient_attempts=5, retry_base_ms=1_500)
    with Served(tmp_path, bounds=bounds) as served:
        page = opened.page(base_url=served.url)
        failed(served, "ada@example.com")
        served.box.rcpt["ada@example.com"] = [LATER, "250 OK"]
        page.goto("/touchpoints")
        expect(row(page, "ada@")).to_contain_text("The recipient's mailbox is full.")
        expect(row(page, "ada@")).to_contain_text("Retry later, or reach them another way.")
        page.evaluate("window.stayed = true")
        retry(page, "ada@example.com").click()
        expect(toast(page, "Retry was accepted.")).to_be_visible()
        expect(row(page, "ada@").locator(".badge")).to_have_text("Manual Retry")
        del served.box.rcpt["ada@example.com"]
        expect(row(page, "ada@").locator(".badge")).to_have_text("Sent", timeout=15_000)
        expect(row(page, "ada@")).not_to_contain_text("full")
        expect(row(page, "ada@")).to_contain_text("retried once")
        assert page.evaluate("window.stayed")


def test_two_quick_presses_are_one_retry(page: Page, served: Served) -> None:
    id = failed(served, "ada@example.com")
    page.goto("/touchpoints")
    retry(page, "ada@example.com").dblclick()
    expect(row(page, "ada@").locator(".badge")).to_have_text("Sent")
    assert len(served.box.taken) == 1
    shown = served.run(served.installation.embedded.package.read(id))
    assert shown.touchpoint.manual_retry_count == 1
    expect(page.locator("#toasts .bad")).to_have_count(0)


def test_who_sends_the_same_press_twice_retries_once(served: Served) -> None:
    """Two tabs, or a proxy that repeats: the second answer is the first one's."""
    id = failed(served, "ada@example.com")
    own = {"Origin": served.url, "HX-Request": "true"}
    path, pressed = f"{served.url}/touchpoints/{id}/retry", {"retries": "0"}
    answers = [httpx.post(path, data=pressed, headers=own) for _ in range(2)]
    assert ["Retry was accepted" in answer.text for answer in answers] == [True, True]
    reached(served, id, "Sent")
    assert len(served.box.taken) == 1


def test_a_refusal_is_told_in_the_words_of_retry_timer(page: Page, served: Served) -> None:
    id = failed(served, "ada@example.com")
    page.goto("/touchpoints")
    frozen(page)
    served.run(served.installation.embedded.package.retry(id, None, False))
    reached(served, id, "Sent")
    retry(page, "ada@example.com").click()
    expect(toast(page, "This email was already sent.")).to_be_visible()
    assert len(served.box.taken) == 1


def test_what_went_wrong_stays_in_sight_until_it_was_read(page: Page, served: Served) -> None:
    id = failed(served, "ada@example.com")
    page.goto("/touchpoints")
    frozen(page)
    served.run(served.installation.embedded.package.retry(id, None, False))
    reached(served, id, "Sent")
    retry(page, "ada@example.com").click()
    bad = page.locator("#toasts .toast.bad")
    expect(bad).to_be_visible()
    bad.get_by_role("button", name="Dismiss this message").click()
    expect(bad).to_have_count(0)


def test_out_of_reach_is_told_and_changes_nothing(page: Page, served: Served) -> None:
    failed(served, "ada@example.com")
    page.goto("/touchpoints")
    cut_off(served)
    retry(page, "ada@example.com").click()
    expect(toast(page, UNREACHED)).to_be_visible()
    expect(row(page, "ada@").locator(".badge")).to_have_text("Error")


def test_no_answer_at_all_is_told(page: Page, served: Served) -> None:
    failed(served, "ada@example.com")
    page.goto("/touchpoints")
    page.route("**/retry", lambda route: route.abort())
    retry(page, "ada@example.com").click()
    expect(toast(page, "franking did not answer.")).to_be_visible()


def test_an_unknown_outcome_is_asked_about_with_the_reason(page: Page, served: Served) -> None:
    doubtful(served, "ada@example.com")
    page.goto("/touchpoints")
    expect(row(page, "ada@")).to_contain_text("may or may not have been delivered")
    retry(page, "ada@example.com").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This email may already have been delivered.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert len(served.box.taken) == 0
    retry(page, "ada@example.com").click()
    dialog.get_by_role("button", name="Send it anyway").click()
    expect(dialog).to_be_hidden()
    expect(row(page, "ada@").locator(".badge")).to_have_text("Sent")
    assert len(served.box.taken) == 1


def test_the_question_is_put_where_the_page_did_not_know_of_the_doubt(served: Served) -> None:
    """Pressed without the dialog, as from an old page: the answer is the question."""
    id = doubtful(served, "ada@example.com")
    own = {"Origin": served.url, "HX-Request": "true"}
    answer = httpx.post(f"{served.url}/touchpoints/{id}/retry", headers=own)
    assert answer.headers["hx-retarget"] == "#dialog"
    assert 'name="force" value="1"' in answer.text
    assert "may already have been delivered" in answer.text


def test_an_address_is_mended_in_the_same_step(page: Page, served: Served) -> None:
    failed(served, "adda@example.com", NO_SUCH)
    served.box.rcpt["adda@example.com"] = [NO_SUCH]
    page.goto("/touchpoints")
    retry(page, "adda@example.com").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Unless you change it, it will be refused again.")
    expect(dialog.get_by_label("To")).to_have_value("adda@example.com")
    dialog.get_by_label("To").fill("ada@example.com")
    dialog.get_by_label("Subject").fill("Hello again")
    dialog.get_by_role("button", name="Retry").click()
    expect(row(page, "ada@example.com").locator(".badge")).to_have_text("Sent")
    [(_, recipients, mail)] = served.box.taken
    assert recipients == ["ada@example.com"]
    assert mail["subject"] == "Hello again"
    assert mail.get_content().strip() == "Hi"


def test_a_mended_email_that_is_refused_is_not_lost(page: Page, served: Served) -> None:
    failed(served, "adda@example.com", NO_SUCH)
    page.goto("/touchpoints")
    retry(page, "adda@example.com").click()
    cut_off(served)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("To").fill("ada@example.com")
    dialog.get_by_label("Text").fill("A long letter\nin two lines")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("alert")).to_have_text(UNREACHED)
    expect(dialog.get_by_label("Text")).to_have_value("A long letter\nin two lines")
    expect(dialog.get_by_label("To")).to_have_value("ada@example.com")


def test_all_of_a_filter_are_retried_with_a_count_first(page: Page, served: Served) -> None:
    people = [f"p{number}@example.com" for number in range(28)]
    for to in people:
        served.box.rcpt[to] = ["552 5.2.2 The mailbox is full"]
    ids = [planned(served, to, member="a0Full") for to in people]
    for id in ids:
        reached(served, id, "Error")
    served.box.rcpt.clear()
    other = failed(served, "other@example.com", member="a0Other")
    doubtful(served, "doubt@example.com")
    page.goto("/touchpoints?member=a0Full")
    page.get_by_role("button", name="Retry all of these…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Retry 28 emails?")
    expect(dialog).to_contain_text("of cadence member a0Full")
    assert len(served.box.taken) == 0
    dialog.get_by_role("button", name="Retry 28").click()
    expect(dialog.get_by_role("heading", name="Done")).to_be_visible()
    expect(dialog.locator("p[role=status]")).to_have_text("28 accepted.")
    dialog.get_by_role("button", name="Close").click()
    for id in ids:
        reached(served, id, "Sent")
    assert len(served.box.taken) == 28
    assert served.run(served.installation.embedded.package.read(other)).touchpoint.status == "Error"


def test_retrying_all_says_what_was_left_out_and_why(page: Page, served: Served) -> None:
    id = failed(served, "ada@example.com")
    doubtful(served, "doubt@example.com")
    page.goto("/touchpoints?status=Error")
    page.get_by_role("button", name="Retry all of these…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Retry 2").click()
    expect(dialog.locator("p[role=status]")).to_have_text("1 accepted, 1 left out.")
    expect(dialog.get_by_role("listitem")).to_contain_text("may already have been delivered")
    reached(served, id, "Sent")
    assert [recipients for _, recipients, _ in served.box.taken] == [["ada@example.com"]]


@pytest.mark.parametrize("field", ["status=Sent", "q=nobody"])
def test_retrying_all_of_nothing_says_so(served: Served, field: str) -> None:
    failed(served, "ada@example.com")
    found = httpx.get(f"{served.url}/touchpoints/retry?{field}", headers={"HX-Request": "true"})
    if field.startswith("q"):
        assert "No touchpoint in Error matches." in found.text
        assert ">Retry " not in found.text
    else:
        assert "Retry 1 email?" in found.text, "only those in Error are retried, whatever is listed"


def test_a_manual_email_has_no_retry(page: Page, served: Served) -> None:
    id = manual(served)
    page.goto(f"/touchpoints/{id}")
    expect(page.get_by_role("link", name="Write the email")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_retry_that_no_page_of_ours_sends_is_refused(
    served: Served, headers: dict[str, str]
) -> None:
    id = failed(served, "ada@example.com")
    answer = httpx.post(f"{served.url}/touchpoints/{id}/retry", headers=headers)
    assert answer.status_code == 403
    reached(served, id, "Error")


def test_on_a_phone(opened: Opened, served: Served) -> None:
    failed(served, "ada@example.com")
    page = opened.page(
        base_url=served.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page.goto("/touchpoints")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    retry(page, "ada@example.com").tap()
    expect(row(page, "ada@").locator(".badge")).to_have_text("Sent")


def test_a_press_that_comes_before_htmx_has_bound_the_dialog_counts(
    page: Page, served: Served
) -> None:
    doubtful(served, "ada@example.com")
    page.goto("/touchpoints")
    page.evaluate("htmx.config.defaultSettleDelay = 60000")
    page.get_by_role("button", name="Retry the email").click()
    page.get_by_role("button", name="Send it anyway").press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(row(page, "ada@").locator(".badge")).to_have_text("Sent")
    assert page.evaluate("location.search") == ""


def test_by_keyboard_alone(page: Page, served: Served) -> None:
    doubtful(served, "ada@example.com")
    page.goto("/touchpoints")
    pressed = 0
    while (
        page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")[:9] != "Retry the"
    ):
        page.keyboard.press("Tab")
        pressed += 1
        assert pressed < 40, "the button can't be reached"
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert "Retry the email" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    while page.evaluate("document.activeElement.textContent.trim()") != "Send it anyway":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row(page, "ada@").locator(".badge")).to_have_text("Sent")
