"""What commands print: tables and words, with nothing that a peer said able to act.

A server's reply, a subject or an address may hold control characters, and Rich's own marks. All
of it is shown as plain text, with every character that does not print spelled out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_COLUMNS = 160
CELL_CHARACTERS = 200
COLOURS = {
    "PENDING": "cyan",
    "PROCESSING": "blue",
    "RETRY": "yellow",
    "SUCCESS": "green",
    "ERROR": "red",
}


def console() -> Console:
    """Standard output; wide where it is piped, for then nobody's window cuts it."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal and found.width < PIPED_COLUMNS:
        found.width = PIPED_COLUMNS
    return found


def plain(value: object) -> str:
    """A value as text in which every character that does not print is spelled out."""
    text = "" if value is None else str(value)
    return "".join(mark if mark.isprintable() or mark == "\n" else _spelled(mark) for mark in text)


def readable_json(value: object) -> str:
    """A value as indented JSON in which only what does not print is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(mark if mark.isprintable() or mark == "\n" else _escaped(mark) for mark in text)


def one_line(value: object) -> str:
    """As `plain`, on one line and not for ever long."""
    text = plain(str("" if value is None else value).replace("\r\n", " ").replace("\n", " "))
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def cell(value: object, style: str = "") -> Text:
    return Text(one_line(value), style=style)


def state(name: object) -> Text:
    """A delivery's state in its colour."""
    return Text(one_line(name), style=COLOURS.get(str(name), ""))


def mails(documents: Iterable[Mapping[str, Any]]) -> Table:
    """One line for each mail, newest first."""
    table = Table("Id", "State", "To", "Subject", "Tries", "What is known", box=None)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for document in documents:
        delivery = document["delivery"]
        table.add_row(
            cell(document["id"]),
            state(delivery["state"]),
            cell(recipients(document)),
            cell((document.get("message") or {}).get("subject")),
            cell(delivery["attempts"]),
            cell(words(delivery)),
        )
    return table


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one on a line; what is None or empty is left out."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", [], {}):
            table.add_row(name, value if isinstance(value, Text) else Text(plain(value)))
    return table


def recipients(document: Mapping[str, Any]) -> str:
    """Everyone that a document names."""
    found: list[str] = []
    for field in ("to", "cc", "bcc"):
        value = document.get(field) or []
        found += [value] if isinstance(value, str) else map(str, value)
    return ", ".join(found)


def words(delivery: Mapping[str, Any]) -> str:
    """The most telling thing about a delivery, in one line."""
    if delivery["state"] == "SUCCESS":
        return _answered(delivery.get("info") or {})
    told = str(delivery.get("message") or delivery.get("error") or "")
    if delivery["state"] == "RETRY" and delivery.get("nextAttemptTime"):
        return f"{told} Next try at {delivery['nextAttemptTime']}.".strip()
    return told


def _answered(info: Mapping[str, Any]) -> str:
    """The server's reply, and whom the mail did not reach."""
    parts = [
        str(info.get("response") or ""),
        _named("Refused: ", info.get("rejected")),
        _named("Still trying: ", info.get("pending")),
    ]
    return " ".join(part for part in parts if part)


def _named(label: str, addresses: Any) -> str:
    return f"{label}{', '.join(map(str, addresses))}." if addresses else ""


def _escaped(mark: str) -> str:
    """As JSON has it: what is beyond its four digits is a pair of surrogates."""
    units = mark.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _spelled(mark: str) -> str:
    return mark.encode("unicode_escape", "surrogatepass").decode("ascii")
