"""The commands on the outbox."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

LIST_MAX = 500

outbox = typer.Typer(
    no_args_is_help=True, help="Look at what the CRM has yet to hear, and send it again."
)

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Seq = Annotated[int, typer.Argument(metavar="SEQ", min=1, help="The event's number.")]


@outbox.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="waiting, parked")] = None,
    touchpoint: Annotated[str | None, typer.Option(help="Only of this touchpoint.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX)] = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The newest events that wait or are parked, why, and what to do."""
    from franking.cli import outboxes

    wanted = {"state": state and state.lower(), "touchpoint": touchpoint, "limit": limit}
    starting.through_door(
        "outbox list", url, lambda door: outboxes.list_events(door, wanted, as_json)
    )


@outbox.command()
def show(seq: Seq, as_json: AsJson = False, url: Url = None) -> None:
    """One event that was not heard yet: why, what to do, and what the CRM would be told."""
    from franking.cli import outboxes

    starting.through_door("outbox show", url, lambda door: outboxes.show(door, seq, as_json))


@outbox.command()
def resend(
    seqs: Annotated[
        list[int] | None, typer.Argument(metavar="[SEQ]...", min=1, help="Parked events.")
    ] = None,
    touchpoint: Annotated[str | None, typer.Option(help="All of this touchpoint.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
    url: Url = None,
) -> None:
    """Send parked events again."""
    from franking.cli import outboxes

    which = outboxes.chosen(seqs or [], touchpoint, every)
    starting.through_door("outbox resend", url, lambda door: outboxes.resend(door, which))
