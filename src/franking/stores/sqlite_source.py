"""A SQLite file as `franking db copy` reads it, and the mark that it leaves there.

Policy. What is read is of one moment. Who moves holds the file's write lock meanwhile, so that no
application writes into the inbox what would be left behind. The mark is on disk before PostgreSQL
commits: a crash between the two leaves a file that says where to look, never two that both send. A
marked file is not served, and refuses what applications insert.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from franking.stores.base import StoreRefused
from franking.stores.copying import Table
from franking.stores.queries import load, migrations
from franking.stores.sqlite import BACKUP_MARK, BUSY_MS, IS_BACKUP, MOVED_MARK, NOT_MOVED
from franking.stores.sqlite_migration import migrate
from franking.stores.sqlite_session import explain

ROWS_AT_ONCE = 500


class Sealed(msgspec.Struct, frozen=True):
    """A secret as it is kept: of an `account` or a `webhook`, by its id."""

    kind: str
    id: str
    secret: bytes


class SqliteSource:
    """`franking.stores.copying.Source`; `moving` it keeps everybody from writing until `close`.

    Raises `StoreRefused` where the file is not to be copied to `place`: it is a backup, of another
    version, or was moved elsewhere.
    """

    def __init__(self, path: Path, place: str, *, moving: bool) -> None:
        self._path = path
        self._place = place
        self._texts = load("sqlite", "own")
        try:
            # Not by a URI and read-only: what a killed process left in the log is taken in.
            self._connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreRefused(f"{path}: {explain(error)}") from error
        self._connection.text_factory = bytes
        try:
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("BEGIN IMMEDIATE" if moving else "BEGIN")
            self._check()
        except sqlite3.Error as error:
            self.close()
            raise StoreRefused(f"{path}: {explain(error)}") from error
        except StoreRefused:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def columns(self) -> dict[str, list[str]]:
        """Franking's own tables; an application's beside them stay where they are."""
        return {name: self._columns(name) for name in _own_tables(self._texts["tables_here"])}

    def count(self, table: str) -> int:
        return int(self._value("count_here", table=table))

    def rows(self, table: Table) -> Iterator[Sequence[Any]]:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        query = self._texts["rows_here"].format(table=table.name, columns=columns)
        cursor = self._connection.execute(query)
        while found := cursor.fetchmany(ROWS_AT_ONCE):
            yield from found

    def last_number(self, table: str) -> int | None:
        query = self._texts["numbered_here"]
        row = self._connection.execute(query, {"table": table}).fetchone()
        return None if row is None else int(row[0])

    def last_epoch(self) -> int:
        return int(self._value("epochs_here"))

    def sealed(self) -> list[Sealed]:
        """Every secret that needs a key."""
        rows = self._connection.execute(self._texts["sealed_here"]).fetchall()
        return [Sealed(kind.decode(), id.decode(), secret) for kind, id, secret in rows]

    def leave(self, now: int) -> None:
        """Say for good that everything is elsewhere; others may write again, and are told."""
        if self._mark() != MOVED_MARK:
            run = self._connection.execute
            run(self._texts["make_moved"])
            run(self._texts["write_moved"], {"target": self._place, "at": now})
            run(self._texts["close_inbox"])
            run(f"PRAGMA application_id = {MOVED_MARK}")
        self._connection.execute("COMMIT")

    def _check(self) -> None:
        mark = self._mark()
        if mark == BACKUP_MARK:
            raise StoreRefused(IS_BACKUP.format(self._path))
        if mark == MOVED_MARK:
            self._check_unfinished(self._value("moved_to").decode())
        [found] = self._connection.execute("PRAGMA user_version").fetchone()
        known = migrations("sqlite")[-1][0]
        if found != known:
            step = "franking db migrate" if found < known else "the newer franking"
            raise StoreRefused(
                f"{self._path} is of version {found}, this franking copies {known}: use {step}."
            )

    def _check_unfinished(self, place: str) -> None:
        """To the same place it is begun again: unless that is still empty, it refuses."""
        if place != self._place:
            raise StoreRefused(NOT_MOVED.format(path=self._path, place=place))

    def _mark(self) -> int:
        return int(self._connection.execute("PRAGMA application_id").fetchone()[0])

    def _columns(self, table: str) -> list[str]:
        rows = self._connection.execute(f"PRAGMA table_info({table})").fetchall()
        return [row[1].decode() for row in rows]

    def _value(self, name: str, **words: str) -> Any:
        return self._connection.execute(self._texts[name].format(**words)).fetchone()[0]


def moved_to(path: Path) -> str | None:
    """Where the installation was moved from a file, None where it is there. Raises
    `StoreRefused`."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            [mark] = file.execute("PRAGMA application_id").fetchone()
            if mark != MOVED_MARK:
                return None
            [place] = file.execute(load("sqlite", "own")["moved_to"]).fetchone()
            return str(place)
    except sqlite3.Error as error:
        raise StoreRefused(f"{path}: {explain(error)}") from error


def unmark(path: Path) -> str | None:
    """Let the file be served again; where it had been moved to, None where it had not."""
    texts = load("sqlite", "own")
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        [mark] = connection.execute("PRAGMA application_id").fetchone()
        if mark != MOVED_MARK:
            return None
        [place] = connection.execute(texts["moved_to"]).fetchone()
        connection.execute(texts["open_inbox"])
        connection.execute(texts["forget_moved"])
        connection.execute("PRAGMA application_id = 0")
        connection.execute("COMMIT")
        return str(place)
    finally:
        connection.close()


def _own_tables(query: str) -> list[str]:
    """What a new file of this franking has."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(connection)
        return [name for (name,) in connection.execute(query)]
    finally:
        connection.close()
