"""The commands on what comes back: `bounce`, `explain`, and those of `suppression`."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

LIST_MAX = 500

returns = typer.Typer()
suppression = typer.Typer(no_args_is_help=True, help="Addresses that nothing is sent to.")
returns.add_typer(suppression, name="suppression")

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS")]


@returns.command()
def bounce(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The mail that came back; - is standard input.")
    ],
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Hand in a bounce. Exit code 0: it belongs to a mail of ours."""
    from franking.cli import returned

    report = returned.read(file)
    starting.through_door("bounce", url, lambda door: returned.bounce(door, report, as_json))


@returns.command()
def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the server said.")],
    code: Annotated[
        int | None, typer.Option(min=200, max=599, help="The reply code, if TEXT has none.")
    ] = None,
    enhanced: Annotated[str | None, typer.Option(help="The enhanced code, as 5.1.1.")] = None,
    provider: Annotated[str | None, typer.Option(help="Whose server it was, as gmail.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a server's words mean, and what to do."""
    from franking.cli import returned

    returned.explained(text, code, enhanced, provider, as_json)


@suppression.command("list")
def list_(
    search: Annotated[
        str | None, typer.Option("--q", "--search", help="A part of the address.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Go on after this address.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX)] = 50,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Who is on the list, and why."""
    from franking.cli import returned

    starting.through_door(
        "suppression list",
        url,
        lambda door: returned.list_suppressions(door, search, after, limit, as_json),
    )


@suppression.command()
def add(
    address: Address,
    reason: Annotated[str, typer.Option(help="Why; it is shown where a mail is left out.")] = "",
    url: Url = None,
) -> None:
    """Send nothing to an address any more."""
    from franking.cli import returned

    starting.through_door(
        "suppression add", url, lambda door: returned.suppress(door, address, reason)
    )


@suppression.command()
def remove(address: Address, url: Url = None) -> None:
    """Send to an address again."""
    starting.through_door("suppression remove", url, lambda door: door.allow(address))
