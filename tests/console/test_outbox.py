"""The outbox's page: what is refused, how it stands, what was not heard, and sending it again."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from console.served import Served
from franking.core.reporting import Report
from franking.stores.base import Store

PARKED = "NOT_FOUND: There is no touchpoint with id <script>t</script>."
HOSTILE = "t\"'<b>%41/Ž🕰"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Without anybody who tells events, so that they stay."""
    with Served(tmp_path, cadence=False, started=False) as it:
        yield it


def fill(served: Served, *touchpoints: str) -> None:
    """An event of each touchpoint, that waits."""

    async def put() -> None:
        http = served.installation.http
        found = (await http.get("/v1/outbox")).json()["items"]
        for number, touchpoint in enumerate(touchpoints, len(found)):
            document = {"touchpointId": touchpoint, "message": {}}
            answer = await http.put(f"/v1/mail/m{number}", json=document)
            assert answer.status_code == 201, answer.text

    served.run(put())


def park(served: Served, *touchpoints: str, error: str = PARKED) -> None:
    """The events of touchpoints are parked."""
    store: Store = served.installation.store
    now = served.installation.clock.now()

    async def told() -> None:
        waiting = await store.outbox.claim(now + 60_000, 100, 10, now)
        reports = [
            Report(w.seq, w.touchpoint_id, "parked", now, now, error)
            for w in waiting
            if w.touchpoint_id in touchpoints
        ]
        await store.outbox.settle(reports)

    served.run(told())


def counts(served: Served) -> tuple[int, int]:
    found = served.run(served.installation.office.outbox.counts())
    return found.waiting, found.parked


def get(served: Served, path: str = "/outbox") -> str:
    return httpx.get(served.url + path).text


def post(served: Served, **fields: str) -> httpx.Response:
    headers = {"origin": served.url, "hx-request": "true"}
    return httpx.post(f"{served.url}/outbox/resend", headers=headers, data=fields)


def text(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page)))


def test_an_empty_outbox_says_that_everything_was_told(served: Served) -> None:
    assert "Everything was told." in text(get(served))
    assert "No event matches." in text(get(served, "/outbox?state=parked"))
    assert "Resend" not in get(served)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=told", "Query parameter 'state' must be one of waiting, parked"),
        ("after=x", "'after' must be the 'next' of an earlier page"),
        ("seq=1", "There is no query parameter 'seq'"),
    ],
)
def test_a_query_that_is_wrong_is_refused_by_name(served: Served, query: str, words: str) -> None:
    assert words in text(get(served, f"/outbox?{query}"))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"all": ""},
        {"all": "1", "seq": "1"},
        {"seq": "0"},
        {"seq": "-1"},
        {"seq": "1.5"},
        {"seq": str(2**63)},
        {"seq": "٣"},
        {"touchpoint": ""},
        {"every": "1"},
    ],
)
def test_what_is_to_be_sent_again_must_be_named(served: Served, fields: dict[str, str]) -> None:
    fill(served, "t0", "t1")
    park(served, "t0", "t1")
    assert "Exactly one of seq, touchpoint and all is required." in post(served, **fields).text
    assert counts(served) == (0, 2)


def test_a_press_must_come_from_a_page_of_ours(served: Served) -> None:
    fill(served, "t0")
    park(served, "t0")
    assert httpx.post(f"{served.url}/outbox/resend", data={"all": "1"}).status_code == 403
    assert counts(served) == (0, 1)


def test_what_is_not_parked_any_more_is_told(served: Served) -> None:
    fill(served, "t0")
    for fields in ({"seq": "1"}, {"touchpoint": "t0"}, {"all": "1"}):
        assert "Nothing was sent again" in post(served, **fields).text
    assert "Nothing is parked" in get(served, "/outbox/resend")


def test_events_are_told_with_their_errors_as_they_are(page: Page, served: Served) -> None:
    fill(served, "t0", HOSTILE)
    park(served, HOSTILE)
    page.goto("/outbox")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    parked = rows.first
    expect(parked).to_contain_text("Parked")
    expect(parked).to_contain_text(PARKED)
    expect(parked).to_contain_text("Make the touchpoint, or correct the mail's touchpointId; then")
    expect(parked).to_contain_text("send it again with Resend.")
    expect(rows.last).to_contain_text("Nothing need be done: it is told by itself")
    expect(rows.last.get_by_role("button")).to_have_count(0)
    details = parked.locator("details")
    details.locator("summary").click()
    expect(details.locator("pre")).to_contain_text('"mailId": "m1"')
    # It stays open although the part was looked at again meanwhile.
    with page.expect_response("**/outbox"):
        pass
    expect(details.locator("pre")).to_be_visible()
    parked.get_by_role("link", name="its events").click()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Touchpoint", exact=True)).to_have_value(HOSTILE)


def test_filters_and_pages(served: Served) -> None:
    fill(served, *(f"t{number}" for number in range(60)))
    park(served, "t1", "t2")
    ids, path = [], "/outbox?state=waiting"
    while path:
        page = get(served, path)
        ids += re.findall(r'<tr id="e-(\d+)"', page)
        found = re.search(r'href="(/outbox\?[^"]*after=[^"]+)">Older', page)
        path = html.unescape(found[1]) if found else ""
    assert len(ids) == len(set(ids)) == 58
    assert get(served, "/outbox?touchpoint=t2").count('<tr id="e-') == 1
    assert get(served, "/outbox?touchpoint=t2&state=waiting").count('<tr id="e-') == 0


def test_one_event_is_sent_again(page: Page, served: Served) -> None:
    fill(served, "t0", "t1")
    park(served, "t0", "t1")
    presses: list[str] = []
    page.on("request", lambda sent: presses.append(sent.url) if sent.method == "POST" else None)
    page.goto("/outbox?state=parked")
    page.get_by_role("button", name="Resend event 2").dblclick()
    expect(page.get_by_role("status")).to_contain_text("1 event is sent again, in order.")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert counts(served) == (1, 1)
    assert len(presses) == 1


def test_those_of_a_touchpoint_are_sent_again(page: Page, served: Served) -> None:
    fill(served, HOSTILE, HOSTILE, "t1")
    park(served, HOSTILE, "t1")
    page.goto("/outbox")
    page.get_by_label("Touchpoint", exact=True).fill(HOSTILE)
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Resend what is parked of this touchpoint").click()
    expect(page.get_by_role("status")).to_contain_text("2 events are sent again, in order.")
    assert counts(served) == (2, 1)


def test_all_are_sent_again_once_their_number_was_told(page: Page, served: Served) -> None:
    fill(served, "t0", "t1", "t2")
    park(served, "t0", "t1", "t2")
    page.goto("/outbox")
    page.get_by_role("button", name="Resend all that is parked").click()
    dialog = page.get_by_role("dialog", name="Resend 3 parked events?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert counts(served) == (0, 3)
    page.get_by_role("button", name="Resend all that is parked").click()
    dialog.get_by_role("button", name="Resend all").click()
    expect(page.get_by_role("status")).to_contain_text("3 events are sent again, in order.")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Resend all that is parked")).to_be_hidden()
    assert counts(served) == (3, 0)


def test_a_pause_is_told_with_its_reason(served: Served) -> None:
    fill(served, "t0")
    it = served.installation
    now = it.clock.now()
    reason = "conquer.example.com: <b>invalid_grant</b>"
    served.run(it.store.outbox.pause(now + 60_000, reason, now))
    found = get(served)
    assert "The CRM is not told anything before <time" in found
    assert "<b>" not in found
    assert reason in text(found)
    assert "Nothing is lost, and it goes on by itself" in found
    served.run(it.store.outbox.pause(now - 1, reason, now))
    assert "The CRM is being asked again now." in get(served)


def test_the_page_follows_what_happens(page: Page, served: Served) -> None:
    page.goto("/outbox")
    expect(page.get_by_text("Everything was told.")).to_be_visible()
    fill(served, "t0")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_text("since the oldest that waits")).to_be_visible()


def test_a_long_body_is_bounded(served: Served) -> None:
    fill(served, "t0")
    long: dict[str, Any] = {"touchpointId": "t1", "message": {}, "to": ["x" * 200] * 500}
    served.run(served.installation.http.put("/v1/mail/long", json=long))
    assert len(get(served)) < 200_000
