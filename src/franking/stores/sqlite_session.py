"""The connection that writes to a SQLite file, and what SQLite's errors mean for a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from franking.stores.base import AlreadyExists, StoreUnavailable
from franking.stores.sqlite_db import SqliteDb


class SqliteSession:
    """`franking.stores.writer.Session` on one connection."""

    near = True

    def __init__(self, connection: sqlite3.Connection, texts: Mapping[str, str]) -> None:
        self.connection = connection
        self.db = SqliteDb(connection, texts)
        self._changes = 0

    def begin(self) -> None:
        self._changes = self.connection.total_changes
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> bool:
        self.connection.execute("COMMIT")
        return self.connection.total_changes != self._changes

    def undo(self) -> None:
        if self.begun:
            self.connection.execute("ROLLBACK")

    def apart(self, do: Callable[[], None]) -> None:
        self.connection.execute("SAVEPOINT caller")
        try:
            do()
        except BaseException:
            if self.begun:
                self.connection.execute("ROLLBACK TO caller")
                self.connection.execute("RELEASE caller")
            raise
        self.connection.execute("RELEASE caller")

    @property
    def begun(self) -> bool:
        return self.connection.in_transaction

    def again(self, error: Exception, tries: int) -> bool:
        return False  # there is no other writer to have been in the way

    def told(self, error: Exception) -> BaseException:
        if isinstance(error, sqlite3.IntegrityError):
            return AlreadyExists(f"The database holds that already: {error}.")
        if isinstance(error, sqlite3.Error):
            return StoreUnavailable(explain(error))
        return error

    def rest(self, busy: bool) -> None:
        """Others see the file change by themselves."""


def explain(error: sqlite3.Error) -> str:
    """What a database's error means and what to do, for a person."""
    words = str(error)
    for sign, meaning in _MEANINGS:
        if sign in words:
            return meaning
    return f"The database can't be used: {words}. Nothing was written."


_MEANINGS = (
    (
        "database or disk is full",
        "The disk is full: nothing was written. Make room; franking goes on by itself.",
    ),
    ("database is locked", "Another process holds the database. Try again, or stop that process."),
    ("readonly database", "The database is read-only. Let franking write the file and its folder."),
    ("disk I/O error", "The disk failed: nothing was written. Look at the disk, then try again."),
    ("disk image is malformed", "The database file is damaged. Restore it from a backup."),
)
