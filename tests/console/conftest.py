"""A real browser for the console's tests; each page is watched for what no page may do."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from console.doorway import Doorway
from console.doorway import opened as on_a_store
from console.served import Served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Without these it asks the network for what nobody here wants.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
]
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)
# What the browser and htmx say of a call that had no answer, or a refusal.
EXPECTED = (
    *("Failed to load resource", "htmx:afterRequest", "htmx:sendError"),
    *("htmx:responseError", "htmx:timeout"),
    # A look that gave way to a press.
    "htmx:sendAbort",
)
# Told by the page itself, for a violation is not always written to its console.
WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


# For a module and no longer: while it runs, no other event loop can in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian package: chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """An installation with its console."""
    with Served(tmp_path) as it:
        yield it


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens pages; in the end none of them may have broken its policy, or failed in a script."""
    watching = Opened(browser)
    yield watching
    watching.close()


@pytest.fixture
def page(opened: Opened, served: Served) -> Page:
    """A page of the console, as wide as a desk's; `page.goto("/touchpoints")`."""
    return opened.page(base_url=served.url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doorway]:
    """For tests that leave the clock and the keys alone."""
    async with on_a_store(tmp_path_factory.mktemp("shared")) as door:
        yield door


@pytest_asyncio.fixture(loop_scope="module")
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """The console behind its keys, without a browser."""
    async with on_a_store(tmp_path) as door:
        yield door


class Opened:
    """Contexts of one browser, each a viewer of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._pages: list[Page] = []
        self.errors: list[str] = []

    def page(self, **options: Any) -> Page:
        """A page; `options` are those of a context: viewport, color_scheme, timezone_id …"""
        context = self._browser.new_context(locale="en-GB", **options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        page.on("console", self._said)
        self._contexts.append(context)
        self._pages.append(page)
        return page

    def close(self) -> None:
        for page in self._pages:
            for frame in page.frames:
                if not frame.url.startswith("http"):
                    continue
                self.errors += frame.evaluate("window.__violations ?? []")
        for context in self._contexts:
            context.close()
        assert self.errors == []

    def _said(self, message: Any) -> None:
        # A refusal or an outage that a test asked for is no error of the page.
        if message.type == "error" and not message.text.startswith(EXPECTED):
            self.errors.append(f"console: {message.text}")
