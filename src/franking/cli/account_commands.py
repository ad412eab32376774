"""The commands of `franking account` and their options. No option takes a secret."""

from __future__ import annotations

from typing import Annotated

import typer

from franking.cli import starting

account = typer.Typer(no_args_is_help=True, help="Senders' mailboxes: what mails go through.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The account's id.")]
Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Count = Annotated[int | None, typer.Option(min=0, help="0 is no limit of ours.")]


@account.command("set")
def set_(
    id: Id,
    address: Annotated[str | None, typer.Option(help="Its email address.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="gmail, google_workspace, microsoft365 or sendgrid.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--uri", help="smtps://user@host:465, without the password.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Instead of --uri.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535)] = None,
    secure: Annotated[bool | None, typer.Option(help="TLS from the start, as on 465.")] = None,
    user: Annotated[str | None, typer.Option(help="Who logs in; else the address.")] = None,
    client_id: Annotated[str | None, typer.Option(help="OAuth2 instead of a password.")] = None,
    token_url: Annotated[str | None, typer.Option(help="Else Google's.")] = None,
    per_minute: Count = None,
    per_day: Count = None,
    recipients_per_day: Count = None,
    connections: Count = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a new password (or OAuth2's secrets).")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    url: Url = None,
) -> None:
    """Make an account, or change what is named of it.

    Secrets are asked for, or read from ACCOUNT_PASSWORD, ACCOUNT_CLIENT_SECRET and
    ACCOUNT_REFRESH_TOKEN in the environment: an option would be seen in the process list.
    """
    from franking.cli import accounts
    from franking.cli.account_secrets import Asked

    through = {"uri": server, "host": host, "port": port, "secure": secure, "user": user}
    tokens = {"clientId": client_id, "tokenUrl": token_url}
    limits = {
        "perMinute": per_minute,
        "perDay": per_day,
        "recipientsPerDay": recipients_per_day,
        "connections": connections,
    }
    wanted = accounts.Wanted(address, preset, through, tokens, limits)
    asked = Asked(always=password, stdin=password_stdin)
    starting.through_door(
        "account set", url, lambda door: accounts.set_account(door, id, wanted, asked)
    )


@account.command("list")
def list_(as_json: AsJson = False, url: Url = None) -> None:
    """Every account, and whether it may send."""
    from franking.cli import accounts

    starting.through_door("account list", url, lambda door: accounts.list_accounts(door, as_json))


@account.command()
def show(id: Id, as_json: AsJson = False, url: Url = None) -> None:
    """One account: where it sends through, its limits, how it stands, what waits."""
    from franking.cli import accounts

    starting.through_door("account show", url, lambda door: accounts.show(door, id, as_json))


@account.command("test")
def sign_in(id: Id, as_json: AsJson = False, url: Url = None) -> None:
    """Sign in, send nothing, and say what is wrong. Exit code 0: it works."""
    from franking.cli import accounts

    starting.through_door("account test", url, lambda door: accounts.test(door, id, as_json))


@account.command()
def pause(
    id: Id,
    minutes: Annotated[int | None, typer.Option(min=1, help="For so long.")] = None,
    until: Annotated[str | None, typer.Option(help="As 2026-11-21T14:05:00Z.")] = None,
    reason: Annotated[str | None, typer.Option(help="What those who wait are told.")] = None,
    url: Url = None,
) -> None:
    """Send nothing from it: for a while, or until it is resumed."""
    from franking.cli import accounts

    given = {"minutes": minutes, "until": until, "reason": reason}
    starting.through_door("account pause", url, lambda door: accounts.pause(door, id, given))


@account.command()
def resume(id: Id, url: Url = None) -> None:
    """Send from it again; what waited goes in order, spread out."""
    from franking.cli import accounts

    starting.through_door("account resume", url, lambda door: accounts.resume(door, id))


@account.command()
def delete(id: Id, url: Url = None) -> None:
    """Forget it and its secret; mails that still name it end in ERROR, which says so."""
    from franking.cli import accounts

    starting.through_door("account delete", url, lambda door: accounts.delete(door, id))


@account.command()
def rekey(url: Url = None) -> None:
    """Put every secret under the first key of FRANKING_SECRET_KEY; then others may be dropped."""
    from franking.cli import accounts

    starting.through_door("account rekey", url, accounts.rekey)
