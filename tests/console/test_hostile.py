"""What comes from outside is shown as text on every page, and nothing of it is run or loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from console.conftest import Opened
from console.reps import DUE, failed
from console.served import Served
from eventually import eventually

SCRIPT = "<script>window.ran = 1</script>"
IMAGE = "<img src=x onerror='window.ran = 2'>"
BREAKOUT = "\"'></title></textarea></iframe><svg onload=window.ran=3>"
TEMPLATE = "{{ 7*7 }}{% raw %}${7*7}"
ROW = f"{SCRIPT}{IMAGE}{BREAKOUT}{TEMPLATE}"
# An address with HTML in it: legal, and as odd as an address can be.
ADDRESS = '"<b>x</b> onmouseover=alert(1)"@example.com'
REPLY = f"550 5.7.1 {IMAGE} {BREAKOUT} javascript:alert(1)"
REASON = f"because {SCRIPT}"
ODD_ID = "t'\"<i>%26 é😀"


@pytest.fixture(scope="module")
def furnished(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("hostile"), accounts=False) as served:
        it = served.installation
        served.box.rcpt["x@example.com"] = [REPLY]
        message = {"subject": ROW, "text": ROW, "html": f"<p>hello</p>{ROW}"}
        mail = {"to": f"{SCRIPT} <x@example.com>", "message": message}
        given: dict[str, Any] = {
            "type": "automated",
            "cadenceMemberId": BREAKOUT,
            "emailMessageId": IMAGE,
            "dueAt": DUE,
            "mail": mail,
        }
        shown = served.run(it.embedded.package.create(given, ODD_ID))
        it.engine.due(0)

        async def ended() -> bool:
            found = await it.embedded.package.read(shown.touchpoint.id)
            return bool(found.touchpoint.status == "Error")

        served.run(eventually(ended))
        failed(served, "plain@example.com", REPLY, subject=ROW, member=SCRIPT)
        uri = f"smtp://127.0.0.1:{served.box.port}"
        served.run(it.office.accounts.set("evil<b>", {"transport": {"type": "smtp", "uri": uri}}))
        served.run(it.office.accounts.pause("evil<b>", None, REASON))
        template = {"name": ROW[:255], "sample": {"x": ROW}, "attachments": [{"path": ROW}]}
        parts = dict.fromkeys(("subject", "text", "html", "amp"), f"{ROW}".replace("{{", "{"))
        served.run(it.office.templates.set(ODD_ID, template | parts))
        yield served


def paths() -> list[str]:
    odd = "t'%22%3Ci%3E%2526%20%C3%A9%F0%9F%98%80"
    return [
        "/",
        "/touchpoints",
        f"/touchpoints/{odd}",
        "/touchpoints?q=%3Cscript%3E",
        "/touchpoints?member=%22%27%3E%3Csvg+onload%3Dalert(1)%3E",
        "/mail",
        f"/mail/{odd}",
        f"/mail/{odd}/rendered",
        "/templates",
        f"/templates/{odd}",
        "/templates?q=%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
        "/templates/%3Cimg%20src=x%20onerror=window.ran=2%3E",
        "/templates/%3Cimg%20src=x%20onerror=window.ran=2%3E?new=1",
        "/timers",
        f"/timers/{odd}",
        "/accounts",
        "/accounts/evil%3Cb%3E",
        "/errors",
        "/errors?text=550+%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
        "/outbox",
        "/outbox?touchpoint=%3Cscript%3E",
        "/touchpoints/%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E",
        "/mail/%3Cimg%20src=x%20onerror=window.ran=2%3E",
    ]


@pytest.mark.parametrize("path", paths())
def test_nothing_hostile_runs_or_loads(opened: Opened, furnished: Served, path: str) -> None:
    page = opened.page(base_url=furnished.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(_where(request)))
    page.goto(path)
    page.wait_for_load_state("networkidle")
    for frame in page.frames:
        assert frame.evaluate("window.ran") is None
    assert page.locator("main script, main svg[onload], main img[onerror]").count() == 0
    assert {
        where for where in asked if not where.startswith((furnished.url, "data:", "about:"))
    } == set()


@pytest.mark.parametrize("path", ["/touchpoints", "/mail"])
def test_what_was_sent_is_read_as_it_was_written(
    opened: Opened, furnished: Served, path: str
) -> None:
    page: Page = opened.page(base_url=furnished.url)
    page.goto(path)
    assert SCRIPT in page.inner_text("main")


def _where(request: Request) -> str:
    return request.url
