"""The commands on what the CRM shows."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

cadence = typer.Typer(no_args_is_help=True, help="Compare touchpoints with the mails' record.")


@cadence.callback()
def _top() -> None:
    """What stands before a command."""


@cadence.command()
def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Send missing events again, and look once more.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    url: Annotated[
        str | None,
        typer.Option("--url", help="The server to talk to; else it is found by the database."),
    ] = None,
) -> None:
    """Tell every difference between touchpoints and the mails' record. Exit code 0: none is.

    Only the embedded package's touchpoints: what a Salesforce org holds can't be read.
    """
    from franking.cli import agreeing

    outlet = starting.settings().outlet
    starting.through_door(
        "cadence check", url, lambda door: agreeing.check(door, outlet, repair, as_json)
    )
