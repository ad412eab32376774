"""The databases that keep the contract of `stores/base`: how each is opened, and planted past it.

A second database joins by one more yard in `YARDS`; every `test_contract_*` then runs on it too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from franking.stores.base import Store
from franking.stores.postgres import PostgresStore
from franking.stores.sqlite import SqliteStore
from postgres import cluster, template

# Where there is a folder in memory, tests wait for no disk. A disk's own trouble is played in
# the test's usual folder.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Application(Protocol):
    """A connection of its own to the database."""

    def execute(self, statement: Any, /) -> Any:
        """Run a statement."""


class Yard(Protocol):
    """An empty database of its own, for one test."""

    def store(self) -> Store:
        """A store on it, not yet open; another process's, if one is open already."""

    def plant(self, statement: str) -> None:
        """Write past the store what the store itself never writes, in SQL that all speak."""

    def application(self) -> AbstractContextManager[Application]:
        """Another program's connection, which begins and ends its transactions itself."""

    def count(self, table: str) -> int:
        """How many rows a table has."""

    def close(self) -> None:
        """Nobody needs it any more."""


class SqliteYard:
    """A file in the test's own folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "franking.db"

    def store(self) -> Store:
        return SqliteStore(self.path)

    def plant(self, statement: str) -> None:
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute(statement)
        connection.close()

    def application(self) -> AbstractContextManager[Application]:
        return closing(sqlite3.connect(self.path, isolation_level=None))

    def count(self, table: str) -> int:
        connection = sqlite3.connect(self.path)
        [found] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        connection.close()
        return int(found)

    def close(self) -> None:
        """Its folder goes."""


class PostgresYard:
    """A database of its own in the cluster of this process, copied from one that is migrated."""

    def __init__(self, folder: Path) -> None:
        self._cluster = cluster()
        self.name = self._cluster.create(template())
        self._made = [self.name]

    @property
    def url(self) -> str:
        return self._cluster.url(self.name)

    def empty(self) -> str:
        """Where a database is that nobody has migrated."""
        self._made.append(self._cluster.create())
        return self._cluster.url(self._made[-1])

    def store(self) -> Store:
        return PostgresStore(self.url)

    def plant(self, statement: str) -> None:
        self._cluster.execute(statement, self.name)

    def application(self) -> AbstractContextManager[Application]:
        return psycopg.connect(self.url, autocommit=True)

    def count(self, table: str) -> int:
        return self._ask(f"SELECT count(*) FROM {table}")[0]

    def head_at(self) -> int:
        """Where the queue of the account that has one begins."""
        return self._ask("SELECT max(head_at) FROM account")[0]

    def backends(self) -> list[int]:
        """The processes of the server that write, read and listen here."""
        return self._ask(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def blocked(self) -> int:
        """How many wait for somebody's lock."""
        [count] = self._ask(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return count

    def disconnect(self) -> None:
        """Take its connection from everybody."""
        for pid in self.backends():
            self._ask(f"SELECT pg_terminate_backend({pid}, 5000)::int")

    def close(self) -> None:
        for name in self._made:
            self._cluster.drop(name)

    def _ask(self, query: str) -> list[int]:
        with psycopg.connect(self.url) as connection:
            return [int(row[0]) for row in connection.execute(query.encode())]


YARDS: dict[str, Callable[[Path], Yard]] = {"sqlite": SqliteYard, "postgres": PostgresYard}
