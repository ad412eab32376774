"""`franking serve` with weak spots: run as a script, it kills, stops or starves itself.

`KILL_AT` is `kind:when:nth:act`: at the nth transaction that writes such a thing, `before` or
`after` its COMMIT or `during` the transaction, right after that query, the process does `act` to
itself: `kill` (SIGKILL), `stop` (SIGSTOP), `term` (SIGTERM, and the disk is slow for a moment).
What a transaction writes is known by the named queries that it ran. While the file `KILL_FULL`
exists, the database may not grow by a page. A mail whose subject is `poison` kills the worker that
composes it. `KILL_WAITS_MS` are a webhook's waits between its tries, for the real ones take ten
minutes; `KILL_CLAIM_MS` is how long the outbox waits for a teller that is gone, and the package for
a completion of which nobody tells.
"""

from __future__ import annotations

import importlib
import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

from franking.stores.queries import load

SLOW_SECONDS = 0.3
POISON = "poison"
ROOM_PAGES = 1_000_000

# What a transaction did, by the queries that write it.
KINDS = {
    "insert_mails": "submit",
    "lease_mails": "claim",
    "mark_transmitting": "transmitting",
    "renew_leases": "renew",
    "settle_mails": "settle",
    "insert_content": "remainder",
    "update_mail": "change",
    "write_late": "late",
    "insert_timers": "timer_create",
    "lease_timers": "timer_claim",
    "renew_timers": "timer_renew",
    "end_timers": "timer_end",
    "serve_timers": "timer_serve",
    "end_mailed": "timer_told",
    "retry_timer": "timer_retry",
    "insert_touchpoint": "touchpoint_create",
    "update_touchpoint": "touchpoint_write",
    "insert_conquer_errors": "touchpoint_child",
    "lease_touchpoints": "outbox_claim",
    "told_events": "outbox_told",
    "delete_inbox": "intake",
}
# A sweep settles too: it first looks for leases that ran out.
SWEEP_LOOKS, SWEEP = "lapsed", "sweep"
ACTS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}

_names = {text: name for name, text in load("sqlite").items()}
_full = os.environ.get("KILL_FULL", "")


class Spot:
    """Where the process does something to itself."""

    def __init__(self, told: str) -> None:
        self.kind, self.when, nth, self.act = told.split(":")
        self._left = int(nth)

    def pass_by(self, when: str, written: set[str]) -> None:
        """A COMMIT is about to be, or has been, or one of its queries has."""
        if when != self.when or self.kind not in written:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), ACTS[self.act])
            if self.act == "term":
                threading.Event().wait(SLOW_SECONDS)


_spot = Spot(os.environ["KILL_AT"]) if os.environ.get("KILL_AT") else None


class Connection(sqlite3.Connection):
    """Knows what the transaction under way has written."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._written: set[str] = set()
        self._sweeping = False
        self._starved = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "BEGIN IMMEDIATE":
            self._written.clear()
            self._sweeping = False
            self._starve()
        if sql == "COMMIT" and _spot is not None:
            _spot.pass_by("before", self._written)
        result = super().execute(sql, *values)
        if sql == "COMMIT" and _spot is not None:
            _spot.pass_by("after", self._written)
        self._note(_names.get(sql), result)
        return result

    def _note(self, name: str | None, result: sqlite3.Cursor) -> None:
        if name == SWEEP_LOOKS:
            self._sweeping = True
        elif name in KINDS and result.rowcount > 0:
            settled_by_sweep = name == "settle_mails" and self._sweeping
            kind = SWEEP if settled_by_sweep else KINDS[name]
            self._written.add(kind)
            if _spot is not None:
                _spot.pass_by("during", {kind})

    def _starve(self) -> None:
        """The disk is full while the file is there."""
        starved = bool(_full) and Path(_full).exists()
        if starved != self._starved:
            [pages] = super().execute("PRAGMA page_count").fetchone()
            most = pages if starved else ROOM_PAGES
            super().execute(f"PRAGMA max_page_count = {most}")
            self._starved = starved


def weaken() -> None:
    """Put the weak spots in: in SQLite's connections, and in the composer."""
    if waits := os.environ.get("KILL_WAITS_MS"):
        calls = importlib.import_module("franking.core.timer.calls")
        calls.WAITS_MS = tuple(map(int, waits.split(",")))  # type: ignore[attr-defined]
    if claim := os.environ.get("KILL_CLAIM_MS"):
        hasten(int(claim))
    connect = sqlite3.connect

    def connecting(*given: Any, **named: Any) -> sqlite3.Connection:
        named.setdefault("factory", Connection)
        found: sqlite3.Connection = connect(*given, **named)
        return found

    sqlite3.connect = connecting  # type: ignore[assignment]
    composing = importlib.import_module("franking.engine.compose")
    compose = composing.compose

    def poisoned(document: Any, **named: Any) -> Any:
        if document["message"]["subject"] == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return compose(document, **named)

    composing.compose = poisoned  # type: ignore[attr-defined]


def hasten(claim_ms: int) -> None:
    """Have the outbox and the package go on soon with what a kill left behind."""
    values: dict[str, tuple[str, float]] = {
        "franking.engine.outbox": ("CLAIM_MS", claim_ms),
        "franking.outlets.package.unfinished": ("LONGEST_MS", claim_ms),
        "franking.outlets.package.finishing": ("EVERY_SECONDS", claim_ms / 5_000),
    }
    for module, (name, value) in values.items():
        setattr(importlib.import_module(module), name, value)


if __name__ == "__main__":
    weaken()
    from franking.cli import main

    main()
