"""The timers' pages: what was refused, what is odd, and what a person does with a timer."""

from __future__ import annotations

import html
import re
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from apis.timers_at_hand import TimersAtHand
from console.served import Served
from eventually import eventually
from franking.apis.http import build
from franking.clock import HandClock
from franking.core.timer.retry import BEING_SENT, IN_DOUBT, SCHEDULED, SENT
from franking.office.timer_door import Unreachable
from franking.web import console
from franking.web.pretty import MOST_CHARACTERS
from transports.receiver import Receiver, answer, receiving

LATER = "2031-01-01T00:00:00Z"
MAIL = {"to": ["ada@example.com"], "message": {"subject": "Hi", "text": "Hello"}}
NOWHERE = {"transport": "http", "method": "post", "uri": "ftp://127.0.0.1/"}
BUSY = answer("500 Internal Server Error", b"<script>busy</script>")
HOSTILE = (
    "a/b/../c",
    "..",
    "100%25 %2f?x=1#y",
    "\"><script>document.title='x'</script>",
    "it's <b>Žofie</b> 🕰",
    "~",
)


class Timers:
    """Timers of a served installation."""

    def __init__(self, served: Served) -> None:
        self.it = served.installation
        self.run = served.run

    def create(self, id: str, data: Any = MAIL, state: str = "", **given: Any) -> None:
        """Create a timer, by default for a mail and due at once; wait for a state."""
        callback = {"transport": "mail", "method": "post", "uri": ""}
        when = {} if "dueAt" in given else {"timeout": 1}
        body = {**when, "data": data, "callback": callback, **given}
        headers = {b"x-timer-id": id.encode()}
        answer = self.run(self.it.http.post("/timer", json=body, headers=headers))
        assert answer.status_code == 201, answer.text
        if state:
            self.reach(id, state)

    def fail(self, id: str, **given: Any) -> None:
        """A timer that has failed, for it can't be called."""
        self.create(id, "hello", "failed", callback=NOWHERE, **given)

    def reach(self, id: str, state: str) -> None:
        async def reached() -> bool:
            return (await self.it.office.timers.read(id)).timer.state == state

        self.run(eventually(reached))

    def retries(self, id: str) -> int:
        return self.run(self.it.office.timers.read(id)).timer.retry_count

    def post(self, path: str, **fields: str) -> httpx.Response:
        """What a button of a page sends."""
        headers = {"origin": "http://127.0.0.1:8025", "hx-request": "true"}
        return self._send("POST", path, headers, fields)

    def get(self, path: str) -> str:
        return self._send("GET", path, {}, {}).text

    def _send(
        self, method: str, path: str, headers: dict[str, str], fields: dict[str, str]
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(base_url=self.url) as client:
                own = {**headers, **({"origin": self.url} if headers else {})}
                return await client.request(method, path, headers=own, data=fields or None)

        return self.run(send())

    url = ""


@pytest.fixture
def timers(served: Served) -> Timers:
    found = Timers(served)
    found.url = served.url
    return found


class Tried:
    """A receiver that takes nothing, on the installation's own loop."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._receiving = receiving(BUSY)

    def __enter__(self) -> Receiver:
        return self._served.run(self._begin())

    def __exit__(self, *error: object) -> None:
        self._served.run(self._end())

    def _begin(self) -> Coroutine[Any, Any, Receiver]:
        return self._receiving.__aenter__()

    async def _end(self) -> None:
        await self._receiving.__aexit__(None, None, None)


@pytest.fixture
def busy(served: Served) -> Iterator[Receiver]:
    with Tried(served) as receiver:
        yield receiver


def text(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page)))


def test_an_empty_list_says_what_would_fill_it(timers: Timers) -> None:
    assert "There is no timer yet. Applications create them" in text(timers.get("/timers"))
    assert "No timer matches." in text(timers.get("/timers?state=failed"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=odd", "Query parameter 'state' must be one of scheduled"),
        ("transport=fax", "'transport' must be one of http"),
        ("after=x", "'after' must be the 'next' of an earlier page"),
        ("odd=1", "There is no query parameter 'odd'"),
        (f"q={'x' * 256}", "'q' must have 1 to 255 printable characters"),
    ],
)
def test_a_query_that_is_wrong_is_refused_by_name(timers: Timers, query: str, words: str) -> None:
    assert words in text(timers.get(f"/timers?{query}"))


@pytest.mark.parametrize("id", HOSTILE)
def test_any_id_has_its_page(timers: Timers, id: str) -> None:
    timers.create(id, "hello", dueAt=LATER, callback={**NOWHERE, "uri": "http://<b>/"})
    listed = timers.get("/timers")
    found = re.search(r'class="who" href="(/timers/[^"]+)">([^<]+)<', listed)
    assert found is not None
    assert html.unescape(found[2]) == id
    path = html.unescape(found[1])
    assert f"Timer {id}" in text(timers.get(path))
    assert "<b>" not in listed + timers.get(path)
    place, _, query = path.partition("?")
    answer = timers.post(f"{place}/delete{'?' * bool(query)}{query}")
    assert "The timer was deleted" in answer.text
    assert timers.run(timers.it.office.timers.read(id)).timer.state == "deleted"


def test_what_there_is_not_is_told(timers: Timers) -> None:
    assert "There is no timer with id t1" in text(timers.get("/timers/t1"))
    for step in ("retry", "delete"):
        answer = timers.post(f"/timers/t1/{step}")
        assert "There is no timer with id t1" in answer.text
        assert answer.headers["hx-trigger"] == "close-dialog, changed"


def test_a_press_must_come_from_a_page_of_ours(timers: Timers) -> None:
    timers.fail("failed")
    timers.create("waits", dueAt=LATER)
    for path in ("/timers/failed/retry", "/timers/waits/delete"):
        assert httpx.post(timers.url + path).status_code == 403
    assert timers.retries("failed") == 0
    assert timers.run(timers.it.office.timers.read("waits")).timer.state == "scheduled"


def test_a_retry_that_is_refused_is_told_verbatim(timers: Timers) -> None:
    timers.create("waits", dueAt=LATER)
    timers.create("sent", state="executed")
    timers.create("called", "x", dueAt=LATER, callback=NOWHERE)
    told = {id: timers.post(f"/timers/{id}/retry").text for id in ("waits", "sent", "called")}
    assert SCHEDULED in told["waits"]
    assert "It goes by itself <time" in told["waits"]
    assert SENT in told["sent"]
    assert "It goes by itself" not in told["sent"]
    assert SCHEDULED.replace("This email", "This timer") in told["called"]


def test_its_touchpoint_alone_deletes_a_timer(page: Page, timers: Timers) -> None:
    timers.create("t1", {**MAIL, "touchpointId": "a0X<1>"}, dueAt=LATER)
    page.goto("/timers/t1")
    expect(page.get_by_role("link", name="Its touchpoint")).to_have_attribute(
        "href", "/touchpoints/a0X%3C1%3E"
    )
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    toast = page.get_by_role("status").filter(has_text="touchpoint")
    expect(toast).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert timers.run(timers.it.office.timers.read("t1")).timer.state == "scheduled"


def test_a_timer_is_deleted_once_that_was_confirmed(page: Page, timers: Timers) -> None:
    id = HOSTILE[3]
    timers.create(id, "hello", dueAt=LATER, callback=NOWHERE)
    page.goto("/timers")
    page.get_by_role("link", name=id).click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("It was deleted")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_double_click_on_retry_is_one_call(page: Page, timers: Timers) -> None:
    timers.fail("t1")
    presses: list[str] = []
    page.on("request", lambda sent: presses.append(sent.url) if sent.method == "POST" else None)
    page.goto("/timers/t1")
    expect(page.get_by_text("ftp:").first).to_be_visible()
    # A look is under way and does not end, so that the presses come in the middle of it.
    held: list[Route] = []
    page.route("**/timers/t1", lambda route: held.append(route))
    with page.expect_request("**/timers/t1"):
        pass
    page.get_by_role("button", name="Retry").dblclick()
    expect(page.get_by_text("Retry was accepted.")).to_be_visible()
    page.unroute("**/timers/t1")
    expect(page.get_by_text("retried 1").or_(page.get_by_text("1 ×"))).to_be_visible()
    assert len(presses) == 1
    assert timers.retries("t1") == 1


def test_an_unknown_outcome_asks_once_more(page: Page, timers: Timers, served: Served) -> None:
    served.box.hang_up = True
    timers.create("t1", state="failed")
    served.box.hang_up = False
    page.goto("/timers/t1")
    page.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog", name="Send it again?")
    expect(dialog).to_contain_text(IN_DOUBT)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert timers.retries("t1") == 0
    page.get_by_role("button", name="Retry").click()
    dialog.get_by_role("button", name="Send it anyway").click()
    expect(page.get_by_text("Its mail was sent")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert len(served.box.mails) == 1


def test_an_unknown_outcome_is_not_sent_by_one_press(timers: Timers, served: Served) -> None:
    served.box.hang_up = True
    timers.create("t1", state="failed")
    answer = timers.post("/timers/t1/retry")
    assert answer.headers["hx-retarget"] == "#dialog"
    assert "close-dialog" not in answer.headers.get("hx-trigger", "")
    assert BEING_SENT not in answer.text


def test_tries_and_the_next_one_are_told(timers: Timers, busy: Receiver) -> None:
    callback = {"transport": "http", "method": "post", "uri": busy.url()}
    timers.create("t1", "hello", "served", callback=callback)

    async def tried() -> bool:
        return bool((await timers.it.office.timers.read("t1")).timer.tries)

    timers.run(eventually(tried))
    found = timers.get("/timers/t1")
    assert "Try 1 of 5 failed. 127.0.0.1:" in text(found)
    assert "is called again at <time" in found
    assert "<script>busy" not in found
    assert "busy</script>" in html.unescape(found)
    assert "Try 1 failed:" in text(timers.get("/timers"))
    again = timers.post("/timers/t1/retry").text
    assert "This timer is being tried again automatically." in again


def test_earlier_lives_are_its_history(timers: Timers) -> None:
    timers.fail("t1")
    timers.run(timers.it.office.timers.retry("t1"))
    timers.reach("t1", "failed")
    found = text(timers.get("/timers/t1"))
    assert "Earlier lives Due" in found
    assert "it ended before a retry." in found
    assert "retried 1 ×" in text(timers.get("/timers"))


def test_data_is_laid_out_bounded_and_escaped(timers: Timers) -> None:
    timers.create("t1", {"a": {"b": "<script>1</script>"}}, dueAt=LATER, callback=NOWHERE)
    found = timers.get("/timers/t1")
    assert '{\n  "a": {\n    "b": "<script>' in html.unescape(found)
    assert "<script>1" not in found
    timers.create("t2", "x" * 3 * MOST_CHARACTERS, dueAt=LATER, callback=NOWHERE)
    long = timers.get("/timers/t2")
    assert long.count("x" * 100) == MOST_CHARACTERS // 100
    assert "Only the beginning is shown; there are 60,002 bytes." in text(long)
    deep = "[" * 5_000 + "]" * 5_000
    timers.create("t3", deep, dueAt=LATER, callback=NOWHERE)
    assert "[[[[" in timers.get("/timers/t3")
    timers.create("t4", None, dueAt=LATER, callback=NOWHERE)
    assert "Nothing: whoever is called" in timers.get("/timers/t4")


def test_the_list_is_searched_and_paged(page: Page, timers: Timers) -> None:
    for number in range(51):
        timers.create(f"t{number:02}", "hello", dueAt=LATER, callback=NOWHERE)
    timers.create("mail-1", state="executed")
    page.goto("/timers")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("mail-1")
    page.get_by_role("link", name="Older ones").click()
    expect(rows).to_have_count(2)
    page.goto("/timers")
    page.get_by_label("Id begins with").fill("mail-")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/timers\?q=mail-$"))
    page.get_by_label("State").select_option("Scheduled")
    expect(page.get_by_text("No timer matches.")).to_be_visible()
    page.get_by_role("link", name="Show all timers").click()
    page.get_by_label("Handed over by").select_option("mail")
    expect(rows).to_have_count(1)
    expect(rows.first.get_by_text("Executed")).to_be_visible()
    page.get_by_role("link", name="mail-1").click()
    expect(page.get_by_role("link", name="Its mail")).to_have_attribute("href", "/mail/mail-1")


def test_a_page_follows_what_happens(page: Page, timers: Timers) -> None:
    timers.create("t1", dueAt=LATER)
    page.goto("/timers/t1")
    expect(page.get_by_text("It is due")).to_be_visible()
    timers.run(timers.it.office.timers.delete("t1"))
    expect(page.get_by_text("It was deleted")).to_be_visible()


def test_timers_out_of_reach_are_no_toast_each_time(served: Served) -> None:
    it = served.installation
    door = TimersAtHand(HandClock())
    door.broken = Unreachable("The Data API at <b> is out of reach.")
    package = it.embedded.package
    pages = console(it.office, it.clock, door, package)
    app: Any = build(it.office, it.clock, timers=door, package=package, console=pages, trusted=True)

    async def look(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {"hx-request": "true", "authorization": "Bearer me"}
            return await client.get(path, headers=headers)

    for path in ("/timers", "/timers/t1"):
        answer = served.run(look(path))
        assert "The Data API at &lt;b&gt; is out of reach." in answer.text
        assert "toast" not in answer.text
        assert 'hx-trigger="look from:body"' in answer.text
    assert [call[3] for call in door.calls] == ["Bearer me", "Bearer me"]
    assert "toast" in served.run(look("/timers/t1/delete")).text
