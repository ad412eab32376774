"""The commands of `franking key` and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

key = typer.Typer(no_args_is_help=True, help="Who may call franking, and for what.")

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
Shown = Annotated[
    str | None,
    typer.Option(
        "--key", help="A key with the scope admin; better FRANKING_KEY, which no process list has."
    ),
]


@key.command()
def create(
    scope: Annotated[
        list[str],
        typer.Option(
            help="mail:write, mail:read, timers, cadence, metrics or admin (all of it); repeat."
        ),
    ],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="How many calls it may make a minute.")
    ] = None,
    url: Url = None,
    shown: Shown = None,
) -> None:
    """Make a key and print it: this once, for only its hash is kept."""
    from franking.cli import keys

    starting.through_door(
        "key create", url, lambda door: keys.create(door, name, scope, per_minute), shown
    )


@key.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    url: Url = None,
    shown: Shown = None,
) -> None:
    """The keys, newest first; the revoked ones last."""
    from franking.cli import keys

    starting.through_door("key list", url, lambda door: keys.list_keys(door, as_json), shown)


@key.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as it is listed.")],
    url: Url = None,
    shown: Shown = None,
) -> None:
    """Let a key open nothing any more, within two seconds."""
    from franking.cli import keys

    starting.through_door("key revoke", url, lambda door: keys.revoke(door, id), shown)
