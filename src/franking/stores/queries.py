"""Named queries: the `.sql` files of a dialect, and what runs them inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import aiosql

SQL = Path(__file__).parent / "sql"


class Db(Protocol):
    """One transaction of a database, in which named queries run.

    Lists go in and come out as JSON, so that a batch is one statement: with SQLite each step
    gives up the interpreter's lock and waits for it again, which would cost more than the row.
    """

    def run(self, name: str, **values: Any) -> int:
        """Run a query that writes; how many rows it wrote."""

    def value(self, name: str, **values: Any) -> Any:
        """The first column of the first row, None where there is no row."""

    def row(self, name: str, **values: Any) -> tuple[Any, ...] | None:
        """The first row."""

    def alone(self, do: Callable[[], None]) -> Exception | None:
        """Run `do` under a savepoint of its own; what it raised, which changed nothing."""


@cache
def load(dialect: str, folder: str = "") -> Mapping[str, str]:
    """The text of each named query of `sqlite` or `postgres`; in a folder are a dialect's own. They
    are read once."""
    driver = {"sqlite": "sqlite3"}.get(dialect, "psycopg")
    found: dict[str, str] = {}
    for path in sorted((SQL / dialect / folder).glob("*.sql")):
        queries = aiosql.from_path(path, driver, mandatory_parameters=False)
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                found[name] = getattr(queries, name).sql
    return found


def migrations(dialect: str) -> list[tuple[int, str]]:
    """Each numbered migration and its text, in order."""
    paths = sorted((SQL / dialect / "migrations").glob("[0-9]*.sql"))
    return [(int(path.name.partition("_")[0]), path.read_text()) for path in paths]
