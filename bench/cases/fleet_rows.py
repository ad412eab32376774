"""Fills a PostgreSQL with mails, in SQL: those that wait, and those that ended long ago.

The indexes that no constraint needs are made after the rows, which is as fast as can be; then all
is vacuumed and analyzed, as after a quiet night.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiosql
import msgspec
import psycopg

from bench.cases.documents import short
from bench.cases.fleet_server import connected
from bench.cases.run import Run
from franking.clock import SystemClock
from franking.core.delivery import Stage

STEP = 100_000
# Large numbers of rows are worth making the indexes anew.
MANY = 50_000

_SQL = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg", mandatory_parameters=False)
_BODY = msgspec.json.encode(short(0)).decode()


class Rows(msgspec.Struct, frozen=True):
    """How many mails wait and how many have ended, of so many accounts."""

    waiting: int
    finished: int = 0
    accounts: int = 1


def fill(run: Run, url: str, rows: Rows) -> None:
    """Into a new database."""
    now = SystemClock().now() - 3_600_000
    given = {"now": now, "accounts": rows.accounts, "body": _BODY, "steps": _steps(now)}
    total = rows.waiting + rows.finished
    with connected(url) as connection, run.steps(f"writing {total:,} mails", total) as step:
        # Nothing here need survive a power cut; what is measured commits as franking does.
        connection.execute("SET synchronous_commit = off")
        indexes = _unindexed(connection) if total > MANY else []
        for name, begin, end in (
            ("finished", 1, rows.finished + 1),
            ("waiting", rows.finished + 1, total + 1),
        ):
            for first in range(begin, end, STEP):
                last = min(first + STEP, end)
                _run(connection, name, {**given, "first": first, "last": last})
                step(last - first)
        for index in indexes:
            connection.execute(index.encode())
        _run(connection, "accounts", given)
        _run(connection, "counters", {"last": total})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _unindexed(connection: psycopg.Connection[Any]) -> list[str]:
    """Drop indexes; how to make them again."""
    found = [row[0] for row in _run(connection, "indexes", {}).fetchall()]
    for each in found:
        name = each.partition(" INDEX ")[2].partition(" ON ")[0]
        connection.execute(f"DROP INDEX {name}".encode())
    return found


def _run(
    connection: psycopg.Connection[Any], name: str, values: dict[str, Any]
) -> psycopg.Cursor[Any]:
    return connection.execute(getattr(_SQL, name).sql.encode(), values)


def _steps(now: int) -> str:
    """What an attempt says of its stages."""
    return msgspec.json.encode([{"stage": stage, "at": now} for stage in Stage]).decode()
