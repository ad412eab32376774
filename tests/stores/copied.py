"""A SQLite file that is copied to a database in PostgreSQL, and what is planted in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from franking.stores.copying import copy
from franking.stores.postgres_link import target
from franking.stores.postgres_target import PostgresTarget
from franking.stores.sqlite_source import SqliteSource

from .contract import PostgresYard


def copied(file: Path, own: PostgresYard) -> int:
    source, there = SqliteSource(file, "there", moving=False), PostgresTarget(target(own.url))
    try:
        count = copy(source, there, lambda table, rows: None)
        there.commit()
        return count
    finally:
        there.close()
        source.close()


def plant(file: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)
