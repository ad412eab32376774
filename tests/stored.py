"""The store of tests that go through one: SQLite's, or with TESTS_DATABASE=postgresql PostgreSQL's.

A folder stands for a database, on either: who opens it again finds what was there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from franking.stores.base import Store
from franking.stores.postgres import PostgresStore
from franking.stores.sqlite import SqliteStore
from postgres import cluster, template

ON_POSTGRESQL = os.environ.get("TESTS_DATABASE") == "postgresql"
FILE = "franking.db"

_names: dict[Path, str] = {}


def database_url(folder: Path) -> str:
    """Where the database of a folder is, as DATABASE_URL has it; made if it is not there."""
    if not ON_POSTGRESQL:
        return f"sqlite:///{folder}/{FILE}"
    if folder not in _names:
        _names[folder] = cluster().create(template())
    return cluster().url(_names[folder])


def new_store(folder: Path) -> Store:
    """A store on the database of a folder, not yet open."""
    if ON_POSTGRESQL:
        return PostgresStore(database_url(folder))
    return SqliteStore(folder / FILE)


def drop() -> None:
    """Drop the databases of all folders, but for those that go with their folders."""
    while _names:
        cluster().drop(_names.popitem()[1])


class Application:
    """Somebody else's connection to a database; `?` stands for a value on either."""

    def __init__(self, folder: Path) -> None:
        self._link: Any
        if ON_POSTGRESQL:
            self._link = psycopg.connect(database_url(folder))
        else:
            self._link = sqlite3.connect(folder / FILE, timeout=10)

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Run a statement; its cursor."""
        return self._link.execute(self._words(statement), values)

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement for each row."""
        self._link.cursor().executemany(self._words(statement), rows)

    def rollback(self) -> None:
        """Undo what was not committed."""
        self._link.rollback()

    def _words(self, statement: str) -> str:
        return statement.replace("?", "%s") if ON_POSTGRESQL else statement


@contextmanager
def application(folder: Path) -> Iterator[Application]:
    """An application that opens the database of a folder and commits at the end."""
    made = Application(folder)
    with closing(made._link), made._link:
        yield made
