"""The commands and their options; each hands over to a module that is imported then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from franking import __version__
from franking.cli import starting
from franking.cli.account_commands import account
from franking.cli.cadence_commands import cadence
from franking.cli.db_commands import db
from franking.cli.key_commands import key
from franking.cli.outbox_commands import outbox
from franking.cli.return_commands import returns
from franking.cli.template_commands import template
from franking.cli.timer_commands import timer
from franking.cli.webhook_commands import webhook

if TYPE_CHECKING:
    from franking.stores.base import Filter

LIST_MAX = 500

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An email service that never leaves anyone guessing.",
    epilog=(
        "Settings come from FRANKING_… in the environment, over franking.toml."
        " Exit codes: 0 done, 1 failed or a bad finding, 2 usage, 3 a setting refused,"
        " 4 the database refused, 5 no server reached."
    ),
)
mail = typer.Typer(no_args_is_help=True, help="Look at mails, and retry them.")
app.add_typer(mail, name="mail")
app.add_typer(timer, name="timer")
app.add_typer(template, name="template")
app.add_typer(outbox, name="outbox")
app.add_typer(cadence, name="cadence")
app.add_typer(account, name="account")
app.add_typer(webhook, name="webhook")
app.add_typer(key, name="key")
app.add_typer(db, name="db")
app.add_typer(returns)

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The mail's id.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"franking {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """What stands before a command."""


@app.command()
def serve(
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="ROLES",
            help="Only these parts, with commas between: api, console, proxy, worker, timers,"
            " data-api, outbox, cadence.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Run so many processes of it, on PostgreSQL; each at its own port."
        ),
    ] = None,
    held: Annotated[bool, typer.Option("--held", hidden=True)] = False,
) -> None:
    """Take mails over HTTP and send them, until stopped."""
    starting.serve(only, workers, held)


@app.command()
def demo(
    database: Annotated[
        Path | None, typer.Option(help="Keep the mails in this file; else in a temporary one.")
    ] = None,
) -> None:
    """Serve with a mailbox on this machine, and mails that end in every way."""
    starting.demo(database)


@app.command()
def send(
    to: Annotated[list[str] | None, typer.Option(help="May be given more than once.")] = None,
    cc: Annotated[list[str] | None, typer.Option()] = None,
    bcc: Annotated[list[str] | None, typer.Option()] = None,
    sender: Annotated[str | None, typer.Option("--from")] = None,
    subject: Annotated[str | None, typer.Option()] = None,
    text: Annotated[str | None, typer.Option(help="The plain text.")] = None,
    html: Annotated[str | None, typer.Option(help="The HTML.")] = None,
    file: Annotated[
        str | None, typer.Option(help="A mail document as JSON; - is standard input.")
    ] = None,
    id: Annotated[
        str | None, typer.Option(help="Write it under this id; a repeat sends nothing.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for its end, and tell it.")] = True,
    timeout: Annotated[
        int, typer.Option(min=1, max=86_400, help="How many seconds to wait at most.")
    ] = 300,
    url: Url = None,
) -> None:
    """Send one mail. Exit code 0: a server took it (with --no-wait: it is stored)."""
    from franking.cli import sending
    from franking.clock import SystemClock

    message = {"subject": subject, "text": text, "html": html}
    given = {name: value for name, value in message.items() if value is not None}
    if given and subject is None and file is None:
        given["subject"] = ""
    fields = {"to": to, "cc": cc, "bcc": bcc, "from": sender}
    document = sending.document(file, fields, given)
    clock = SystemClock()
    seconds = timeout if wait else None
    starting.through_door(
        "send", url, lambda door: sending.send(door, document, id, clock.new_id(), seconds, clock)
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, or CSV.")],
    url: Url = None,
) -> None:
    """Hand in a file of mails; run it again to go on where it was stopped."""
    from franking.cli.importing import import_file

    starting.through_door("import", url, lambda door: import_file(door, file))


@mail.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="PENDING, PROCESSING, RETRY, …")] = None,
    category: Annotated[str | None, typer.Option()] = None,
    account: Annotated[str | None, typer.Option()] = None,
    touchpoint: Annotated[str | None, typer.Option()] = None,
    search: Annotated[
        str | None, typer.Option("--q", "--search", help="Words in recipients and subject.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX)] = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The newest mails that match."""
    from franking.cli import mails

    found = _filter(
        state=state, category=category, account=account, touchpoint=touchpoint, q=search
    )
    starting.through_door(
        "mail list", url, lambda door: mails.list_mails(door, found, limit, as_json)
    )


@mail.command()
def show(id: Id, as_json: AsJson = False, url: Url = None) -> None:
    """One mail: what it is, how it stands, and every attempt with the server's words."""
    from franking.cli import mails

    starting.through_door("mail show", url, lambda door: mails.show(door, id, as_json))


@mail.command()
def retry(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One mail.")] = None,
    state: Annotated[str | None, typer.Option(help="Or all in this state, as ERROR.")] = None,
    category: Annotated[str | None, typer.Option(help="All of this category.")] = None,
    account: Annotated[str | None, typer.Option(help="All of this account.")] = None,
    touchpoint: Annotated[str | None, typer.Option(help="All of this touchpoint.")] = None,
    search: Annotated[
        str | None, typer.Option("--q", "--search", help="All with these words.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Even if it was, or may have been, delivered; of many, only where --state"
            " SUCCESS or --category outcome_unknown names just those.",
        ),
    ] = False,
    url: Url = None,
) -> None:
    """Try a mail again, or all that match every filter named."""
    from franking.cli import retrying
    from franking.clock import SystemClock

    found = _filter(
        state=state, category=category, account=account, touchpoint=touchpoint, q=search
    )
    retrying.check(id, found)
    new_id = SystemClock().new_id()
    starting.through_door(
        "mail retry", url, lambda door: retrying.retry(door, id, found, force, new_id)
    )


@app.command()
def doctor() -> None:
    """Prove that no mail is stuck. Exit code 0: none is."""
    from franking.cli import databases
    from franking.clock import SystemClock

    starting.run(databases.doctor(starting.settings(), SystemClock()))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench(context: typer.Context, name: Annotated[str, typer.Argument()] = "mail") -> None:
    """Measure franking (in a checkout); further options go to the bench."""
    from franking.cli import benching

    benching.run(name, context.args)


def _filter(**values: Any) -> Filter:
    from franking.stores.base import Filter

    if values["state"]:
        values["state"] = values["state"].upper()
    return Filter(**values)
