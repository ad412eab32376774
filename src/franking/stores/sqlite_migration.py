"""Brings a SQLite file to the newest version, each step in one transaction."""

from __future__ import annotations

import sqlite3

from franking.stores.queries import load, migrations
from franking.stores.versions import Version, after, check


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest version. Raises `StoreRefused`."""
    known = migrations("sqlite")
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = version(connection)
            check(found, known[-1][0])
            step = next(((n, text) for n, text in known if n > found.number), None)
            if step is None:
                return
            for statement in _statements(step[1]):
                connection.execute(statement)
            _raise(connection, after(found, *step))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")


def version(connection: sqlite3.Connection) -> Version:
    """The version of the file, 0 where it is empty."""
    [number] = connection.execute("PRAGMA user_version").fetchone()
    texts = load("sqlite", "own")
    if connection.execute(texts["least_is_kept"]).fetchone() is None:
        return Version(number, number)
    [least] = connection.execute(texts["least"]).fetchone()
    return Version(number, least)


def _raise(connection: sqlite3.Connection, new: Version) -> None:
    """Say the version; the least is kept only where it is another."""
    texts = load("sqlite", "own")
    connection.execute(f"PRAGMA user_version = {new.number}")
    connection.execute(texts["forget_least"])
    if new.least != new.number:
        connection.execute(texts["keep_least"].format(least=new.least))


def _statements(script: str) -> list[str]:
    """The statements of a migration; a trigger's inner semicolons don't end it."""
    found, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
