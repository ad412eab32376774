"""Mails in the console: the list, one mail's story, and what a person can do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from console.conftest import Opened
from console.served import Served
from eventually import eventually
from franking.core.delivery import Bounds
from franking.stores.base import Filter, Looked
from reports import POSTFIX

NOBODY = "550 5.1.1 <no@example.com>: Recipient address rejected: User unknown"
EVIL = "<script>hit()</script><img src=x onerror=hit()></iframe>\u202egnp"


def mail(served: Served, id: str, to: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    """Write a mail and wait for its end."""
    message = {"subject": f"About {id}", "text": "Hello", **more.pop("message", {})}
    return served.run(served.installation.write({"to": to, "message": message, **more}, id))


def failed(served: Served, id: str, reply: str = NOBODY, **more: Any) -> None:
    served.box.rcpt["no@example.com"] = [reply]
    mail(served, id, "no@example.com", **more)


def in_doubt(served: Served, id: str) -> None:
    served.box.hang_up = True
    mail(served, id)
    served.box.hang_up = False


def waits(served: Served, id: str, **more: Any) -> None:
    document = {
        "to": "ada@example.com",
        "sendAt": "2099-01-01T00:00:00Z",
        "message": {"subject": f"About {id}", "text": "x"},
        **more,
    }
    served.run(served.installation.http.put(f"/v1/mail/{id}", json=document))


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{served.url}{path}", headers=headers)


def post(served: Served, path: str, data: dict[str, str] | None = None) -> httpx.Response:
    headers = {"Origin": served.url, "HX-Request": "true"}
    return httpx.post(f"{served.url}{path}", headers=headers, data=data or {})


# The list


def test_no_mail_yet_says_where_mails_come_from(served: Served) -> None:
    assert "There is no mail yet" in get(served, "/mail").text
    assert "No mail matches" in get(served, "/mail?state=ERROR").text


# A filter that is wrong, and how it is told.
@pytest.mark.parametrize("query", ["state=NONE", "category=x", "after=x", "nothing=1", "q=%00"])
def test_a_wrong_filter_is_refused_in_words(served: Served, query: str) -> None:
    answer = get(served, f"/mail?{query}")
    assert answer.status_code == 400
    assert "That did not work" in answer.text


def test_the_list_tells_what_happened_to_each(page: Page, served: Served) -> None:
    mail(served, "fine")
    failed(served, "gone")
    in_doubt(served, "doubtful")
    waits(served, "later")
    page.goto("/mail")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("Its time to be sent has not come.")
    expect(rows.nth(1)).to_contain_text("In doubt")
    expect(rows.nth(2)).to_contain_text("This email address doesn't exist")
    expect(rows.nth(2)).to_contain_text("Check the address, or use another.")
    expect(rows.nth(3)).to_contain_text("Sent")
    page.get_by_label("State").select_option("ERROR")
    expect(rows).to_have_count(2)
    page.get_by_label("Search").fill("gone")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{served.url}/mail?state=ERROR&q=gone")
    rows.get_by_role("link", name="no@example.com").click()
    expect(page.get_by_role("heading", name="About gone")).to_be_visible()


def test_a_list_goes_on_where_it_ended(served: Served) -> None:
    async def many() -> None:
        for n in range(51):
            document = {"to": "a@example.com", "message": {"subject": f"n{n:02}", "text": "x"}}
            await served.installation.office.submit([document])

    served.run(many())
    first = get(served, "/mail").text
    assert "n50" in first
    assert "n00" not in first
    [after] = [part.split('"')[0] for part in first.split("/mail?after=")[1:]]
    rest = get(served, f"/mail?after={after}").text
    assert "n00" in rest
    assert "n01" not in rest
    assert "Back to the newest" in rest


def test_a_look_that_ended_at_its_limit_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked(filter: Filter, limit: int) -> Looked:
        return Looked((), 77)

    monkeypatch.setattr(served.installation.office.look, "mails", looked)
    page = get(served, "/mail?state=ERROR").text
    assert "Looked through the newest 20,000 mails." in page
    assert 'href="/mail?state=ERROR&amp;after=77">Look further' in page


# One mail


def test_an_unknown_mail_is_told_in_words(served: Served) -> None:
    answer = get(served, "/mail/nothing")
    assert answer.status_code == 404
    assert "There is no mail with id nothing." in answer.text


def test_a_sent_mail_tells_its_story(page: Page, served: Served) -> None:
    mail(served, "m1", message={"html": "<h1>Hello Ada</h1>"})
    page.goto("/mail/m1")
    story = page.locator(".timeline > li")
    expect(story).to_have_count(3)
    for words in ("Taken up", "Put together", "Going out", "The server answered", "250 Accepted"):
        expect(story.nth(1)).to_contain_text(words)
    expect(story.nth(2)).to_contain_text("Nothing more happens")
    expect(page.locator(".facts").first).to_contain_text("ada@example.com")
    frame = page.frame_locator("iframe.mail")
    expect(frame.get_by_role("heading", name="Hello Ada")).to_be_visible()


def test_a_failed_mail_says_why_and_what_to_do(served: Served) -> None:
    failed(served, "m1")
    page = get(served, "/mail/m1").text
    for words in ("Recipient not found", "550 5.1.1", "Check the address", "What the server said"):
        assert words in page
    assert "Nothing more happens, unless somebody retries it." in page


def test_a_mail_in_doubt_says_so_frankly(served: Served) -> None:
    in_doubt(served, "m1")
    page = get(served, "/mail/m1").text
    assert "Nobody knows whether this email arrived." in page
    assert "contact was lost while it was being sent" in page


def test_a_mail_refused_at_the_door_tells_its_end(served: Served) -> None:
    mail(served, "m1", "", message={})
    page = get(served, "/mail/m1").text
    assert "at least one recipient" in page
    assert "Why" in page


def test_recipients_that_were_refused_for_now_go_on(tmp_path: Path) -> None:
    with Served(tmp_path, bounds=Bounds(transient_attempts=3, retry_base_ms=3_600_000)) as served:
        served.box.rcpt["soft@example.com"] = ["450 4.2.1 busy"]
        message = {"subject": "S", "text": "x"}
        document = {"to": ["ada@example.com", "soft@example.com"], "message": message}
        served.run(served.installation.write(document, "m1"))
        page = get(served, "/mail/m1").text
        assert "One recipient was refused for now, and the rest goes on by itself." in page
        [part] = {piece.split('"')[0] for piece in page.split('href="/mail/m1~')[1:]}
        rest = get(served, f"/mail/m1~{part}").text
        assert "These are recipients of" in rest
        assert "soft@example.com" in rest
        assert "go on by themselves" in post(served, f"/mail/m1~{part}/retry").text


def test_what_came_back_is_part_of_the_story(served: Served) -> None:
    told = mail(served, "m1", "nobody@example.net")
    id = told["delivery"]["info"]["messageId"]
    report = POSTFIX.replace(b"<1@example.com>", id.encode())
    served.run(served.installation.office.bounces.take(report))
    page = get(served, "/mail/m1").text
    assert "It came back" in page
    assert "User unknown in virtual" in page


def test_a_mail_that_moves_is_seen_to_move(page: Page, served: Served) -> None:
    waits(served, "m1")
    page.goto("/mail/m1")
    expect(page.locator("#what-next")).to_contain_text("Not before")
    change = {"sendAt": None}
    served.run(served.installation.http.patch("/v1/mail/m1", json=change))
    expect(page.locator("#what-next")).to_contain_text("Nothing more happens")


def test_a_mail_deleted_meanwhile_is_told_once(page: Page, served: Served) -> None:
    waits(served, "m1")
    page.goto("/mail/m1")
    served.run(served.installation.office.delete("m1"))
    expect(page.get_by_text("This mail is no longer here")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)


# Hostile words


def test_hostile_words_are_only_words(opened: Opened, served: Served) -> None:
    served.box.rcpt["no@example.com"] = [f"550 5.1.1 {EVIL}"]
    message = {"subject": EVIL, "html": f"<b>b</b>{EVIL}", "text": EVIL}
    document = {"to": ["no@example.com"], "message": message, "account": "default"}
    served.run(served.installation.write(document, "m1"))
    page = opened.page(base_url=served.url, viewport={"width": 360, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("a dialog"))
    for path in ("/mail", "/mail/m1", "/mail/m1?view=text", "/mail/m1?view=source"):
        page.goto(path)
        expect(page.get_by_text("hit()").first).to_be_attached()
        assert page.locator("main img, main script").count() == 0
        assert "\u202e" not in page.content()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [url for url in asked if not url.startswith(served.url)] == []


def test_very_long_words_are_cut_and_shown_on_demand(page: Page, served: Served) -> None:
    served.box.data.append("\r\n".join(["554-5.7.1 " + "long " * 90] * 5 + ["554 5.7.1 end"]))
    mail(served, "m1")
    page.goto("/mail/m1")
    details = page.locator(".timeline details")
    expect(details).to_have_count(1)
    details.locator("summary").click()
    # It stays open while the page looks again.
    with page.expect_response(lambda response: response.url.endswith("/mail/m1")):
        pass
    expect(details.locator(".said")).to_be_visible()
    expect(details.locator(".said")).to_contain_text("end")


def test_the_frame_is_served_under_its_own_policy(served: Served) -> None:
    mail(served, "m1", message={"html": "<script>x</script><b>y</b>"})
    answer = get(served, "/mail/m1/rendered")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "script" not in answer.text
    assert "<b>y</b>" in answer.text


def test_the_source_is_shown_without_the_length_of_attachments(served: Served) -> None:
    attachment = {"filename": "a.bin", "encoding": "base64", "content": "QUJD" * 10_000}
    mail(served, "m1", message={"attachments": [attachment]})
    page = get(served, "/mail/m1?view=source").text
    assert "(40,000 characters)" in page
    assert "QUJD" * 50 not in page


# What a person does


def test_retry_asks_first_where_there_is_a_reason(page: Page, served: Served) -> None:
    failed(served, "m1")
    page.goto("/mail/m1")
    page.get_by_role("button", name="Retry…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Unless you change it, it will be refused again.")
    served.box.rcpt.clear()
    dialog.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("The email is sent again now.")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(page.locator("#what-next")).to_contain_text("Nothing more happens. Should")
    assert len(served.box.taken) == 1


def test_retry_goes_at_once_where_nothing_speaks_against_it(page: Page, served: Served) -> None:
    served.box.data.append("451 4.3.0 try later")
    mail(served, "m1")
    page.goto("/mail/m1")
    page.get_by_role("button", name="Retry", exact=True).dblclick()
    expect(page.locator("#what-next")).to_contain_text("Nothing more happens. Should")
    assert len(served.box.taken) == 1


def test_what_may_have_arrived_goes_again_only_when_a_person_insists(
    page: Page, served: Served
) -> None:
    in_doubt(served, "m1")
    refused = post(served, "/mail/m1/retry")
    assert "may already have been delivered" in refused.text
    page.goto("/mail/m1")
    page.get_by_role("button", name="Retry…").click()
    page.get_by_role("button", name="Send it anyway").click()
    expect(page.locator("#what-next")).to_contain_text("Nothing more happens. Should")


def test_a_sent_mail_goes_again_only_when_a_person_insists(served: Served) -> None:
    mail(served, "m1")
    assert "This email was already sent." in post(served, "/mail/m1/retry").text
    assert "a second time" in get(served, "/mail/m1/retry").text
    assert "sent again now" in post(served, "/mail/m1/retry", {"force": "true"}).text
    served.run(eventually_taken(served, 2))


async def eventually_taken(served: Served, count: int) -> None:
    async def taken() -> bool:
        return len(served.box.taken) == count

    await eventually(taken)


def test_a_manual_mail_of_a_touchpoint_is_not_retried_and_not_deleted(served: Served) -> None:
    failed(served, "m1", touchpointId="tp/1")
    page = get(served, "/mail/m1").text
    assert 'href="/touchpoints/tp%2F1"' in page
    assert 'id="retry"' not in page
    refused = post(served, "/mail/m1/retry").text
    assert "Manual emails can&#39;t be retried. Complete the touchpoint again." in refused
    assert "deleted only with it" in get(served, "/mail/m1/delete").text
    assert "deleted only with it" in post(served, "/mail/m1/delete").text
    assert get(served, "/mail/m1").status_code == 200


def test_delete_asks_and_leads_back(page: Page, served: Served) -> None:
    waits(served, "m1")
    page.goto("/mail/m1")
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It will not be sent.")
    dialog.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{served.url}/mail")
    expect(page.get_by_text("There is no mail yet")).to_be_visible()


@pytest.mark.parametrize("path", ["/mail/m1/retry", "/mail/m1/delete", "/mail/retry"])
def test_what_changes_must_come_from_a_page(served: Served, path: str) -> None:
    failed(served, "m1")
    assert httpx.post(f"{served.url}{path}", data={"force": "true"}).status_code == 403
    assert served.run(served.installation.read("m1"))["delivery"]["attempts"] == 1


# All of a filter


def test_all_that_match_are_retried_and_told(
    page: Page, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("franking.office.retries.RETRIED_AT_ONCE", 2)
    for n in range(5):
        failed(served, f"m{n}")
    failed(served, "by-hand", touchpointId="tp1")
    in_doubt(served, "doubtful")
    served.box.rcpt.clear()
    page.goto("/mail?state=ERROR")
    page.get_by_role("button", name="Retry all of these…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Retry 7 mails?")
    expect(dialog).to_contain_text("state Failed.")
    dialog.get_by_role("button", name="Retry 7").click()
    expect(dialog.get_by_role("heading", name="Done")).to_be_visible()
    expect(dialog).to_contain_text("5 retried, 1 left out, 1 refused.")
    expect(dialog).to_contain_text("1 ×: Manual emails can't be retried.")
    expect(dialog.locator("progress")).to_have_attribute("value", "7")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_stopping_asks_for_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("franking.office.retries.RETRIED_AT_ONCE", 1)
    for n in range(2):
        failed(served, f"m{n}")
    fields = {"state": "ERROR", "progress": '{"total": 2}'}
    assert "hx-trigger" in post(served, "/mail/retry", fields).text
    stopped = post(served, "/mail/retry", {**fields, "stop": "1"}).text
    assert "Stopped" in stopped
    assert "hx-trigger" not in stopped
    assert served.run(served.installation.read("m1"))["delivery"]["attempts"] == 1


def test_a_filter_is_required(served: Served) -> None:
    failed(served, "m1")
    assert get(served, "/mail/retry").status_code == 422
    assert "a filter must say which" in post(served, "/mail/retry").text
    assert "state" in post(served, "/mail/retry", {"state": "NONE"}).text
    assert "Retry all" not in get(served, "/mail").text
    assert "Retry all" in get(served, "/mail?state=ERROR").text
