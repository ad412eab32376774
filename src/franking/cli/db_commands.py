"""`franking db`: the commands on the database itself; each hands over to a module imported then."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from franking.cli import starting

db = typer.Typer(no_args_is_help=True, help="The database.")


@db.command()
def migrate() -> None:
    """Bring the database to this version."""
    from franking.cli import databases

    starting.run(databases.migrate(starting.settings()))


@db.command()
def status() -> None:
    """The database's version, and who uses it."""
    from franking.cli import databases

    databases.status(starting.settings())


@db.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, for the copy.")],
) -> None:
    """Copy the database as it is now, beside a `serve` that goes on."""
    from franking.cli import backups

    backups.backup(starting.settings(), file)


@db.command("after-restore")
def after_restore(
    keep_later: Annotated[
        bool,
        typer.Option(
            "--keep-later", help="Leave mails that were never tried and are due after now."
        ),
    ] = False,
) -> None:
    """End in doubt what a restored backup takes for unsent, before anything is sent."""
    from franking.cli import backups
    from franking.clock import SystemClock

    starting.run(backups.after_restore(starting.settings(), SystemClock(), keep_later))


@db.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="sqlite:///PATH", help="Where it is now.")],
    target: Annotated[
        str, typer.Argument(metavar="postgresql://…", help="An empty database, migrated.")
    ],
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Only see how it goes; a `serve` may go on.")
    ] = False,
) -> None:
    """Move everything from a SQLite file to PostgreSQL. The file is not served any more then."""
    from franking.cli import copying

    copying.copy(starting.settings(), source, target, rehearse)


@db.command()
def reopen() -> None:
    """Let a file that `db copy` moved be served again. Nothing may have been sent from the copy."""
    from franking.cli import copying

    copying.reopen(starting.settings())
