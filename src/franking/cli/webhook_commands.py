"""The commands on webhooks and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

LIST_MAX = 500

webhook = typer.Typer(
    no_args_is_help=True, help="Who is told what happens to mails, as CloudEvents over HTTP."
)

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id, as it is listed.")]


@webhook.command()
def add(
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="Its http or https URL.")],
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", help="onStart, onPending, …; may be given more than once."),
    ] = None,
    include: Annotated[
        str | None, typer.Option(help="doc: the whole document; delivery: without its content.")
    ] = None,
    url: Url = None,
) -> None:
    """Add a webhook and print its secret: this once, for nobody can read it again."""
    from franking.cli import webhooks

    document = {"url": receiver, "types": type_ or None, "include": include}
    starting.through_door("webhook add", url, lambda door: webhooks.add(door, document))


@webhook.command("list")
def list_(as_json: AsJson = False, url: Url = None) -> None:
    """The webhooks, how they stand, and what each has yet to hear."""
    from franking.cli import webhooks

    starting.through_door("webhook list", url, lambda door: webhooks.list_hooks(door, as_json))


@webhook.command()
def show(
    id: Id,
    state: Annotated[str | None, typer.Option(help="waiting, parked")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX)] = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """One webhook, the newest events it has yet to hear, why, and what to do."""
    from franking.cli import webhooks

    wanted = {"state": state and state.lower(), "limit": limit}
    starting.through_door(
        "webhook show", url, lambda door: webhooks.show(door, id, wanted, as_json)
    )


@webhook.command()
def test(id: Id, url: Url = None) -> None:  # noqa: PT028 (a command, no test)
    """Send a ping. Exit code 0: the receiver took it."""
    from franking.cli import webhooks

    starting.through_door("webhook test", url, lambda door: webhooks.test(door, id))


@webhook.command()
def remove(id: Id, url: Url = None) -> None:
    """Tell it nothing more, and drop what it had yet to hear."""
    from franking.cli import webhooks

    starting.through_door("webhook remove", url, lambda door: webhooks.remove(door, id))


@webhook.command()
def resend(
    id: Id,
    seqs: Annotated[
        list[int] | None, typer.Argument(metavar="[SEQ]...", min=1, help="Parked events.")
    ] = None,
    mail: Annotated[str | None, typer.Option(help="All of this mail.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
    url: Url = None,
) -> None:
    """Tell it parked events again."""
    from franking.cli import webhooks

    which = webhooks.chosen(seqs or [], mail, every)
    starting.through_door("webhook resend", url, lambda door: webhooks.resend(door, id, which))
