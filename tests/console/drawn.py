"""What a chart's canvas really shows, and mails that end in each way."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from console.served import Served

GONE = "gone@example.com"
FULL = "full@example.com"
ADA = "ada@example.com"
LIMIT = "550 5.4.5 Daily user sending limit exceeded"

# How many pixels of a chart have exactly the colour that a variable of the style sheet names.
_PAINTED = """
([chart, tone]) => {
  const canvas = document.querySelector(`#${chart} canvas`);
  if (!canvas) return 0;
  const style = getComputedStyle(document.documentElement);
  const hex = style.getPropertyValue(`--chart-${tone}`).trim();
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === r && data[at + 1] === g && data[at + 2] === b) count += 1;
  }
  return count;
}
"""


def painted(page: Page, chart: str, tone: str) -> int:
    """How many pixels of a chart have a series' colour."""
    found: int = page.evaluate(_PAINTED, [chart, tone])
    return found


def legend(page: Page, chart: str) -> dict[str, str]:
    """What uPlot itself says of its series: each with its number."""
    read = """(rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent))"""
    rows = page.locator(f"#{chart} .u-series").evaluate_all(read)
    return {label.strip().rstrip(":"): value for label, value in rows}


def mail(to: str, **fields: Any) -> dict[str, Any]:
    return {"to": to, "message": {"subject": "Hello", "text": "Hi"}, **fields}


def sent(served: Served, count: int, to: str = ADA) -> None:
    """So many mails to somebody, written over HTTP and ended."""
    for at in range(count):
        served.run(served.installation.write(mail(to), f"{to}-{at}-{served.box.dots}"))


def doubted(served: Served) -> None:
    """A mail of which nobody knows whether it arrived."""
    served.box.hang_up = True
    served.run(served.installation.write(mail(ADA), "doubted"))
    served.box.hang_up = False


def limited(served: Served) -> None:
    """A mail that met its account's sending limit, and waits."""
    served.box.data = [LIMIT]
    served.run(served.installation.http.put("/v1/mail/limited", json=mail(ADA)))
    served.run(served.installation.reached("RETRY", "limited"))
