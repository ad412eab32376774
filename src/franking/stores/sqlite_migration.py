"""Brings a SQLite file to the newest version, each step in one transaction."""

from __future__ import annotations

import sqlite3

from franking.stores.base import StoreRefused
from franking.stores.queries import migrations


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest version, each step in one transaction."""
    known = migrations("sqlite")
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            [version] = connection.execute("PRAGMA user_version").fetchone()
            if version > known[-1][0]:
                raise StoreRefused(
                    f"The database is of version {version}, this franking knows up to "
                    f"{known[-1][0]}. Start the newer franking, or restore an older database."
                )
            step = next(((n, text) for n, text in known if n > version), None)
            if step is None:
                return
            for statement in _statements(step[1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step[0]}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """The statements of a migration; a trigger's inner semicolons don't end it."""
    found, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
