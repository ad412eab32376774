"""`franking template set|list|show|delete|render`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping

from rich.table import Table

from franking.cli import screen
from franking.cli.door import Declined, Document, Door
from franking.cli.exits import Code, Ended
from franking.cli.template_door import TemplateDoor
from franking.core.template import PARTS

SERVER_TROUBLE = 500


async def set_templates(door: Door, documents: Mapping[str, Document]) -> None:
    """Keep each, and say so; one that is refused stops no other. Raises `Ended` for those."""
    refused = 0
    for id, document in documents.items():
        try:
            await TemplateDoor(door).set(id, document)
        except Declined as declined:
            if declined.status >= SERVER_TROUBLE:
                raise
            refused += 1
            print(f"{screen.one_line(id)}: {screen.plain(declined)}", file=sys.stderr)
        else:
            print(f"{screen.one_line(id)} is kept.")
    if refused:
        raise Ended(Code.FAILED, f"{refused} of {len(documents)} were refused.")


async def list_templates(door: Door, q: str | None, as_json: bool) -> None:
    """Print every template that is asked for."""
    found = [template async for template in TemplateDoor(door).all(q)]
    if as_json:
        for template in found:
            print(json.dumps(template))
    elif found:
        screen.console().print(_table(found))
    else:
        print("No template.")


async def show(door: Door, id: str, as_json: bool) -> None:
    """Print one template."""
    template = await TemplateDoor(door).read(id)
    if as_json:
        print(json.dumps(template))
    else:
        screen.console().print(screen.facts(_facts(template)))


async def delete(door: Door, id: str) -> None:
    """Remove it, and say so."""
    await TemplateDoor(door).delete(id)
    print(f"{screen.one_line(id)} is removed.")


async def render(
    door: Door, id: str, data: Document | None, document: Document | None, part: str | None
) -> None:
    """Print what it comes to as JSON, or one part of it as it is."""
    found = await TemplateDoor(door).render(id, data, document)
    if part is None:
        print(screen.readable_json(found))
    elif found[part] is None:
        raise Ended(Code.FAILED, f"{screen.one_line(id)} has no {part}.")
    else:
        # As it is for a file or a program; a person's terminal must not be played with.
        print(screen.plain(found[part]) if sys.stdout.isatty() else found[part])


def _table(templates: list[Document]) -> Table:
    table = Table("Id", "Name", "Kind", "Parts", "Subject", box=None)
    table.columns[0].no_wrap = True
    for template in templates:
        parts = [name for name in (*PARTS, "attachments") if template.get(name)]
        kind = "partial" if template.get("partial") else ""
        names = (template["id"], template.get("name"), kind, ", ".join(parts))
        table.add_row(*map(screen.cell, (*names, template.get("subject"))))
    return table


def _facts(template: Document) -> Iterator[tuple[str, object]]:
    yield "Id", template["id"]
    yield "Name", template.get("name")
    yield "Partial", "yes" if template.get("partial") else None
    for part in PARTS:
        yield part.capitalize(), template.get(part)
    for file in template.get("attachments") or ():
        yield "Attachment", json.dumps(file, ensure_ascii=False)
