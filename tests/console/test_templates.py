"""Templates in the console: written with a preview beside them, saved, deleted, and begun with."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Dialog, Page, expect

from console.conftest import Opened
from console.reps import manual, reached
from console.served import Served
from franking.core.key import Scope

BOMB = "{{#each @root.a}}" * 9 + "x" + "{{/each}}" * 9
TEN = '{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}'


def keep(served: Served, id: str, **document: Any) -> None:
    served.run(served.installation.office.templates.set(id, document))


def kept(served: Served, id: str) -> dict[str, Any]:
    found = httpx.get(f"{served.url}/v1/templates/{id}").json()
    del found["id"]
    return dict(found)


def posted(served: Served, path: str, **fields: str) -> httpx.Response:
    """What a form of ours gets."""
    own = {"Origin": served.url, "HX-Request": "true"}
    return httpx.post(f"{served.url}{path}", data=fields, headers=own)


def saving(served: Served, id: str, **fields: str) -> str:
    """What a save of the version that is there is told."""
    tag = httpx.get(f"{served.url}/v1/templates/{id}").headers.get("etag", "")
    return posted(served, f"/templates/{id}", match=tag, **fields).text


def previewed(served: Served, **fields: str) -> str:
    return posted(served, "/templates/draft/preview", **fields).text


def saved(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#toasts .good")).to_contain_text("The template was saved.")


def shown(page: Page) -> Any:
    """The HTML as it looks."""
    return page.frame_locator("iframe[name=preview]").locator("body")


# The list


def test_without_templates_the_list_says_how_to_begin(served: Served) -> None:
    assert "There is no template yet." in httpx.get(f"{served.url}/templates").text


def test_a_list_tells_what_each_is_and_has(page: Page, served: Served) -> None:
    keep(served, "welcome", name="Hello", subject="Hi", html="<p>Hi</p>", text="")
    keep(served, "footer", partial=True, text="Bye")
    page.goto("/templates")
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("footer")
    expect(rows.nth(1)).to_contain_text("Partial")
    expect(rows.nth(2).get_by_role("link")).to_have_text("Hello")
    expect(rows.nth(2)).to_contain_text("subject, html")
    page.get_by_label("Id begins with").fill("foo")
    expect(rows).to_have_count(2)
    page.get_by_label("Id begins with").fill("Hello")
    expect(page.get_by_role("link", name="Hello")).to_be_visible()
    page.get_by_label("Id begins with").fill("nothing")
    expect(page.get_by_text("No template has an id that begins so")).to_be_visible()


def test_a_long_list_goes_on_where_it_ended(served: Served) -> None:
    for number in range(52):
        keep(served, f"t{number:03}", text="x")
    first = httpx.get(f"{served.url}/templates").text
    assert first.count("<tr id=") == 50
    assert "/templates?after=t049" in first
    rest = httpx.get(f"{served.url}/templates?after=t049").text
    assert rest.count("<tr id=") == 2
    assert "That was all." in rest


# Begun, written, saved


def test_a_template_is_written_with_a_preview_and_mails_use_it(page: Page, served: Served) -> None:
    page.goto("/templates")
    page.get_by_role("button", name="New template").click()
    page.get_by_label("Id", exact=True).fill("welcome & more")
    page.get_by_role("button", name="Write it").click()
    expect(page.get_by_role("heading", name="New template welcome & more")).to_be_visible()
    page.get_by_label("Subject").fill("Hello {{name}}")
    page.get_by_label("HTML").fill("<h1>Dear {{name}}</h1>")
    page.get_by_label("Sample data").fill('{"name": "Ada"}')
    expect(shown(page)).to_have_text("Dear Ada")
    expect(page.locator("#result")).to_contain_text("Hello Ada")
    saved(page)
    expect(page).to_have_url(f"{served.url}/templates/welcome%20%26%20more")
    mail = {"to": "grace@example.com", "template": {"name": "welcome & more"}}
    mail["template"]["data"] = {"name": "Grace"}  # type: ignore[index]
    served.run(served.installation.write(mail))
    page.get_by_label("HTML").fill("<h1>Good day {{name}}</h1>")
    expect(shown(page)).to_have_text("Good day Ada")
    page.get_by_role("button", name="Dismiss").click()
    saved(page)
    served.run(served.installation.write(mail, "m2"))
    bodies = [taken.get_content() for _, _, taken in served.box.taken]
    assert ["Dear Grace" in bodies[0], "Good day Grace" in bodies[1]] == [True, True]


def test_what_nobody_changed_is_kept_to_the_letter(served: Served) -> None:
    document: dict[str, Any] = {
        "text": "a\r\nb",
        "html": "",
        "attachments": [{"filename": "a", "n": 1.0}],
        "sample": {"z": 1, "a": "é"},
        "own": {"of": ["another", None]},
        "partial": False,
    }
    keep(served, "t", **document)
    fields = {"text": "a\r\nb", "html": "", "name": "", "amp": "", "subject": "new"}
    found = httpx.get(f"{served.url}/templates/t").text
    assert "&#34;filename&#34;: &#34;a&#34;" in found
    sample = '{\r\n  "z": 1,\r\n  "a": "é"\r\n}'
    saving(served, "t", sample=sample, **fields)
    assert kept(served, "t") == document | {"subject": "new"}


def test_an_emptied_field_is_taken_out(served: Served) -> None:
    keep(served, "t", text="a", name="b", partial=True, sample={"c": 1})
    saving(served, "t", text="", name=" ", sample=" ", subject="d")
    assert kept(served, "t") == {"subject": "d"}


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("", "A template needs an id."),
        ("a/b", "no &#39;/&#39;"),
        ("..", "is not &#39;.&#39;"),
        ("there", "There is a template with id there already."),
    ],
)
def test_no_template_is_begun_with_an_id_that_none_may_have(
    served: Served, id: str, words: str
) -> None:
    keep(served, "there", text="a")
    answer = posted(served, "/templates", id=id)
    assert words in answer.text
    assert "hx-redirect" not in answer.headers


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sample": '{"a":\n1,,}'}, "Sample data is not JSON: "),
        ({"sample": '{"a":\n1,,}'}, "on line 2"),
        ({"sample": "[1]"}, "Sample data must be a JSON object"),
        ({"sample": '{"a":' + "[" * 101 + "]" * 101 + "}"}, "more than 100 levels"),
        ({"sample": '{"a":' + "[" * 5000}, "more than 100 levels"),
        ({"attachments": "[1]"}, "Field &#39;attachments.0&#39; must be a map"),
        ({"attachments": "{}"}, "Field &#39;attachments&#39; must be an array"),
        ({"attachments": "[{]"}, "Attachments is not JSON"),
        ({"name": "x" * 256}, "Field &#39;name&#39;"),
        ({"html": "x" * 1_100_000}, "A template may have 1048576 bytes"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_name(
    served: Served, fields: dict[str, str], words: str
) -> None:
    keep(served, "t", text="before")
    assert words in saving(served, "t", **fields)
    assert kept(served, "t") == {"text": "before"}
    assert words in previewed(served, text="x", **fields)


def test_a_page_of_another_site_changes_nothing(served: Served) -> None:
    keep(served, "t", text="before")
    for path in ("", "/preview", "/rendered", "/delete"):
        answer = httpx.post(f"{served.url}/templates/t{path}", data={"text": "x"})
        assert answer.status_code == 403
    assert kept(served, "t") == {"text": "before"}


def test_a_template_that_is_not_there_is_said_so(served: Served) -> None:
    answer = httpx.get(f"{served.url}/templates/none")
    assert answer.status_code == 404
    assert "There is no template with id none." in answer.text


# Two at once


def test_a_change_in_between_is_told_and_nothing_typed_is_lost(page: Page, served: Served) -> None:
    keep(served, "t", subject="first", own=1)
    page.goto("/templates/t")
    keep(served, "t", subject="theirs", own=2)
    page.get_by_label("Subject").fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Somebody else changed it")
    assert kept(served, "t") == {"subject": "theirs", "own": 2}
    dialog.get_by_role("button", name="Go on editing").click()
    expect(page.get_by_label("Subject")).to_have_value("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog.get_by_role("button", name="Save mine over it").click()
    expect(page.locator("#toasts .good")).to_contain_text("The template was saved.")
    expect(dialog).not_to_be_visible()
    assert kept(served, "t") == {"subject": "mine", "own": 2}
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_label("Subject").fill("mine again")
    saved(page)


def test_a_template_deleted_in_between_can_be_saved_anew(page: Page, served: Served) -> None:
    keep(served, "t", subject="first")
    page.goto("/templates/t")
    served.run(served.installation.office.templates.delete("t"))
    page.get_by_label("Subject").fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It was deleted meanwhile")
    dialog.get_by_role("button", name="Save mine anew").click()
    expect(dialog).not_to_be_visible()
    assert kept(served, "t") == {"subject": "mine"}


def test_of_two_who_begin_one_the_second_is_asked(served: Served) -> None:
    keep(served, "t", subject="theirs")
    assert "Somebody else changed it" in posted(served, "/templates/t", subject="mine").text
    assert kept(served, "t") == {"subject": "theirs"}


def test_a_template_is_deleted_after_a_question(page: Page, served: Served) -> None:
    keep(served, "t", subject="a")
    page.goto("/templates/t")
    page.get_by_label("Subject").fill("typed, and given up with it")
    page.on("dialog", lambda dialog: dialog.dismiss())  # it would stay, if it were asked
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{served.url}/templates")
    expect(page.get_by_text("There is no template yet.")).to_be_visible()


def test_what_changed_since_the_question_is_not_deleted(served: Served) -> None:
    keep(served, "t", subject="a")
    tag = httpx.get(f"{served.url}/v1/templates/t").headers["etag"]
    keep(served, "t", subject="b")
    answer = posted(served, "/templates/t/delete", match=tag)
    assert "The template has changed since you read it." in answer.text
    assert kept(served, "t") == {"subject": "b"}


# The preview


def test_a_slip_is_told_and_leaves_the_last_good_view(page: Page, served: Served) -> None:
    keep(served, "t", html="<h1>Good</h1>", subject="Fine")
    page.goto("/templates/t")
    expect(shown(page)).to_have_text("Good")
    page.get_by_label("HTML").fill("<h1>\n{{#if}</h1>")
    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text("HTML: Error: Parse error on line 2")
    expect(trouble).to_contain_text("Below is what it was before.")
    expect(shown(page)).to_have_text("Good")
    expect(page.locator("#result")).to_contain_text("Fine")
    page.get_by_label("HTML").fill("<h1>Better</h1>")
    expect(shown(page)).to_have_text("Better")
    expect(trouble).to_be_empty()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "{{> nope}}"}, "Text: Error: The partial nope could not be found"),
        ({"subject": "x", "text": "{{upper a}}"}, "Text: Error: Missing helper: &#34;upper&#34;"),
        ({"subject": "{{/if}}", "text": "{{/if}}"}, "Subject: Error: Parse error on line 1"),
        ({"text": "a", "attachments": '[{"filename": "{{no}}"}]'}, "Attachments: Error: &#34;no"),
        ({"text": "a", "amp": "{{"}, "AMP: Error: Parse error"),
    ],
)
def test_what_is_wrong_is_told_with_its_part(
    served: Served, fields: dict[str, str], words: str
) -> None:
    assert words in previewed(served, **fields)


def test_what_a_template_lacks_is_the_mails_own(served: Served) -> None:
    told = previewed(served, html="<p>a</p>")
    assert "the mail's own" in told
    answer = posted(served, "/templates/draft/preview", text="a")
    assert answer.headers["hx-trigger-after-settle"] == '{"previewed": {"html": false}}'
    assert posted(served, "/templates/draft/rendered", text="a").status_code == 204


def test_a_partial_is_previewed_by_itself_and_a_draft_among_the_partials(served: Served) -> None:
    keep(served, "footer", partial=True, text="Bye {{name}}")
    sample = '{"name": "Ada"}'
    assert "Dear Ada" in previewed(served, partial="on", text="Dear {{name}}", sample=sample)
    assert "Hi. Bye Ada" in previewed(served, text="Hi. {{> footer}}", sample=sample)


def test_a_bomb_is_told_within_a_moment_and_the_page_lives(page: Page, served: Served) -> None:
    keep(served, "t", html="<p>Good</p>")
    page.goto("/templates/t")
    expect(shown(page)).to_have_text("Good")
    began = time.monotonic()
    page.get_by_label("Sample data").fill(TEN)
    page.get_by_label("HTML").fill(BOMB)
    expect(page.locator("#trouble")).to_contain_text("took longer than 250 ms")
    assert time.monotonic() - began < 5
    expect(shown(page)).to_have_text("Good")
    page.get_by_label("HTML").fill("<p>{{a.[0]}}</p>")
    expect(shown(page)).to_have_text("1")


def test_nothing_hostile_runs_in_a_preview(page: Page, served: Served) -> None:
    page.goto("/templates/t?new=1")
    evil = "<script>parent.ran = 1; window.ran = 1</script><img src=x onerror='parent.ran = 2'>"
    page.get_by_label("Subject").fill(evil)
    page.get_by_label("Text").fill(evil)
    page.get_by_label("Sample data").fill('{"x": "<svg onload=parent.ran=3><i>there</i>"}')
    page.get_by_label("HTML").fill(evil + "<p>{{x}}</p>{{{x}}}</textarea></iframe>")
    expect(page.locator("#result")).to_contain_text("<script>parent.ran = 1")
    expect(shown(page)).to_contain_text("<svg onload=parent.ran=3>")
    expect(shown(page).locator("script, svg, img[onerror]")).to_have_count(0)
    for frame in page.frames:
        assert frame.evaluate("window.ran") is None
    saved(page)
    page.reload()
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_value(evil)
    assert page.evaluate("window.ran") is None


def test_back_leads_away_and_not_through_the_previews(page: Page, served: Served) -> None:
    keep(served, "t", html="<p>0</p>")
    page.goto("/templates/t")
    expect(shown(page)).to_have_text("0")
    length = page.evaluate("history.length")
    for number in ("1", "2", "3"):
        page.get_by_label("HTML").fill(f"<p>{number}</p>")
        expect(shown(page)).to_have_text(number)
    assert page.evaluate("history.length") == length
    expect(page.locator("iframe")).to_have_count(1)


def test_the_keyboard_saves_and_what_is_not_saved_is_not_left_unasked(
    page: Page, served: Served
) -> None:
    keep(served, "t", subject="a")
    page.goto("/templates/t")
    page.get_by_label("Subject").focus()
    page.keyboard.press("End")
    page.keyboard.type("bc")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="← Templates").click(no_wait_after=True)
    expect(page.get_by_label("Subject")).to_have_value("abc")
    page.keyboard.press("Control+s")
    expect(page.locator("#toasts .good")).to_contain_text("The template was saved.")
    expect(page.get_by_text("Not saved yet")).to_have_count(0)
    assert asked == ["beforeunload"]
    page.get_by_role("link", name="← Templates").click()
    expect(page.get_by_role("heading", name="Templates")).to_be_visible()
    assert kept(served, "t") == {"subject": "abc"}


def test_whoever_may_only_read_is_told_so(opened: Opened, served: Served) -> None:
    keep(served, "t", subject="a")
    _, secret = served.run(
        served.installation.office.keys.create("reader", [Scope.MAIL_READ], None)
    )
    own = {"Authorization": f"Bearer {secret}"}
    page = opened.page(base_url=served.url, extra_http_headers=own)
    page.goto("/templates/t")
    expect(page.get_by_text("Your key may look at templates")).to_be_visible()
    expect(page.get_by_label("Subject")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


# An email that begins with a template


def chosen(page: Page, name: str) -> None:
    page.get_by_role("button", name="Start from a template").click()
    page.get_by_role("dialog").get_by_role("button", name=name).click()


def test_a_manual_email_begins_with_a_template(page: Page, served: Served) -> None:
    keep(
        served,
        "invite",
        subject="Hello {{name}}!",
        text="For {{cadenceMemberId}}, {{to}}",
        html="<p>Dear {{name}}, {{to}}</p>",
        sample={"name": "Sample"},
        attachments=[{"filename": "{{strict}}"}],
    )
    keep(served, "footer", partial=True, text="never offered")
    id = manual(served)
    page.goto(f"/touchpoints/{id}/complete")
    page.get_by_label("To").fill("ada@example.com")
    page.get_by_role("button", name="Start from a template").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="footer")).to_have_count(0)
    page.get_by_role("dialog").get_by_role("button", name="invite").click()
    expect(page.get_by_label("Subject")).to_have_value("Hello !")
    expect(page.get_by_label("Text")).to_have_value("For a0Y2, ada@example.com")
    expect(page.get_by_label("HTML")).to_have_value("<p>Dear , ada@example.com</p>")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    expect(shown(page)).to_have_text("Dear , ada@example.com")
    page.get_by_label("Subject").fill("Hello Ada!")
    page.get_by_role("button", name="Send").click()
    reached(served, id, "Sent")
    [(_, _, mail)] = served.box.taken
    assert mail["subject"] == "Hello Ada!"


@pytest.mark.parametrize(
    ("button", "subject", "text"),
    [
        ("Keep mine", "Mine", ""),
        ("Fill in what is empty", "Mine", "Theirs"),
        ("Replace", "Its own", "Theirs"),
    ],
)
def test_what_was_written_is_not_replaced_unasked(
    page: Page, served: Served, button: str, subject: str, text: str
) -> None:
    keep(served, "invite", subject="Its own", text="Theirs")
    page.goto(f"/touchpoints/{manual(served)}/complete")
    page.get_by_label("Subject").fill("Mine")
    chosen(page, "invite")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Replace what you wrote?")
    expect(page.get_by_label("Subject")).to_have_value("Mine")
    dialog.get_by_role("button", name=button).click()
    expect(dialog).not_to_be_visible()
    expect(page.get_by_label("Text")).to_have_value(text)
    expect(page.get_by_label("Subject")).to_have_value(subject)


def test_a_template_that_can_not_be_used_is_told_and_changes_nothing(
    page: Page, served: Served
) -> None:
    keep(served, "broken", text="{{#if}}")
    page.goto(f"/touchpoints/{manual(served)}/complete")
    chosen(page, "broken")
    expect(page.locator("#toasts .bad")).to_contain_text(
        "This template can't be used: Error: Parse"
    )
    expect(page.get_by_label("Text")).to_have_value("")


def test_of_many_templates_one_is_searched(page: Page, served: Served) -> None:
    for number in range(203):
        keep(served, f"t{number:03}", text=f"This is {number}")
    page.goto(f"/touchpoints/{manual(served)}/complete")
    page.get_by_role("button", name="Start from a template").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("There are more than these.")).to_be_visible()
    expect(dialog.locator("li")).to_have_count(200)
    dialog.get_by_label("Id begins with").fill("t202")
    expect(dialog.locator("li")).to_have_count(1)
    dialog.get_by_role("button", name="t202").click()
    expect(page.get_by_label("Text")).to_have_value("This is 202")
