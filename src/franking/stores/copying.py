"""Copies an installation from a SQLite file to PostgreSQL: every table, compared row by row.

Policy. The file is read in one transaction, and PostgreSQL is filled in one: whoever looks there
sees nothing, then all of it. What PostgreSQL keeps otherwise is said here and nowhere else: what it
makes by itself (MADE, DERIVED), and what its texts can't hold (U+0000 becomes U+FFFD, as the store
writes it; an inbox row keeps it spelled out, so that what was no JSON becomes none). Each row is
hashed as it goes in and again as it is read back, and each table must have as many rows and the
same sum. Leases that were under way go along as they are: they run out there as they would have
here, so what was `transmitting` ends as unknown, and nobody sends it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from franking.stores.base import StoreRefused
from franking.stores.copied_rows import Sum, lines

# What only the file has: the epoch is a sequence there.
ONLY_HERE = frozenset({"counter"})
# What only PostgreSQL has, and fills itself, or begins empty.
DERIVED = frozenset({"franking_version", "account_wake", "timer_wake", "touchpoint_search"})
# Columns that only PostgreSQL has: made from others, or by their default.
MADE = frozenset({("document", "search"), ("tally", "shard"), ("account", "head_at")})
# So many bytes are handed over at once.
BLOCK_BYTES = 512 * 1024


class Column(msgspec.Struct, frozen=True):
    """A column of both databases, with its type in PostgreSQL."""

    name: str
    type: str


class Table(msgspec.Struct, frozen=True):
    """A table of both databases."""

    name: str
    columns: tuple[Column, ...]


class Block(msgspec.Struct, frozen=True):
    """Rows as COPY takes them, and how many."""

    content: bytes
    rows: int


class Source(Protocol):
    """Where the rows come from, all of one moment."""

    def columns(self) -> dict[str, list[str]]:
        """Its tables, each with its columns."""

    def count(self, table: str) -> int:
        """How many rows it has."""

    def rows(self, table: Table) -> Iterator[Sequence[Any]]:
        """All of them."""

    def last_number(self, table: str) -> int | None:
        """The last seq that it ever gave; None where it has none of its own."""

    def last_epoch(self) -> int:
        """The last epoch that was drawn."""


class Target(Protocol):
    """Where they go, in one transaction."""

    def columns(self) -> dict[str, list[Column]]:
        """Its tables, each with its columns."""

    def begin(self, tables: Sequence[Table]) -> None:
        """Keep everybody away. Raises `StoreRefused` where it holds anything."""

    def fill(self, table: Table, blocks: Iterator[Block]) -> None:
        """Put rows into a table."""

    def number(self, table: str, last: int) -> None:
        """The next row is numbered beyond this."""

    def finish(self, last_epoch: int) -> None:
        """Make what is made of the rows, and let their changes bring about again what they do."""

    def sum(self, table: Table) -> Sum:
        """What the table has now."""


Told = Callable[[str, int], None]


def tables(source: Source, target: Target) -> list[Table]:
    """What is to be copied. Raises `StoreRefused` where the two don't fit each other."""
    here, there = source.columns(), target.columns()
    found = []
    for name in sorted({*here} - ONLY_HERE):
        columns = [one for one in there.get(name, []) if (name, one.name) not in MADE]
        if {one.name for one in columns} != {*here[name]}:
            raise StoreRefused(f"The table {name} is not the same in both: nothing was copied.")
        found.append(Table(name, tuple(columns)))
    return found


def copy(source: Source, target: Target, told: Told) -> int:
    """Copy all, and compare; how many rows. `told` hears the table and how many more went. Raises
    `StoreRefused`; nothing is committed here."""
    found = tables(source, target)
    target.begin(found)
    sums = {table.name: _filled(source, target, table, told) for table in found}
    target.finish(source.last_epoch())
    for table in found:
        there = target.sum(table)
        if there != sums[table.name]:
            raise StoreRefused(_differs(table.name, sums[table.name], there))
        told(table.name, 0)
    return sum(one.rows for one in sums.values())


def _filled(source: Source, target: Target, table: Table, told: Told) -> Sum:
    went = Sum()
    target.fill(table, _blocks(source, table, went, told))
    if source.count(table.name) != went.rows:
        raise StoreRefused(f"{table.name} was not read to its end: nothing was copied.")
    last = source.last_number(table.name)
    if last:
        target.number(table.name, last)
    return went


def _blocks(source: Source, table: Table, went: Sum, told: Told) -> Iterator[Block]:
    types = [(table.name, one.name, one.type) for one in table.columns]
    block, rows = bytearray(), 0
    for line in lines(types, source.rows(table)):
        went.add(line)
        block += line
        rows += 1
        if len(block) >= BLOCK_BYTES:
            yield Block(bytes(block), rows)
            told(table.name, rows)
            block, rows = bytearray(), 0
    yield Block(bytes(block), rows)
    told(table.name, rows)


def _differs(table: str, here: Sum, there: Sum) -> str:
    what = f"{there.rows:,} rows of {here.rows:,}" if here.rows != there.rows else "other rows"
    return f"{table} has {what} after the copy: it was undone, and nothing was copied."
