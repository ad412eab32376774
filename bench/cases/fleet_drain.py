"""Drain by two processes of `franking serve --only worker` on one PostgreSQL.

The mails wait while the workers start, held by their account; what is taken is the time from when
it is let go until all have ended, as the database has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.cases import child
from bench.cases.documents import SENDER
from bench.cases.figures import Figure, Goal
from bench.cases.fleet_server import connected, server
from bench.cases.run import Run
from bench.cases.serving import serving

MAILS, MAILS_SMALL = 16_000, 300
CONNECTIONS, CONNECTIONS_SMALL = (64, 10), (10,)
WORKERS = 2
LOOK_SECONDS = 0.02
STALL_SECONDS = 60.0

_HOLD = "UPDATE account SET state = 'disconnected'"
_LET_GO = "UPDATE account SET state = 'ok'"
_TELL = "NOTIFY franking, 'bench'"
# Every mail that ended wrote one event. To count mails would cost the database too much.
_EVENTS = "SELECT last_value FROM event_seq_seq"
_SENT = "SELECT count(*) FROM mail WHERE state = 'SUCCESS'"


def figures(run: Run) -> list[Figure]:
    """Needs Postfix's tools."""
    if run.port is None:
        return []
    return [
        _drained(run, run.port, connections)
        for connections in (CONNECTIONS_SMALL if run.small else CONNECTIONS)
    ]


def _drained(run: Run, port: int, connections: int) -> Figure:
    count = MAILS_SMALL if run.small else MAILS
    with run.folder() as folder, server(run).database() as url:
        child.call("filling", path=url, count=count)
        with connected(url) as connection:
            connection.execute(_HOLD)
            connection.execute("VACUUM ANALYZE")
        with run.limited() as limit, ExitStack() as workers:
            for place in range(WORKERS):
                workers.enter_context(_worker(folder / str(place), url, port, connections))
            rate = count / _seconds(url, count)
    what = f"drain, {WORKERS} workers, {connections} connections each"
    goal = Goal(0.12, 0.35, of_ratio=True)
    return Figure(what, rate, "mails/s", limit.ratio(rate), goal=goal)


@contextmanager
def _worker(folder: Path, url: str, port: int, connections: int) -> Iterator[None]:
    folder.mkdir()
    given = {
        "FRANKING_DATABASE_URL": url,
        "FRANKING_DEFAULT_FROM": SENDER,
        "FRANKING_CONNECTIONS": str(connections),
    }
    with serving(folder, port, only="worker", **given) as served:
        while not served.ready():
            time.sleep(LOOK_SECONDS)
        yield


def _seconds(url: str, count: int) -> float:
    """From the mails' letting go until all were sent. Raises `Broken`."""
    with connected(url) as connection:
        began = time.perf_counter()
        connection.execute(_LET_GO)
        connection.execute(_TELL)
        while _number(connection, _EVENTS) < count or _number(connection, _SENT) < count:
            if time.perf_counter() > began + STALL_SECONDS:
                raise child.Broken(f"{_number(connection, _SENT)} of {count} mails were sent.")
            time.sleep(LOOK_SECONDS)
        return time.perf_counter() - began


def _number(connection: psycopg.Connection[Any], query: str) -> int:
    [found] = connection.execute(query.encode()).fetchone() or [0]
    return int(found)
