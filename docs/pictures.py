"""Takes the pictures in docs/console/ of the demo's console, in Chromium; `make docs` runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Page, sync_playwright

TARGET = Path(__file__).with_name("console")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
ZONE = "Europe/Berlin"
PATIENCE_SECONDS = 60
STATUSES = {
    *("Scheduled", "Pending Manual Send", "Rate Limited", "Sent", "Error", "Manual Retry"),
}
# What a page must show before its picture is taken.
READY = {
    "overview": ".u-over",
    "errors": ".u-over",
    "template": "iframe[name=preview]:not([hidden])",
}
# Kept for its page, with the partial that it uses.
TEMPLATES = {
    "footer": {"partial": True, "html": "<p><small>Conquer, 1 Main Street</small></p>"},
    "following": {
        "subject": "{{username}} follows you",
        "html": "<h1>Hello {{name}}</h1>\n<p>{{username}} follows you now.</p>\n{{> footer}}",
        "text": "Hello {{name}},\n\n{{username}} follows you now.",
        "sample": {"name": "Grace", "username": "ada"},
    },
}


def main() -> None:
    """Take them all, in light and dark, and two as on a phone."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("The pictures need Chromium (Debian package: chromium).")
    TARGET.mkdir(exist_ok=True)
    with demo() as url, sync_playwright() as playwright:
        told(url)
        keep(url)
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        for name, path in pages(url).items():
            for scheme in ("light", "dark"):
                with opened(browser, url, scheme, WIDE) as page:
                    taken(page, name, path, f"{name}-{scheme}")
        with opened(browser, url, "light", PHONE) as page:
            taken(page, "touchpoints", "/touchpoints", "touchpoints-phone")
            asking(page, "phone-retry")
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """A demo on free ports; where it listens."""
    settings = {"FRANKING_HTTP": "127.0.0.1:0", "FRANKING_GRPC": "127.0.0.1:0"}
    command = [sys.executable, "-m", "franking", "demo"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=os.environ | settings, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()
            process.wait()


def told(url: str) -> None:
    """Wait until the demo has told its whole story."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while {one["actionStatus"] for one in items(url, "/cadence/touchpoints")} < STATUSES:
        if time.monotonic() > deadline:
            sys.exit("The demo did not come to its end.")
        time.sleep(0.2)


def keep(url: str) -> None:
    """Put TEMPLATES into the demo."""
    for id, document in TEMPLATES.items():
        body, kind = json.dumps(document).encode(), {"Content-Type": "application/json"}
        asked = Request(f"{url}/v1/templates/{id}", body, kind, method="PUT")  # noqa: S310
        urlopen(asked).close()  # noqa: S310


def pages(url: str) -> dict[str, str]:
    """Each page by the name of its picture."""
    failed = next(
        one
        for one in items(url, "/cadence/touchpoints?status=Error")
        if one["type"] == "automated" and one["errorCategory"] == "recipient_not_found"
    )
    manual = items(url, "/cadence/touchpoints?status=Error")[-1]
    return {
        "overview": "/",
        "touchpoints": "/touchpoints",
        "touchpoint": f"/touchpoints/{failed['id']}",
        "complete": f"/touchpoints/{manual['id']}/complete",
        "mail": "/mail",
        "timeline": f"/mail/{failed['mailId']}",
        "template": "/templates/following",
        "timers": "/timers",
        "accounts": "/accounts",
        "errors": "/errors?text=550+5.4.5+Daily+user+sending+limit+exceeded",
        "outbox": "/outbox",
    }


def items(url: str, path: str) -> list[dict[str, Any]]:
    """What a list of the API holds."""
    with urlopen(url + path) as answer:  # noqa: S310
        found: list[dict[str, Any]] = json.load(answer)["items"]
    return found


@contextmanager
def opened(browser: Browser, url: str, scheme: Any, size: Any) -> Iterator[Page]:
    """A page of the demo as somebody sees it."""
    context = browser.new_context(
        base_url=url, color_scheme=scheme, viewport=size, locale="en-GB", timezone_id=ZONE
    )
    yield context.new_page()
    context.close()


def taken(page: Page, name: str, path: str, file: str) -> None:
    """One picture, of the whole page."""
    page.goto(path, wait_until="networkidle")
    if name in READY:
        page.wait_for_selector(READY[name])
    page.screenshot(path=TARGET / f"{file}.png", full_page=True)


def asking(page: Page, file: str) -> None:
    """The dialog before a retry that may do harm."""
    page.get_by_role("button", name="Retry the email to unknown@example.com").click()
    page.wait_for_selector("dialog[open]")
    page.screenshot(path=TARGET / f"{file}.png")


if __name__ == "__main__":
    main()
