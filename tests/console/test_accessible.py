"""axe finds no serious fault on any page, in light and dark, with its dialogs open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from console.conftest import Opened
from console.reps import NO_SUCH, doubtful, failed, manual, planned, reached
from console.served import Served

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def furnished(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation with something on each page."""
    with Served(tmp_path_factory.mktemp("axe")) as served:
        failed(served, "ada@example.com", subject="Hello Ada")
        failed(served, "nobody@example.com", NO_SUCH)
        reached(served, planned(served, "sent@example.com"), "Sent")
        doubtful(served, "doubt@example.com")
        manual(served)
        uri = f"smtp://127.0.0.1:{served.box.port}"
        account = {"transport": {"type": "smtp", "uri": uri}, "limits": {"perDay": 100}}
        served.run(served.installation.office.accounts.set("rep", account))
        served.run(served.installation.office.accounts.pause("rep", None, "moving house"))
        template = {"subject": "Hi {{name}}", "html": "<p>Dear {{name}}</p>", "text": "{{name}}"}
        served.run(served.installation.office.templates.set("welcome", template))
        broken = {"text": "{{#if}}", "name": "Broken", "partial": True}
        served.run(served.installation.office.templates.set("x" * 250, broken))
        yield served


def paths(served: Served) -> dict[str, str]:
    package = served.installation.embedded.package
    [first, *_] = served.run(package.look({"status": "Error"}, 1)).touchpoints
    [written, *_] = served.run(package.look({"status": "Pending Manual Send"}, 1)).touchpoints
    return {
        "overview": "/",
        "overview of a week": "/?window=week",
        "touchpoints": "/touchpoints",
        "no touchpoints": "/touchpoints?q=nobodyhasthisname",
        "touchpoint": f"/touchpoints/{first.id}",
        "complete": f"/touchpoints/{written.id}/complete",
        "mails": "/mail",
        "mail": f"/mail/{first.mail_id}",
        "templates": "/templates",
        "no templates": "/templates?q=none",
        "template": "/templates/welcome",
        "broken template": f"/templates/{'x' * 250}",
        "new template": "/templates/another?new=1",
        "timers": "/timers",
        "timer": f"/timers/{first.timer_id}",
        "accounts": "/accounts",
        "account": "/accounts/rep",
        "errors": "/errors?text=550+5.1.1+User+unknown",
        "outbox": "/outbox",
        "refusal": "/touchpoints/there-is-none",
    }


def faults(page: Page) -> list[str]:
    """What axe calls serious, each with where it is."""
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')}"
        for fault in found["violations"]
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault(opened: Opened, furnished: Served, scheme: str) -> None:
    page = opened.page(base_url=furnished.url, color_scheme=scheme)
    told: dict[str, list[str]] = {}
    for name, path in paths(furnished).items():
        page.goto(path)
        expect(page.get_by_role("main")).to_be_visible()
        told[name] = faults(page)
    assert {name: found for name, found in told.items() if found} == {}


@pytest.mark.parametrize("width", [360, 768])
def test_no_page_is_wider_than_its_screen(opened: Opened, furnished: Served, width: int) -> None:
    page = opened.page(base_url=furnished.url, viewport={"width": width, "height": 740})
    wide = {}
    for name, path in paths(furnished).items():
        page.goto(path)
        found = page.evaluate("document.documentElement.scrollWidth")
        if found > width:
            wide[name] = found
    assert wide == {}


@pytest.mark.parametrize(
    ("path", "button"),
    [
        ("/touchpoints", "Retry the email to nobody@example.com"),
        ("/touchpoints", "Retry all of these"),
        ("/accounts/rep", "Resume"),
        ("/templates", "New template"),
        ("/templates/welcome", "Delete"),
        ("complete", "Start from a template"),
    ],
)
def test_no_dialog_has_a_serious_fault(
    opened: Opened, furnished: Served, path: str, button: str
) -> None:
    page = opened.page(base_url=furnished.url)
    page.goto(paths(furnished).get(path, path))
    if button != "Resume":
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("dialog")).to_be_visible()
    assert faults(page) == []


def test_axe_is_not_blind(opened: Opened, furnished: Served, tmp_path: Path) -> None:
    page = opened.page(base_url=furnished.url)
    page.goto("/touchpoints")
    page.evaluate("document.body.append(document.createElement('input'))")
    assert [fault for fault in faults(page) if fault.startswith("label")] != []
