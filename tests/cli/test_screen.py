"""What a peer said is shown, and can do nothing to the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from franking.cli import screen


def shown(renderable: RenderableType) -> str:
    """As a terminal gets it, without our own colours."""
    out = io.StringIO()
    Console(file=out, width=200, force_terminal=True, color_system=None).print(renderable)
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\x1b]0;pwned\x07", "\\x1b]0;pwned\\x07"),  # would set the window's title
        ("\x1b[2J", "\\x1b[2J"),  # would clear the screen
        ("a\x9b31mb", "a\\x9b31mb"),  # the same, as one C1 character
        ("a\u202egpj.exe", "a\\u202egpj.exe"),  # would turn the rest around
        ("a\x00\x08b", "a\\x00\\x08b"),
        ("a\rb", "a\\rb"),  # would write over what was told
        ("\ud800", "\\ud800"),
        ("[red]x[/red] [link=http://e]y[/link]", "[red]x[/red] [link=http://e]y[/link]"),
        (":smile: Grüße 😀", ":smile: Grüße 😀"),
    ],
)
def test_nothing_that_a_peer_said_can_act(text: str, told: str) -> None:
    assert told in shown(screen.cell(text))
    assert told in shown(screen.facts([("Reply", text)]))
    assert told in shown(screen.mails([mail(error=text, state=text)]))


def test_a_cell_is_one_line_and_a_fact_may_have_several() -> None:
    assert shown(screen.cell("a\r\nb\nc")).rstrip() == "a b c"
    assert len(screen.one_line("x" * 10_000)) == screen.CELL_CHARACTERS
    assert len(shown(screen.facts([("Reply", "a\nb")])).splitlines()) == 2


def test_facts_leave_out_what_is_not_known() -> None:
    assert shown(screen.facts([("a", None), ("b", ""), ("c", [])])).strip() == ""


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        ({"state": "SUCCESS", "info": {"response": "250 ok"}}, "250 ok"),
        (
            {"state": "SUCCESS", "info": {"response": "250", "rejected": ["a"], "pending": ["b"]}},
            "250 Refused: a. Still trying: b.",
        ),
        ({"state": "SUCCESS"}, ""),
        ({"state": "ERROR", "error": "550 no", "message": "No such address."}, "No such address."),
        ({"state": "ERROR", "error": "550 no", "message": None}, "550 no"),
        (
            {"state": "RETRY", "message": "Limited.", "nextAttemptTime": "2026-11-21T18:00:00Z"},
            "Limited. Next try at 2026-11-21T18:00:00Z.",
        ),
        ({"state": "PENDING", "nextAttemptTime": "2026-11-21T18:00:00Z"}, ""),
    ],
)
def test_the_most_telling_thing_is_shown(delivery: dict[str, Any], words: str) -> None:
    assert screen.words(delivery) == words


def test_every_recipient_is_shown() -> None:
    assert screen.recipients({"to": "a", "cc": ["b", "c"], "bcc": None}) == "a, b, c"


def mail(**delivery: Any) -> dict[str, Any]:
    return {"id": "1", "delivery": {"state": "ERROR", "attempts": 1, "message": None, **delivery}}
