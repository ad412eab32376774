"""Errors: what went wrong by category, words that no rule knows, and what any words mean."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

import reports
from console.drawn import FULL, GONE, legend, mail, painted, sent
from console.served import Served
from eventually import until

HOSTILE = "550 5.1.1 User unknown </textarea><script>window.hacked = 1</script><img src=x>"
ODD = "the <b>wombat</b> says no to ada@example.com"


def ask(served: Served, **query: str) -> httpx.Response:
    return httpx.get(f"{served.url}/errors", params=query)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"text": "x" * 4001}, "must have 1 to 4000 characters"),
        ({"code": "550"}, "There are no words to explain."),
        ({"text": "no", "code": "99"}, "must be a reply code, as 550"),
        ({"text": "no", "enhanced": "5.1"}, "must be an enhanced status code, as 5.1.1"),
        ({"text": "no", "provider": "x" * 65}, "must have 1 to 64 printable characters"),
        ({"window": "year"}, "must be one of hour, day, week"),
        ({"txet": "no"}, "There is no query parameter"),
    ],
)
def test_a_wrong_question_is_refused_in_words(
    served: Served, query: dict[str, str], told: str
) -> None:
    answer = ask(served, **query)
    assert answer.status_code == 400
    assert told in answer.text
    assert "That did not work" in answer.text


def test_the_longest_words_are_explained_and_empty_ones_ask_nothing(served: Served) -> None:
    assert "What to do" in ask(served, text="ü" * 4000).text
    answer = ask(served, text=" ", code="", window="")
    assert answer.status_code == 200
    assert "verdict" not in answer.text


def test_an_empty_installation_says_what_would_be_here(page: Page) -> None:
    page.goto("/errors")
    expect(page.get_by_text("Nothing failed in this time.")).to_be_visible()
    expect(page.get_by_text("Every error so far was known to a rule.")).to_be_visible()
    expect(page.locator("[data-chart]")).to_have_count(0)


def test_failures_are_drawn_and_told_without_reloading(page: Page, served: Served) -> None:
    served.box.rcpt = {GONE: ["550 5.1.1 User unknown"], FULL: ["552 5.2.2 Mailbox full"]}
    sent(served, 2, GONE)
    page.goto("/errors?window=hour&text=550+nonsense")
    until(lambda: painted(page, "chart-failures", "1"))
    assert legend(page, "chart-failures")["Recipient not found"] == "2"
    sent(served, 1, FULL)
    rows = page.locator("#failures tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("The recipient's mailbox is full.")
    expect(rows.nth(1)).to_contain_text("Retry later, or reach them another way.")
    expect(rows.nth(1)).to_contain_text("33 %")
    until(lambda: painted(page, "chart-failures", "2"))
    # What was asked beside it is still answered.
    expect(page.locator("#verdict")).to_be_visible()


def test_words_are_explained_with_rule_source_and_what_came_near(page: Page) -> None:
    page.goto("/errors")
    page.get_by_label("What the mail server said").fill("550 5.1.1 User unknown")
    page.get_by_label("Whose server").fill("gmail")
    page.get_by_role("button", name="Explain").click()
    expect(page).to_have_url(re.compile("text=550"))
    verdict = page.locator("#verdict")
    expect(verdict.get_by_role("heading", name="Recipient not found")).to_be_visible()
    facts = dict(
        zip(
            verdict.locator("dt").all_inner_texts(),
            verdict.locator("dd").all_inner_texts(),
            strict=True,
        )
    )
    assert facts["What to do"] == "Check the address, or use another."
    assert facts["Who does it"] == "The rep"
    assert facts["Cause"] == "recipient_unknown"
    assert facts["Temporary"].startswith("No")
    assert facts["Rate limited"] == "No"
    assert facts["Concerns"].startswith("This recipient")
    assert facts["Code"] == "550 5.1.1"
    assert re.fullmatch(r"\d\d %", facts["Confidence"].strip())
    source = verdict.get_by_role("link", name="where that is documented")
    expect(source).to_have_attribute("href", re.compile("^https://"))
    expect(verdict).to_contain_text("What came near")
    expect(verdict).to_contain_text("reply.550")
    expect(page.get_by_label("Whose server")).to_have_value("gmail")


def test_a_limit_is_told_as_one(served: Served) -> None:
    told = ask(served, text="Daily user sending limit exceeded", code="550", enhanced="5.4.5").text
    for words in ("Send limit", "Nobody", "Yes: the mail waits", "550 5.4.5", "The account:"):
        assert words in told


def test_hostile_words_are_shown_as_words(page: Page) -> None:
    page.goto("/errors")
    page.get_by_label("What the mail server said").fill(HOSTILE)
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.get_by_label("What the mail server said")).to_have_value(HOSTILE)
    assert page.evaluate("window.hacked") is None
    expect(page.locator("main img")).to_have_count(0)


async def came_back(served: Served, said: str) -> None:
    """A mail was sent, and a report came back that nobody knows how to read."""
    it = served.installation
    found = await it.write(mail(reports.RECIPIENT))
    failed = reports.block(reports.RECIPIENT, "failed", "", said=said)
    raw = reports.report(failed, message_id=found["delivery"]["info"]["messageId"])
    assert (await it.office.bounces.take(raw)).fresh


def test_words_that_no_rule_knows_are_counted_and_lead_to_the_box(
    page: Page, served: Served
) -> None:
    served.run(came_back(served, ODD))
    page.goto("/errors")
    row = page.locator("#unknown tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("<b>wombat</b>")
    expect(row.locator("b")).to_have_count(0)
    expect(row.locator("time")).to_have_count(2)
    expect(row.locator("td").first).to_have_text("1")
    # Nobody's address is shown, nor in the link.
    expect(row).to_contain_text("a…@example.com")
    assert "ada@" not in row.inner_html()
    row.get_by_role("link", name="Explain").click()
    expect(page.locator("#verdict")).to_contain_text("Unknown")
    expect(page.get_by_label("What the mail server said")).to_have_value(re.compile("wombat"))


def test_lines_stay_lines(page: Page, served: Served) -> None:
    page.goto("/errors?text=%0A550+one%0Atwo")
    expect(page.get_by_label("What the mail server said")).to_have_value("\n550 one\ntwo")
