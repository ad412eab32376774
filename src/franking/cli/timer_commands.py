"""The commands on timers."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

LIST_MAX = 500

timer = typer.Typer(no_args_is_help=True, help="Look at timers, and retry them.")

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The timer's id.")]


@timer.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help="scheduled, served, executed, failed, deleted")
    ] = None,
    transport: Annotated[str | None, typer.Option(help="http, mail, smtp, tcp")] = None,
    search: Annotated[
        str | None, typer.Option("--q", "--search", help="The beginning of an id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX)] = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The newest timers that match."""
    from franking.cli import timers

    wanted = {"state": state and state.lower(), "transport": transport, "q": search}
    starting.through_door(
        "timer list", url, lambda door: timers.list_timers(door, wanted, limit, as_json)
    )


@timer.command()
def show(id: Id, as_json: AsJson = False, url: Url = None) -> None:
    """One timer: how it stands, its calls that failed, and its earlier lives."""
    from franking.cli import timers

    starting.through_door("timer show", url, lambda door: timers.show(door, id, as_json))


@timer.command()
def retry(
    id: Id,
    force: Annotated[
        bool, typer.Option("--force", help="Even if its mail may have been delivered.")
    ] = False,
    mail: Annotated[
        str | None,
        typer.Option(
            metavar="JSON|FILE",
            help="Fields to merge into its mail first: JSON, or a file of it; - is standard input.",
        ),
    ] = None,
    url: Url = None,
) -> None:
    """Serve a timer again that failed or was deleted."""
    from franking.cli import timers
    from franking.clock import SystemClock

    fields = None if mail is None else timers.fields(mail)
    new_id = SystemClock().new_id()
    starting.through_door(
        "timer retry", url, lambda door: timers.retry(door, id, force, fields, new_id)
    )
