"""A database in PostgreSQL as `franking db copy` fills it: in one transaction, by COPY.

Policy. The database is migrated, and empty but for what a new schema has; anything else is refused
by its table's name, and so is one at which a franking serves. Its tables are locked until the
commit. Triggers are off meanwhile, as what they bring about comes along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import psycopg

from franking.stores.base import StoreRefused
from franking.stores.copied_rows import Sum
from franking.stores.copying import Block, Column, Table
from franking.stores.postgres_link import LOCK_MS, Target, connect, explain
from franking.stores.postgres_session import unreachable
from franking.stores.queries import load

# Reading a row and writing it may take as long as it takes.
BEGIN = (
    f"BEGIN; SET LOCAL lock_timeout = {LOCK_MS}; SET LOCAL statement_timeout = 0;"
    " SET LOCAL idle_in_transaction_session_timeout = 0"
)
# What a new schema has in these, and nothing else.
NEW = {
    "outlet": "WHERE paused_until IS NOT NULL OR reason IS NOT NULL OR since IS NOT NULL",
    "collection": "WHERE version <> 0",
    "installation": "OFFSET 1",
}


class PostgresTarget:
    """`franking.stores.copying.Target`, from its making to `commit` or `close`. Raises
    `StoreRefused`."""

    def __init__(self, place: Target) -> None:
        self._place = place
        self._texts = load("postgres", "copying")
        self._off: list[tuple[str, str]] = []
        try:
            self._link = connect(msgspec.structs.replace(place, prepare=False))
            self._link.answer_seconds = None
        except psycopg.Error as error:
            raise StoreRefused(unreachable(place, error)) from error
        self._names: list[str] = []
        self._link.execute(BEGIN)

    def commit(self) -> None:
        """What was filled is there for good. Raises `psycopg.Error`, after which nobody knows."""
        self._link.execute("COMMIT")

    @property
    def lost(self) -> bool:
        """Is there no connection any more?"""
        return self._link.closed or self._link.broken

    def close(self) -> None:
        """What was not committed is gone."""
        self._link.close()

    def columns(self) -> dict[str, list[Column]]:
        found: dict[str, list[Column]] = {}
        for table, column, type in self._value("columns_there"):
            found.setdefault(table, []).append(Column(column, type))
        return found

    def begin(self, tables: Sequence[Table]) -> None:
        names = self._names = [table.name for table in tables]
        try:
            self._run("lock_all", tables=_listed(names))
        except psycopg.errors.LockNotAvailable as error:
            raise StoreRefused(f"{self._place.name} is being used: {explain(error)}") from error
        for name in names:
            if self._value("holds_any", table=name, which=NEW.get(name, "")):
                raise StoreRefused(
                    f"{self._place.name} is not empty: there is something in the table {name}."
                    " Name a new database, migrated and used by nobody."
                )
        self._off = self._value("triggers_there", {"tables": names})
        for table, trigger in self._off:
            self._run("trigger_off", table=table, trigger=trigger)
        for name in NEW:
            self._run("empty_there", table=name)
        self._run("make_finding")
        self._run("find_documents")

    def fill(self, table: Table, blocks: Iterator[Block]) -> None:
        columns = _listed(column.name for column in table.columns)
        statement = f'COPY "{table.name}" ({columns}) FROM STDIN'
        with self._link.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for block in blocks:
                copy.write(block.content)

    def number(self, table: str, last: int) -> None:
        self._value("number_rows", {"table": table, "last": last})

    def finish(self, last_epoch: int) -> None:
        self._run("find_no_documents")
        self._run("find_touchpoints")
        if last_epoch:
            self._value("number_epochs", {"last": last_epoch})
        for table, trigger in self._off:
            self._run("trigger_on", table=table, trigger=trigger)
        self._link.execute(f"ANALYZE {_listed(self._names)}".encode())

    def sum(self, table: Table) -> Sum:
        columns = _listed(column.name for column in table.columns)
        query = self._texts["rows_there"].format(table=f'"{table.name}"', columns=columns)
        found, rest = Sum(), b""
        with self._link.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
            for piece in copy:
                *whole, rest = (rest + bytes(piece)).split(b"\n")
                for line in whole:
                    found.add(line + b"\n")
        return found

    def _run(self, name: str, **words: str) -> None:
        self._link.execute(self._texts[name].format(**words).encode())

    def _value(self, name: str, values: dict[str, Any] | None = None, **words: str) -> Any:
        row = self._link.execute(self._texts[name].format(**words).encode(), values).fetchone()
        return None if row is None else row[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
