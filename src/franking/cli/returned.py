"""What `bounce`, `explain` and `suppression` do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.table import Table

from franking.apis import wire_returns as wire
from franking.cli import screen
from franking.cli.door import Document, Door
from franking.cli.exits import Code, Ended
from franking.compose.dsn import MAX_BYTES
from franking.core.explaining import explain

_VERDICT = (
    ("For a person", "sentence"),
    ("What to do", "nextStep"),
    ("Category", "category"),
    ("Cause", "cause"),
    ("Code", "code"),
    ("Temporary", "temporary"),
    ("Rate limited", "rateLimited"),
    ("Concerns", "scope"),
    ("Rule", "rule"),
    ("Confidence", "confidence"),
)


def read(file: str) -> bytes:
    """The bytes of a file, or of standard input. Raises `Ended`."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise Ended(Code.USAGE, f"{file} can't be read: {error.strerror}.") from error


async def bounce(door: Door, report: bytes, as_json: bool) -> None:
    """Hand it in, and print what it belongs to."""
    matched = await door.bounce(report)
    if as_json:
        for one in matched:
            print(json.dumps(one))
    elif matched:
        screen.console().print(_bounces(matched))
    if not matched:
        raise Ended(Code.FAILED, "It belongs to no mail of ours.")


def explained(
    text: str, code: int | None, enhanced: str | None, provider: str | None, as_json: bool
) -> None:
    """Print the verdict and what came near it; no database is needed for it."""
    found = wire.explained(explain(text, code, enhanced, provider))
    if as_json:
        print(json.dumps(found))
        return
    pairs: list[tuple[str, object]] = [(label, found[name]) for label, name in _VERDICT]
    pairs += [("Came near", " ".join(one.values())) for one in found["near"]]
    screen.console().print(screen.facts(pairs))


async def list_suppressions(
    door: Door, q: str | None, after: str | None, limit: int, as_json: bool
) -> None:
    """Print who is on the list."""
    found = await door.suppressions(q, after, limit)
    if as_json:
        for one in found:
            print(json.dumps(one))
    elif found:
        screen.console().print(_suppressions(found))
    else:
        print("No address is on the suppression list.")


async def suppress(door: Door, address: str, reason: str) -> None:
    """Put an address on the list, and print it as it stands there."""
    screen.console().print(_suppressions([await door.suppress(address, reason)]))


def _bounces(matched: list[Document]) -> Table:
    table = Table("Mail", "Recipient", "Action", "Category", "Said", box=None)
    for one in matched:
        said = f"{one['text']} (had come before)" if one["repeated"] else one["text"]
        names = (one["mail"], one["recipient"], one["action"], one["category"], said)
        table.add_row(*map(screen.cell, names))
    return table


def _suppressions(found: list[Document]) -> Table:
    table = Table("Address", "Since", "By", "Reason", box=None)
    for one in found:
        names = (one["address"], one["createTime"], one["source"], one["reason"])
        table.add_row(*map(screen.cell, names))
    return table
