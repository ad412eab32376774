"""`franking key create|list|revoke`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.table import Table

from franking.cli import screen
from franking.cli.door import Document, Door

NOT_AGAIN = "It is kept as a hash and not shown again. From now on every call needs a key."
NO_ADMIN = (
    "To make or revoke keys while serve runs takes one with the scope admin;"
    " with serve stopped, these commands open the database themselves."
)


async def create(door: Door, name: str, scopes: Sequence[str], per_minute: int | None) -> None:
    """Print the key alone on standard output, and what to know beside it."""
    made = await door.create_key(name, scopes, per_minute)
    print(made["key"])
    print(NOT_AGAIN, file=sys.stderr)
    if "admin" not in made["scopes"]:
        print(NO_ADMIN, file=sys.stderr)


async def list_keys(door: Door, as_json: bool) -> None:
    """Print the keys, which are told by their ids."""
    found = await door.keys()
    if as_json:
        for key in found:
            print(json.dumps(key))
    elif found:
        screen.console().print(_table(found))
    else:
        print("No key. Without one, only callers on this machine are served.")


async def revoke(door: Door, id: str) -> None:
    """Revoke one key, and say so."""
    await door.revoke_key(id)
    print(f"{screen.one_line(id)} is revoked.")


def _table(keys: Sequence[Document]) -> Table:
    table = Table("Id", "Name", "Scopes", "A minute", "Created", "Last used", "Revoked", box=None)
    table.columns[0].no_wrap = True
    for key in keys:
        table.add_row(
            screen.cell(key["id"]),
            screen.cell(key["name"]),
            screen.cell(", ".join(key["scopes"])),
            screen.cell(key["perMinute"]),
            *(screen.cell(key[time]) for time in ("createTime", "lastUseTime", "revokeTime")),
        )
    return table
