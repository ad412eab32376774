"""Whatever a row holds arrives in PostgreSQL as it was, and a sum tells rows apart."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from franking.stores.copied_rows import Sum, lines
from franking.stores.sqlite_source import SqliteSource

from .contract import PostgresYard
from .copied import copied

TEXTS = (
    *("plain", "", "\\N", "\\", "\\\\.", "\\.", "a\tb\nc\rd\be\ff\vg", "\x01\x1f\x7f\x85\u2028"),
    *("Ω 你好 🐟", "a\0b", '{"a":"\\u0000"}', '{"a":"\\\\u0000"}', "'\"%s %(x)s {} $1"),
)
REALS = (0.0, 5.0, 0.1, 1e-7, 123456789.123, 1e15, 1.5e16, 12345678901234567.0)

# What checks say of other columns than a state, and columns that hold no value twice.
PASSING = {
    ("mail", "on_unknown"): "ask",
    ("mail", "stage"): "claimed",
    ("mail", "outcome"): None,
    ("tally", "what"): "sent",
    ("timer_life", "ended_by"): "created",
    ("webhook", "include"): "doc",
    ("touchpoint", "kind"): "manual",
}
UNIQUE = ("id", "fingerprint", "event_id")


def odd_value(type: str, name: str, n: int) -> Any:
    if type == "INTEGER":
        return (n, -n, 2**63 - 1 - n, -(2**63) + n)[n % 4] if name != "seq" else n + 1
    if type == "REAL":
        return REALS[n % len(REALS)]
    return TEXTS[n % len(TEXTS)] if type == "TEXT" else bytes(range(n, 256))


def fill(file: Path) -> None:
    """Rows with odd values in every table, whatever they mean there."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for name in ("writable_schema", "ignore_check_constraints"):
            connection.execute(f"PRAGMA {name} = ON")
        triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        for (trigger,) in connection.execute(triggers).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for name in copied_tables(file):
            info = connection.execute(f"PRAGMA table_info({name})").fetchall()
            connection.execute(f"DELETE FROM {name}")
            for n in range(len(TEXTS)):
                row = [_cell(name, column, n) for column in info]
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)


def _cell(table: str, column: tuple[Any, ...], n: int) -> Any:
    """A value that the checks of PostgreSQL let pass."""
    _, name, type, must, _, key = column
    if name == "state":
        return _state(table)
    if (table, name) in PASSING:
        return PASSING[table, name]
    if (table, name) == ("session_secret", "secret"):
        return f"{n:064x}"
    if key or name in UNIQUE:
        return f"{name}-{n}" if type == "TEXT" else n + 1
    return None if not must and n % 5 == 4 else odd_value(type, name, n)


def _state(table: str) -> str:
    return {"mail": "SUCCESS", "timer": "served", "account": "ok", "webhook": "ok"}.get(
        table, "waiting"
    )


def copied_tables(file: Path) -> list[str]:
    source = SqliteSource(file, "there", moving=False)
    try:
        return sorted({*source.columns()} - {"counter"})
    finally:
        source.close()


async def test_every_value_of_every_table_arrives(sqlite_file: Path, own: PostgresYard) -> None:
    own.plant("ALTER TABLE outlet DROP CONSTRAINT outlet_id_check")
    own.plant("ALTER TABLE session_secret DROP CONSTRAINT session_secret_id_check")
    with closing(sqlite3.connect(sqlite_file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (id = 1)', '')"
            " WHERE name IN ('outlet', 'session_secret')"
        )
    fill(sqlite_file)
    names = copied_tables(sqlite_file)
    assert copied(sqlite_file, own) == len(names) * len(TEXTS)
    with closing(sqlite3.connect(sqlite_file)) as here, psycopg.connect(own.url) as there:
        for name in names:
            columns = ", ".join(column[1] for column in here.execute(f"PRAGMA table_info({name})"))
            query = f"SELECT {columns} FROM {name}"
            rows = [tuple(map(_arrived, row)) for row in here.execute(query)]
            found = there.execute(query.encode()).fetchall()
            if name in ("account", "mail", "timer"):
                rows = [tuple(map(_unescaped, row)) for row in rows]
                found = [tuple(map(_unescaped, row)) for row in found]
            if name == "inbox":
                rows = [tuple(map(_without, row)) for row in rows]
                found = [tuple(map(_without, row)) for row in found]
            assert sorted(map(repr, rows)) == sorted(map(repr, found)), name


def _arrived(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _unescaped(value: Any) -> Any:
    """What jsonb can't hold is told apart in a test of its own."""
    is_one = isinstance(value, str) and value.startswith('{"a"')
    return value.replace('"\\u0000', '"\\ufffd') if is_one else value


def _without(value: Any) -> Any:
    """Documents that are no text are told apart in a test of their own."""
    if isinstance(value, bytes) or (isinstance(value, str) and len(value) > 100):
        return "odd"
    return value


@pytest.mark.parametrize(
    ("column", "value", "line"),
    [
        (("account", "settings", "text"), b'{"a":"\\u0000"}', b'{"a":"\\\\ufffd"}'),
        (("account", "settings", "text"), b'{"a":"\\\\u0000"}', b'{"a":"\\\\\\\\u0000"}'),
        (("document", "body", "text"), b'{"a":"\\u0000"}', b'{"a":"\\\\u0000"}'),
        (("mail", "error", "text"), b"a\0b", "a\ufffdb".encode()),
        (("mail", "error", "text"), b"\xff", "\ufffd".encode()),
        (("mail", "error", "text"), None, b"\\N"),
        # What was no JSON is none afterwards.
        (("inbox", "document", "text"), b'{"a":"\xff"}', b'{"a":"\\\\xff"}'),
        (("inbox", "document", "text"), b'{"a":"\0"}', b'{"a":"\\\\x00"}'),
        (("inbox", "document", "text"), 5, b"5"),
        (("inbox", "id", "text"), b"a\xff", "a\ufffd".encode()),
        (("account", "secret", "bytea"), b"\0\xff", b"\\\\x00ff"),
        (("account", "tokens", "double precision"), 5.0, b"5"),
        (("account", "tokens", "double precision"), 1.5e16, b"1.5e+16"),
    ],
)
def test_a_value_is_written_so(column: tuple[str, str, str], value: Any, line: bytes) -> None:
    assert list(lines([column], [[value]])) == [line + b"\n"]
    if column[0] == "inbox" and isinstance(value, bytes) and column[1] == "document":
        with pytest.raises(ValueError, match="escape"):
            json.loads(line.replace(b"\\\\", b"\\"))


def test_a_sum_tells_rows_apart_but_not_their_order() -> None:
    def summed(*given: bytes) -> Sum:
        found = Sum()
        for line in given:
            found.add(line)
        return found

    assert summed(b"a", b"b") == summed(b"b", b"a")
    assert summed(b"a", b"b") != summed(b"a", b"a")
    assert summed(b"a", b"a") != summed(b"b", b"b")
    assert summed(b"a") != summed(b"a", b"a")
