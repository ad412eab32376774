"""What is on disk, read with plain SQL past franking's own code, on either database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

# A file of SQLite, or the URL of a database in PostgreSQL.
Database = Path | str

Found = list[dict[str, Any]]


@contextmanager
def reading(database: Database) -> Iterator[Callable[[str], Found]]:
    """Ask it, row by row as its columns are named; in PostgreSQL everything as of one moment."""
    if isinstance(database, Path):
        with closing(sqlite3.connect(database)) as connection:
            connection.row_factory = sqlite3.Row
            yield lambda sql: [dict(row) for row in connection.execute(sql)]
        return
    with psycopg.connect(database, row_factory=dict_row) as there:
        there.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield lambda sql: there.execute(sql.encode()).fetchall()
