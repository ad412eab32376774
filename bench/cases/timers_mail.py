"""Timers of the transport `mail` that are due at one instant: until all are submitted, and sent.

A timer is submitted once its mail is on disk, and sent once the sink took that mail and both ends
are on disk; the states of the timers are looked at from outside, in the database.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from bench.cases import child
from bench.cases.documents import SENDER, document
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import DATABASE, serving
from bench.cases.timers_webhook import CREATES_A_SECOND, LEAD_MS, STALL_SECONDS

COUNT, COUNT_SMALL = 5_000, 200
CONNECTIONS = "64"
LOOK_SECONDS = 0.01

_SCHEDULED = "SELECT count(*) FROM timer WHERE state = 'scheduled'"
_UNENDED = "SELECT count(*) FROM timer WHERE state IN ('scheduled', 'served')"
_STATES = "SELECT state, count(*) FROM timer GROUP BY state"


def figures(run: Run) -> list[Figure]:
    """Needs Postfix's tools."""
    if run.port is None:
        return []
    count = COUNT_SMALL if run.small else COUNT
    lead_ms = LEAD_MS + 1000 * count // CREATES_A_SECOND
    settings = {"FRANKING_CONNECTIONS": CONNECTIONS, "FRANKING_DEFAULT_FROM": SENDER}
    with run.folder() as folder, serving(folder, run.port, **settings) as served:
        given = {"transport": "mail", "data": document(0), "lead_ms": lead_ms}
        told = child.call("timers_load", port=served.port, count=count, **given)
        if told["ended_ms"] >= told["first_due_ms"]:
            raise child.Broken(f"{count} timers were not created within {lead_ms} ms.")
        due_at = told["first_due_ms"] / 1000
        submitted, sent = _ended(folder / DATABASE, due_at, count)
    what = f"{count:,} mail timers due at one instant"
    return [
        Figure(f"{what}: submitted after", submitted, "s", goal=Goal(1.5, 0.5, at_most=True)),
        Figure(f"{what}: sent after", sent, "s"),
    ]


def _ended(path: Path, due_at: float, count: int) -> tuple[float, float]:
    """How many seconds after their time all were submitted, and all sent. Raises `Broken`."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        time.sleep(max(0.0, due_at - time.time()))
        submitted = _none_left(connection, _SCHEDULED) - due_at
        sent = _none_left(connection, _UNENDED) - due_at
        states = dict(connection.execute(_STATES).fetchall())
    finally:
        connection.close()
    if states != {"executed": count}:
        raise child.Broken(f"Not all mails of {count} timers were sent: {states}.")
    return submitted, sent


def _none_left(connection: sqlite3.Connection, query: str) -> float:
    """When the query first counted none. Raises `Broken`."""
    until = time.time() + STALL_SECONDS
    while connection.execute(query).fetchone()[0]:
        if time.time() > until:
            raise child.Broken("Not all timers were served in time.")
        time.sleep(LOOK_SECONDS)
    return time.time()
