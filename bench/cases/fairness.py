"""Fairness: what the other accounts wait while some meet their sending limit.

Each account has two mails that wait, each hundredth has ten times as many. An engine drains them
through a transport in its own process, which answers at once: to nobody, or to each hundredth
account, that its limit is reached. The runs go in pairs, each time the other one first. Then one
account has a great many mails, and accounts with one mail each come in beside it.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.cases import child
from bench.cases.documents import short
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.turns import LARGE, PLACES
from franking.clock import SystemClock

ACCOUNTS, ACCOUNTS_SMALL = 10_000, 500
LIMITED_EACH = 100
MAILS, MAILS_OF_LIMITED = 2, 20
PAIRS, PAIRS_SMALL = 3, 1
LARGE_MAILS, LARGE_MAILS_SMALL = 100_000, 1_000
AN_HOUR_MS = 3_600_000

Accounts = list[tuple[str, int]]

_ACCOUNTS = "INSERT OR REPLACE INTO account (id, next_at) VALUES (?, ?)"
_MAILS = """
WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :mails)
INSERT INTO mail (id, state, account, created_at, due_at, start_at, message_token)
SELECT printf('%s-%d', :id, i), 'PENDING', :id, :now, :now, :now, printf('%s-%d', :id, i) FROM n
"""
_DOCUMENTS = "INSERT INTO document (seq, body, words) SELECT seq, :body, 'alex' FROM mail"


def figures(run: Run) -> list[Figure]:
    """The ratio of the waits, what the limited did, and the wait beside a large account."""
    with run.folder() as folder:
        return [*_limited(run, folder), _beside_a_large_one(run, folder)]


def _limited(run: Run, folder: Path) -> list[Figure]:
    count = ACCOUNTS_SMALL if run.small else ACCOUNTS
    accounts = [_account(number) for number in range(count)]
    others = sum(mails for name, mails in accounts if name.startswith("account"))
    full = _filled(folder / "full.db", accounts)
    pairs = []
    for place in range(PAIRS_SMALL if run.small else PAIRS):
        order = (False, True) if place % 2 == 0 else (True, False)
        pairs.append({limited: _drained(full, others, limited) for limited in order})
    waits = [pair[True]["p99_ms"] for pair in pairs]
    ratio = median(pair[True]["p99_ms"] / pair[False]["p99_ms"] for pair in pairs)
    told = [pair[True] for pair in pairs]
    goal = Goal(1.2, 1.05, of_ratio=True, at_most=True)
    what = f"{count:,} accounts, {count // LIMITED_EACH} of them limited"
    of = "p99 with none limited"
    at_once = Goal(PLACES, 1, at_most=True)
    never = Goal(0, 0, at_most=True)
    return [
        Figure(f"{what}: p99 wait of the others", median(waits), "ms", ratio, of, goal),
        Figure(f"{what}: refused", max(t["refused"] for t in told), "a pause", goal=at_once),
        Figure(f"{what}: sent of theirs", max(t["sent"] for t in told), "mails", goal=never),
    ]


def _beside_a_large_one(run: Run, folder: Path) -> Figure:
    mails = LARGE_MAILS_SMALL if run.small else LARGE_MAILS
    path = _filled(folder / "large.db", [(LARGE, mails)])
    told = child.call("turns", path=str(path), others=None, limited=False)
    return Figure(f"1 mail beside an account with {mails:,}: its wait", told["longest_ms"], "ms")


def _account(number: int) -> tuple[str, int]:
    """Its name and how many mails it has."""
    if number % LIMITED_EACH == 0:
        return f"limited-{number}", MAILS_OF_LIMITED
    return f"account-{number}", MAILS


def _drained(full: Path, others: int, limited: bool) -> dict[str, Any]:
    path = full.with_name("drained.db")
    shutil.copyfile(full, path)
    told = child.call("turns", path=str(path), others=others, limited=limited)
    for made in full.parent.glob("drained.db*"):
        made.unlink()
    return told


def _filled(path: Path, accounts: Accounts) -> Path:
    """A store in which these accounts have so many mails each, all due for an hour."""
    child.call("filling", path=str(path), count=0)
    now = SystemClock().now() - AN_HOUR_MS
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany(_ACCOUNTS, [(name, now) for name, _ in accounts])
    rows = [{"id": name, "mails": mails, "now": now} for name, mails in accounts]
    connection.executemany(_MAILS, rows)
    connection.execute(_DOCUMENTS, {"body": msgspec.json.encode(short(0)).decode()})
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path
