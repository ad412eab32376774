"""What every page of the console has: its frame, its headers, and words for what went wrong."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def test_a_page_opens(page: Page) -> None:
    page.goto("/touchpoints")
    expect(page.get_by_role("heading", name="Touchpoints")).to_be_visible()
    expect(page.get_by_role("link", name="Touchpoints")).to_have_attribute(
        "aria-current", re.compile("page")
    )
