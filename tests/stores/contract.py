"""The databases that keep the contract of `stores/base`: how each is opened, and planted past it.

A second database joins by one more yard in `YARDS`; every `test_contract_*` then runs on it too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from franking.stores.base import Store
from franking.stores.sqlite import SqliteStore

# Where there is a folder in memory, tests wait for no disk. A disk's own trouble is played in
# the test's usual folder.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Yard(Protocol):
    """An empty database of its own, for one test."""

    def store(self) -> Store:
        """A store on it, not yet open; another process's, if one is open already."""

    def plant(self, statement: str) -> None:
        """Write past the store what the store itself never writes, in SQL that all speak."""

    def count(self, table: str) -> int:
        """How many rows a table has."""


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

    def count(self, table: str) -> int:
        connection = sqlite3.connect(self.path)
        [found] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        connection.close()
        return int(found)


YARDS: dict[str, Callable[[Path], Yard]] = {"sqlite": SqliteYard}
