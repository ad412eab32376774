"""The mail of the benches: one recipient, text and HTML, 4.5 KB as it goes over the wire."""

from __future__ import annotations

from typing import Any

SENDER = "Jane Doe <jane.doe@example.com>"

_TEXT = (
    "Hello Alex,\n\nit was good to meet your team on Tuesday. As promised, here is what we"
    " talked about: the figures of the last quarter, the two offers, and a proposal for how to"
    " go on from here. The café on the corner would be a fine place to talk it over.\n\n"
)
_PARAGRAPH = (
    '<p style="margin:0 0 16px 0;font-family:Helvetica,Arial,sans-serif">It was good to meet'
    ' your team on Tuesday. As promised, <a href="https://example.com/offers?id={0}">here is'
    " what we talked about</a>: the figures of the last quarter, both offers, and a proposal.</p>\n"
)
_HTML = "".join(
    (
        "<!doctype html>\n<html><body>\n",
        *(_PARAGRAPH.format(number) for number in range(10)),
        "<p>Kind regards – Jane</p>\n</body></html>\n",
    )
)


def document(number: int) -> dict[str, Any]:
    """Mail number so and so."""
    return {
        "to": f"alex.{number}@example.net",
        "from": SENDER,
        "message": {
            "subject": f"What we talked about ({number})",
            "text": _TEXT * 3,
            "html": _HTML,
        },
    }


def short(number: int) -> dict[str, Any]:
    """A mail of half a kilobyte, for a backlog of a million."""
    message = {"subject": f"Number {number}", "text": _TEXT}
    return {"to": f"alex.{number}@example.net", "from": SENDER, "message": message}
