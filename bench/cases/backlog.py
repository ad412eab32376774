"""A backlog: a million mails that wait; how fast one claims among them, and in what memory.

The mails are written by one SQL statement for each 50,000, as rows that `submit` could have made.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from bench.cases import child
from bench.cases.documents import short
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from franking.clock import SystemClock

FEW = 1000
MANY, MANY_SMALL = 1_000_000, 2_000
STEP = 50_000
ROUNDS, ROUNDS_SMALL = 60, 10
DRAINED, DRAINED_SMALL = 4000, 500
CONNECTIONS = 64
MB = 1_000_000

_MAILS = """
WITH RECURSIVE n (i) AS (VALUES (:first) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :last)
INSERT INTO mail (id, state, account, created_at, due_at, start_at, message_token)
SELECT printf('B%025d', i), 'PENDING', 'default', :now, :now + i / 1000, :now, printf('T%025d', i)
FROM n
"""
_DOCUMENTS = """
INSERT INTO document (seq, body, words)
SELECT seq, replace(:body, 'alex.0@', 'alex.' || seq || '@'), 'alex example net' FROM mail
WHERE seq > (SELECT coalesce(max(seq), 0) FROM document)
"""
_ACCOUNT = "INSERT OR REPLACE INTO account (id, next_at) VALUES ('default', :now)"


def figures(run: Run) -> list[Figure]:
    """Claims from the many against claims from the few; then a worker on the many."""
    many = MANY_SMALL if run.small else MANY
    rounds = ROUNDS_SMALL if run.small else ROUNDS
    with run.folder() as folder:
        paths = {"few": folder / "few.db", "many": folder / "many.db"}
        _fill(run, paths["few"], FEW)
        _fill(run, paths["many"], many)
        told = child.call("claims", few=str(paths["few"]), many=str(paths["many"]), rounds=rounds)
        found = [_claims(told, many)]
        if run.port is not None:
            found.append(_memory(run, paths["many"], run.port, many))
    return found


def _claims(told: dict[str, Any], many: int) -> Figure:
    rate = told["limit"] / told["many_ms"] * 1000
    ratio = told["few_ms"] / told["many_ms"]
    goal = Goal(0.8, 0.95, of_ratio=True)
    return Figure(f"claim, backlog of {many:,}", rate, "mails/s", ratio, f"rate at {FEW:,}", goal)


def _memory(run: Run, path: Path, port: int, many: int) -> Figure:
    count = DRAINED_SMALL if run.small else DRAINED
    given = {"port": port, "connections": CONNECTIONS, "count": count}
    told = child.call("worker", path=str(path), **given)
    what = f"worker's peak memory, backlog of {many:,}"
    return Figure(what, told["peak_bytes"] / MB, "MB", goal=Goal(200, 120, at_most=True))


def _fill(run: Run, path: Path, count: int) -> None:
    child.call("filling", path=str(path), count=0)
    now = SystemClock().now() - 3_600_000
    connection = sqlite3.connect(path, isolation_level=None)
    # Nothing here need survive a power cut; the stores that are measured open it as they do.
    connection.execute("PRAGMA synchronous = OFF")
    body = msgspec.json.encode(short(0)).decode()
    with run.steps(f"writing {count:,} mails", -(-count // STEP)) as step:
        for first in range(0, count, STEP):
            last = min(first + STEP, count)
            connection.execute("BEGIN")
            connection.execute(_MAILS, {"first": first, "last": last, "now": now})
            connection.execute(_DOCUMENTS, {"body": body})
            connection.execute("COMMIT")
            step()
    connection.execute(_ACCOUNT, {"now": now})
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
