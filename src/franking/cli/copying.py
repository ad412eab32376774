"""`franking db copy` and `db reopen`: from a SQLite file to PostgreSQL, with a bar, and back."""

from __future__ import annotations

import sys
from types import TracebackType

from msgspec.structs import replace
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from franking.app import moving
from franking.app.lock import InUse
from franking.cli.exits import Code, Ended
from franking.config import Settings
from franking.config.database import POSTGRESQL, SQLITE, database_url

NAMES = "Name them so: franking db copy sqlite:////var/lib/franking/franking.db postgresql://…"


def copy(settings: Settings, source: str, target: str, rehearse: bool) -> None:
    """Move the installation, or see how that would go. Raises `StoreRefused`."""
    _check_names(source, target)
    here = replace(settings, database_url=_read("source", source))
    there = replace(settings, database_url=_read("target", target))
    path = here.database_path
    try:
        with Progress() as progress:
            moved = moving.move(there, path, rehearse, progress.begun)
    except InUse as error:
        raise Ended(
            Code.DATABASE_REFUSED,
            f"{error} Stop it first: what it sends while it is copied would be sent again."
            " With --rehearse you see beside it how long that takes.",
        ) from None
    seconds = max(moved.took_ms, 1) / 1000
    rate = f"{moved.rows:,} rows of {moved.tables} tables in {seconds:.1f} s"
    print(f"Copied and compared {rate} ({moved.rows / seconds:,.0f} rows/s).")
    if rehearse:
        print("It was a rehearsal: nothing was kept of it.")
        return
    print(f"{path} is marked as moved, and is served no more.")
    print("Set FRANKING_DATABASE_URL to the new one, then start `franking serve`.")


def reopen(settings: Settings) -> None:
    """Let a file be served again from which nothing else was. Raises `StoreRefused`."""
    place = moving.reopen(settings)
    if place is None:
        raise Ended(Code.FAILED, f"{settings.database_path} was not moved: it can be served.")
    print(f"{settings.database_path} may be served again. Serve nothing from {place}:")
    print("what waits is in both, and would be sent from both.")


class Progress:
    """A bar over the rows on a terminal's stderr; else a line there for each table."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._terminal = console.is_terminal
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("Copying", total=None)
        self._table, self._rows = "", 0

    def begun(self, rows: int) -> moving.Told:
        """There are so many; the other end of it hears how many more went."""
        self._bar.update(self._task, total=rows)
        return self._told

    def _told(self, table: str, rows: int) -> None:
        self._bar.update(self._task, advance=rows, description=f"Copying {table}")
        if table != self._table:
            self._end()
            self._table = table
        self._rows += rows

    def _end(self) -> None:
        if self._rows and not self._terminal:
            print(f"{self._table}: {self._rows:,} rows", file=sys.stderr)
        self._rows = 0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._end()
        self._bar.stop()


def _check_names(source: str, target: str) -> None:
    """Only this way round. Raises `Ended`."""
    if source.startswith(POSTGRESQL):
        words = "From PostgreSQL nothing is copied: it is backed up with its own (pg_dump)."
        raise Ended(Code.USAGE, f"{words} {NAMES}")
    if not source.startswith(SQLITE):
        raise Ended(Code.USAGE, f"{_scheme(source)} is no source. {NAMES}")
    if target.startswith(SQLITE):
        words = "A file is copied to a file by `franking db backup`."
        raise Ended(Code.USAGE, f"{words} {NAMES}")
    if not target.startswith(POSTGRESQL):
        raise Ended(Code.USAGE, f"{_scheme(target)} is no target. {NAMES}")


def _scheme(url: str) -> str:
    """What stands before the colon: behind it may be a password."""
    return f"{url.partition(':')[0]}:" if ":" in url else url


def _read(what: str, url: str) -> str:
    try:
        return database_url(url)
    except ValueError as error:
        raise Ended(Code.USAGE, f"The {what} {error}.") from None
