"""A rep writes a manual email: it fails, they see why while they write it anew, and it is sent."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from console.reps import NO_SUCH, manual, planned, reached
from console.served import Served


def write(page: Page, id: str, to: str, subject: str = "Hello", text: str = "Hi") -> None:
    page.goto(f"/touchpoints/{id}/complete")
    page.get_by_label("To").fill(to)
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("Text").fill(text)


def test_a_manual_email_fails_is_written_anew_and_sent(page: Page, served: Served) -> None:
    id = manual(served)
    served.box.rcpt["adda@example.com"] = [NO_SUCH]
    page.goto("/touchpoints")
    page.get_by_role("link", name="Write the email").click()
    page.get_by_label("To").fill("adda@example.com")
    page.get_by_label("Subject").fill("Shall we meet?")
    page.get_by_label("Text").fill("On Thursday?")
    page.get_by_role("button", name="Send").click()
    status = page.get_by_role("status", name="Status")
    expect(status).to_contain_text("This email address doesn't exist or is no longer active.")
    expect(page.get_by_label("Text")).to_have_value("On Thursday?")
    page.get_by_label("To").fill("ada@example.com")
    expect(status).to_contain_text("doesn't exist")  # it stays in sight while it is written anew
    page.get_by_role("button", name="Send").click()
    expect(status).to_contain_text("This email was sent.")
    [(_, recipients, mail)] = served.box.taken
    assert (recipients, mail["subject"]) == (["ada@example.com"], "Shall we meet?")
    reached(served, id, "Sent")


def test_who_comes_back_finds_what_was_written_before(page: Page, served: Served) -> None:
    id = manual(served)
    served.box.rcpt["adda@example.com"] = [NO_SUCH]
    write(page, id, "adda@example.com", text="Dear Ada,\n\nshall we meet?")
    page.get_by_role("button", name="Send").click()
    reached(served, id, "Error")
    page.goto(f"/touchpoints/{id}/complete")
    expect(page.get_by_label("To")).to_have_value("adda@example.com")
    expect(page.get_by_label("Text")).to_have_value("Dear Ada,\n\nshall we meet?")


def test_a_double_click_sends_once(page: Page, served: Served) -> None:
    id = manual(served)
    write(page, id, "ada@example.com")
    page.get_by_role("button", name="Send").dblclick()
    reached(served, id, "Sent")
    assert len(served.box.taken) == 1


def test_an_email_to_nobody_is_refused_at_once_with_the_reason(page: Page, served: Served) -> None:
    id = manual(served)
    write(page, id, "")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#toasts .bad")).to_contain_text("must have at least one recipient")
    expect(page.get_by_label("Text")).to_have_value("Hi")
    reached(served, id, "Pending Manual Send")


def test_a_bad_address_is_told_beside_what_was_written(page: Page, served: Served) -> None:
    id = manual(served)
    write(page, id, "no address")
    page.get_by_role("button", name="Send").click()
    status = page.get_by_role("status", name="Status")
    expect(status).to_contain_text("email address is missing or isn't valid.")
    expect(page.get_by_label("To")).to_have_value("no address")
    assert len(served.box.taken) == 0


def test_after_an_unknown_outcome_it_asks_once_more(page: Page, served: Served) -> None:
    id = manual(served)
    served.box.hang_up = True
    write(page, id, "ada@example.com")
    page.get_by_role("button", name="Send").click()
    reached(served, id, "Error")
    served.box.hang_up = False
    expect(page.get_by_role("status", name="Status")).to_contain_text("may or may not")
    page.get_by_role("button", name="Send").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This email may already have been delivered.")
    dialog.get_by_role("button", name="Send it anyway").click()
    expect(page.get_by_role("status", name="Status")).to_contain_text("This email was sent.")
    assert len(served.box.taken) == 1


def test_html_is_shown_as_it_will_look_and_nothing_of_it_runs(page: Page, served: Served) -> None:
    page.goto(f"/touchpoints/{manual(served)}/complete")
    page.get_by_text("Write it as HTML too").click()
    html = (
        "<h1>Dear <b>Ada</b></h1><script>parent.ran = 1</script><img src='http://evil.example/x'>"
    )
    page.get_by_label("HTML").fill(html)
    frame = page.frame_locator("iframe[name=preview]")
    expect(frame.get_by_role("heading", name="Dear Ada")).to_be_visible()
    expect(frame.locator("script")).to_have_count(0)
    assert page.evaluate("window.ran") is None


def test_an_automated_email_is_not_written_by_hand(served: Served) -> None:
    id = planned(served, "ada@example.com")
    own = {"Origin": served.url, "HX-Request": "true"}
    answer = httpx.post(
        f"{served.url}/touchpoints/{id}/complete", data={"to": "a@example.com"}, headers=own
    )
    assert "Automated emails are sent by themselves." in answer.text
