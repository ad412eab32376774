"""The overview: its numbers are those of the mail server, it is drawn, and it says who must act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from console.conftest import Opened
from console.drawn import ADA, FULL, GONE, doubted, legend, limited, mail, painted, sent
from console.served import Served
from eventually import eventually, until
from franking.core.reporting import Down, Never, Verdict
from franking.stores.base import StoredEvent

HOSTILE = "</a><script>window.hacked = 1</script>"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Mails go through accounts: the installation's own takes what names none."""
    with Served(tmp_path, accounts=True) as it:
        it.box.rcpt = {GONE: ["550 5.1.1 User unknown"], FULL: ["552 5.2.2 Mailbox full"]}
        yield it


class Refusing:
    """An outlet that has one answer."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def side(self, event: StoredEvent) -> str:
        return "crm"

    async def tell(self, event: StoredEvent) -> Verdict:
        return self._verdict

    async def close(self) -> None: ...


def number(page: Page, tile: str) -> Locator:
    return page.locator(f"#tile-{tile} .number")


def looked(page: Page, times: int) -> None:
    """So many looks at the server have been answered and shown."""
    for _ in range(times):
        with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
            pass


def test_an_unknown_window_is_refused_in_words(served: Served) -> None:
    answer = httpx.get(f"{served.url}/?window=year")
    assert answer.status_code == 400
    assert "must be one of hour, day, week" in answer.text


def test_an_empty_installation_says_so_and_needs_nobody(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing needs you now.")).to_be_visible()
    expect(page.get_by_text("No mail was sent, and none failed, in this time.")).to_be_visible()
    expect(page.get_by_text("No mail waits.")).to_be_visible()
    assert set(page.locator(".figures .number").all_text_contents()) == {"0"}
    expect(page.locator("[data-chart]")).to_have_count(0)
    expect(page.get_by_role("link", name="Last 24 hours")).to_have_attribute("aria-current", "true")


def test_the_numbers_are_those_of_the_mail_server(page: Page, served: Served) -> None:
    sent(served, 3)
    sent(served, 2, GONE)
    sent(served, 1, FULL)
    doubted(served)
    limited(served)
    assert len(served.box.taken) == 3
    page.goto("/")
    happened = {"sent": "3", "failed": "3", "in-doubt": "1", "limited": "1"}
    now = {"waiting": "1", "sending": "0", "stand-failed": "4", "doubted": "1", "paused": "1"}
    for tile, count in {**happened, **now}.items():
        expect(number(page, tile)).to_have_text(count)
    assert legend(page, "chart-mails") == {
        "Time": "Last 24 hours",
        "Sent": "3",
        "Failed": "3",
        "In doubt": "1",
        "Rate limited": "1",
    }
    expect(page.locator("#chart-mails")).to_have_attribute(
        "aria-label",
        "What became of mails, last 24 hours: sent 3, failed 3, in doubt 1, rate limited 1.",
    )
    # Every number and every word leads somewhere.
    links = page.locator("main a").evaluate_all("(all) => all.map((one) => one.href)")
    assert {link: httpx.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    needs = page.locator("#attention li").all_inner_texts()
    assert [re.split(r"[.,]", text, maxsplit=1)[0] for text in needs] == [
        "In doubt 1 mail may or may not have been delivered",
        "Failed 3 failures for the rep",
    ]


def test_failures_are_told_by_category_with_what_to_do(page: Page, served: Served) -> None:
    sent(served, 3, GONE)
    sent(served, 1, FULL)
    page.goto("/")
    rows = page.locator("#failures tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Recipient not found")
    expect(rows.nth(0)).to_contain_text("75 %")
    expect(rows.nth(0)).to_contain_text("Check the address, or use another.")
    expect(rows.nth(0)).to_contain_text("The rep")
    expect(rows.nth(0).locator("meter")).to_have_attribute("value", "75")
    link = rows.nth(0).get_by_role("link")
    expect(link).to_have_attribute("href", "/mail?category=recipient_not_found")
    named = {"Time": "Last 24 hours", "Recipient not found": "3", "Recipient mailbox full": "1"}
    assert legend(page, "chart-failures") == named


def test_bars_stand_on_each_other_as_high_as_their_numbers(page: Page, served: Served) -> None:
    sent(served, 4)
    sent(served, 2, GONE)
    page.goto("/")
    until(lambda: painted(page, "chart-mails", "sent"))
    good, bad = painted(page, "chart-mails", "sent"), painted(page, "chart-mails", "failed")
    assert good / bad == pytest.approx(2, rel=0.06)
    assert painted(page, "chart-mails", "limited") == 0


def test_what_happens_is_seen_without_reloading(page: Page, served: Served) -> None:
    page.goto("/")
    page.evaluate("window.stayed = true")
    sent(served, 2)
    expect(number(page, "sent")).to_have_text("2")
    expect(page.locator("#chart-mails canvas")).to_be_visible()
    assert painted(page, "chart-mails", "sent")
    sent(served, 1, GONE)
    expect(page.locator("#attention")).to_contain_text("1 failure for the rep")
    assert page.evaluate("window.stayed")


def test_a_picture_survives_looks_and_moves_with_the_numbers(page: Page, served: Served) -> None:
    sent(served, 1)
    page.goto("/")
    page.locator("#chart-mails-sheet summary").click()
    page.evaluate("document.querySelector('#chart-mails canvas').kept = true")
    looked(page, 3)
    sent(served, 1, GONE)
    expect(page.locator("#chart-mails")).to_have_attribute("aria-label", re.compile("failed 1"))
    until(lambda: painted(page, "chart-mails", "failed"))
    assert legend(page, "chart-mails")["Failed"] == "1"
    assert page.evaluate("document.querySelector('#chart-mails canvas').kept")
    expect(page.locator("#chart-mails .uplot")).to_have_count(1)
    # What was opened is open still, and was told of the new number.
    cells = page.locator("#chart-mails-sheet tfoot td")
    expect(cells.first).to_be_visible()
    assert cells.all_inner_texts() == ["1", "1", "0", "0"]


def test_a_picture_follows_its_data_though_nothing_else_changes(page: Page, served: Served) -> None:
    sent(served, 1)
    page.goto("/?window=hour")
    # As when a minute passes: the slots move, and no word on the page does.
    page.evaluate("""() => {
      const chart = document.querySelector("#chart-mails");
      const given = JSON.parse(chart.dataset.chart);
      given.series[0].values[0] = 6;
      chart.dataset.chart = JSON.stringify(given);
    }""")
    until(lambda: legend(page, "chart-mails")["Sent"] == "7")


def test_a_bar_tells_its_number_under_the_pointer(page: Page, served: Served) -> None:
    sent(served, 2)
    page.goto("/")
    over = page.locator("#chart-mails .u-over")
    box = over.bounding_box()
    assert box is not None
    over.hover(position={"x": 3, "y": 20})
    until(lambda: legend(page, "chart-mails")["Sent"] == "0")
    # The end of the slot before the last is nearer to where the last one begins.
    over.hover(position={"x": box["width"] * (1 - 1.2 / 24), "y": 20})
    until(lambda: legend(page, "chart-mails")["Sent"] == "0")
    over.hover(position={"x": box["width"] - 2, "y": 20})
    until(lambda: legend(page, "chart-mails")["Sent"] == "2")
    assert " – " in legend(page, "chart-mails")["Time"]


def test_a_window_is_chosen_and_kept_by_looks(page: Page, served: Served) -> None:
    sent(served, 1)
    page.goto("/")
    page.get_by_role("link", name="Last hour").click()
    expect(page).to_have_url(re.compile(r"\?window=hour$"))
    expect(page.get_by_role("link", name="Last hour")).to_have_attribute("aria-current", "true")
    slots = "JSON.parse(document.querySelector('#chart-mails').dataset.chart).slots.length"
    assert page.evaluate(slots) == 60
    looked(page, 1)
    assert page.evaluate(slots) == 60
    page.get_by_role("link", name="Last 7 days").click()
    expect(page.get_by_role("heading", name="Last 7 days")).to_be_visible()
    assert page.evaluate(slots) == 28


def test_it_fits_a_phone_and_follows_the_width(page: Page, served: Served) -> None:
    sent(served, 1)
    sent(served, 1, GONE)
    page.goto("/")
    wide = page.locator("#chart-mails .uplot")
    assert wide.evaluate("(it) => it.clientWidth") > 900
    page.set_viewport_size({"width": 360, "height": 720})
    until(lambda: wide.evaluate("(it) => it.clientWidth") < 340)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert painted(page, "chart-mails", "sent")


def test_a_picture_is_drawn_anew_in_the_dark(page: Page, served: Served) -> None:
    sent(served, 1)
    page.goto("/")
    until(lambda: painted(page, "chart-mails", "sent"))
    tone = "getComputedStyle(document.documentElement).getPropertyValue('--chart-sent')"
    light = page.evaluate(tone)
    page.emulate_media(color_scheme="dark")
    until(lambda: page.evaluate(tone) != light and painted(page, "chart-mails", "sent"))
    expect(page.locator("#chart-mails .uplot")).to_have_count(1)


def test_times_of_a_chart_are_in_the_viewers_zone(opened: Opened, served: Served) -> None:
    sent(served, 1)
    # Whole hours in UTC are half ones in India.
    page = opened.page(base_url=served.url, timezone_id="Asia/Kolkata")
    page.goto("/")
    page.locator("#chart-mails .u-over").hover(position={"x": 3, "y": 20})
    until(lambda: re.search(r":30 – \d\d:30$", legend(page, "chart-mails")["Time"]))


def test_a_disconnected_account_comes_first_with_why_and_what_to_do(
    page: Page, served: Served
) -> None:
    it = served.installation
    transport = {"type": "smtp", "host": "127.0.0.1", "port": served.box.port, "user": "rep"}
    given = {"address": "rep@example.com", "transport": transport, "password": "wrong"}
    served.run(it.http.put("/v1/accounts/rep", json=given))
    served.run(it.write(mail(ADA, account="rep")))
    served.run(it.http.post("/v1/accounts/default/pause", json={"reason": HOSTILE}))
    page.goto("/")
    needs = page.locator("#attention li")
    expect(needs.first).to_contain_text("1 account is disconnected")
    expect(needs.first.get_by_role("link")).to_have_attribute("href", "/accounts")
    rows = page.locator("#held tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Username and Password not accepted")
    expect(rows.nth(0)).to_contain_text("Give it a login that works")
    expect(rows.nth(1)).to_contain_text(HOSTILE)
    expect(rows.nth(1)).to_contain_text("it is resumed")
    assert page.evaluate("window.hacked") is None


def test_the_mail_that_waits_longest_says_for_what(page: Page, served: Served) -> None:
    it = served.installation
    served.run(it.http.post("/v1/accounts/default/pause", json={"minutes": 30}))
    waits = mail(ADA) | {"message": {"subject": HOSTILE, "text": "Hi"}}
    served.run(it.http.put("/v1/mail/waits", json=waits))
    page.goto("/")
    oldest = page.locator("#oldest")
    expect(oldest.get_by_role("link", name=HOSTILE)).to_have_attribute("href", "/mail/waits")
    expect(oldest).to_contain_text(ADA)
    expect(oldest).to_contain_text("The account is paused.")
    expect(oldest).to_contain_text("Due since")
    expect(oldest.locator("time")).to_have_count(2)
    served.run(it.http.post("/v1/accounts/default/pause", json={}))
    expect(oldest).to_contain_text("Nobody can tell before its account may send again.")
    served.run(it.http.post("/v1/accounts/default/resume"))
    expect(page.get_by_text("No mail waits.")).to_be_visible()
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("verdict", "told", "tile"),
    [
        (Never("NOT_FOUND: t1"), "The CRM refused 1 event for good.", "parked"),
        (Down("It is away."), "The CRM can't be told anything: crm: It is away.", "events"),
    ],
    ids=["parked", "paused"],
)
def test_what_the_crm_does_not_hear_needs_somebody(
    opened: Opened, tmp_path: Path, verdict: Verdict, told: str, tile: str
) -> None:
    with Served(tmp_path, cadence=False, outlet=Refusing(verdict)) as served:
        it = served.installation
        served.run(it.write(mail(ADA, touchpointId="t1")))

        async def refused() -> bool:
            counts = await it.office.outbox.counts()
            return bool(counts.parked or counts.paused_until)

        served.run(eventually(refused))
        page = opened.page(base_url=served.url)
        page.goto("/")
        expect(page.locator("#attention")).to_contain_text(told)
        expect(number(page, tile)).to_have_text("1")
        expect(page.locator("#unheard").get_by_role("link")).to_have_count(1)
