"""`franking serve` with weak spots (`spots`): run as a script, it ends, stops or starves itself.

While the file `KILL_FULL` exists, a file of SQLite may not grow by a page. A mail whose subject is
`poison` kills the worker that composes it. `KILL_WAITS_MS` are a webhook's waits between its tries,
for the real ones take ten minutes; `KILL_CLAIM_MS` is how long the outbox waits for a teller that
is gone, and the package for a completion of which nobody tells.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from franking.stores import postgres_link
from franking.stores.queries import load
from kill.spots import Passing, Spots

POISON = "poison"
ROOM_PAGES = 1_000_000
# The named queries by what they say.
NAMES = {text: name for name, text in load("sqlite").items()}


class Connection(sqlite3.Connection):
    """Knows what the transaction under way has written."""

    spots: Spots

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._passing = Passing(self.spots, lambda: None)
        self._starved = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "BEGIN IMMEDIATE":
            self._passing.begun()
            self._starve()
        if sql == "COMMIT":
            self._passing.commits("before")
        result = super().execute(sql, *values)
        if sql == "COMMIT":
            self._passing.commits("after")
        self._passing.ran(NAMES.get(sql), result.rowcount)
        return result

    def _starve(self) -> None:
        """The disk is full while the file is there."""
        full = os.environ.get("KILL_FULL", "")
        starved = bool(full) and Path(full).exists()
        if starved != self._starved:
            [pages] = super().execute("PRAGMA page_count").fetchone()
            most = pages if starved else ROOM_PAGES
            super().execute(f"PRAGMA max_page_count = {most}")
            self._starved = starved


def weaken() -> None:
    """Put the weak spots in: in the connections to databases, and in the composer."""
    if waits := os.environ.get("KILL_WAITS_MS"):
        calls = importlib.import_module("franking.core.timer.calls")
        calls.WAITS_MS = tuple(map(int, waits.split(",")))  # type: ignore[attr-defined]
    if claim := os.environ.get("KILL_CLAIM_MS"):
        hasten(int(claim))
    spots = Spots()
    _weaken_sqlite(spots)
    weaken_postgres(spots)
    _poison()


def hasten(claim_ms: int) -> None:
    """Have the outbox and the package go on soon with what a kill left behind."""
    values: dict[str, tuple[str, float]] = {
        "franking.engine.outbox": ("CLAIM_MS", claim_ms),
        "franking.outlets.package.unfinished": ("LONGEST_MS", claim_ms),
        "franking.outlets.package.finishing": ("EVERY_SECONDS", claim_ms / 5_000),
    }
    for module, (name, value) in values.items():
        setattr(importlib.import_module(module), name, value)


def _poison() -> None:
    composer = importlib.import_module("franking.engine.compose").Composer
    compose = composer.compose

    async def poisoned(self: Any, claimed: Any, *given: Any) -> Any:
        if json.loads(bytes(claimed.document)).get("message", {}).get("subject") == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return await compose(self, claimed, *given)

    composer.compose = poisoned


def _weaken_sqlite(spots: Spots) -> None:
    connect = sqlite3.connect
    Connection.spots = spots

    def connecting(*given: Any, **named: Any) -> sqlite3.Connection:
        named.setdefault("factory", Connection)
        found: sqlite3.Connection = connect(*given, **named)
        return found

    sqlite3.connect = connecting  # type: ignore[assignment]


def weaken_postgres(spots: Spots) -> None:
    """Each connection knows what its transaction has written, as SQLite's does."""
    names = {text.encode(): name for name, text in load("postgres").items()}
    plain = postgres_link.Link.execute

    def execute(self: Any, query: Any, *values: Any, **named: Any) -> psycopg.Cursor[Any]:
        def lose() -> None:
            self.close()
            raise psycopg.OperationalError("the connection is lost, and so is the answer")

        passing: Passing = self.__dict__.setdefault("passing", Passing(spots, lose))
        if query == BEGIN:
            passing.begun()
        if query == b"COMMIT":
            passing.commits("before")
        result = plain(self, query, *values, **named)
        if query == b"COMMIT":
            passing.commits("after")
        passing.ran(names.get(query), result.rowcount)
        return result

    postgres_link.Link.execute = execute  # type: ignore[method-assign]


BEGIN = postgres_link.BEGIN.encode()

if __name__ == "__main__":
    weaken()
    from franking.cli import main

    main()
