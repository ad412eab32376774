"""One transaction on a SQLite connection, in which named queries run."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any


class SqliteDb:
    """`franking.stores.queries.Db` on one connection."""

    def __init__(self, connection: sqlite3.Connection, texts: Mapping[str, str]) -> None:
        self._execute = connection.execute
        self._texts = texts

    def run(self, name: str, **values: Any) -> int:
        return self._execute(self._texts[name], values).rowcount

    def value(self, name: str, **values: Any) -> Any:
        row = self.row(name, **values)
        return row[0] if row is not None else None

    def row(self, name: str, **values: Any) -> tuple[Any, ...] | None:
        cursor = self._execute(self._texts[name], values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        if row is not None:
            cursor.fetchone()  # ends the statement, so that it holds no lock
        return row

    def alone(self, do: Callable[[], None]) -> Exception | None:
        self._execute("SAVEPOINT alone")
        try:
            do()
        except Exception as error:
            self._execute("ROLLBACK TO alone")
            return error
        finally:
            self._execute("RELEASE alone")
        return None

    def pragma(self, name: str) -> int:
        return int(self._execute(f"PRAGMA {name}").fetchone()[0])
