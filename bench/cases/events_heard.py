"""How long after a mail was settled its touchpoint says so, while there is little else to do.

Automated touchpoints fall due one after the other. From the event's own time, which is when its
mail was settled, to the package's clock when the status changed.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from bench.cases import child
from bench.cases.documents import SENDER, document
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import DATABASE, post, serving

COUNT, COUNT_SMALL = 400, 20
EVERY_MS = 50
LEAD_MS = 2_000
STALL_SECONDS = 60.0
LOOK_SECONDS = 0.1

_HEARD = "SELECT count(*) FROM touchpoint WHERE status = 'Sent'"
_TOOK = """
SELECT t.status_updated_at - e.occurred_at FROM touchpoint t
JOIN event e ON e.id = t.last_event_id ORDER BY 1
"""


def figures(run: Run) -> list[Figure]:
    """Needs Postfix's tools."""
    if run.port is None:
        return []
    count = COUNT_SMALL if run.small else COUNT
    with run.folder() as folder:
        with serving(folder, run.port, FRANKING_DEFAULT_FROM=SENDER) as served:
            _create(served.port, count)
            _wait(folder / DATABASE, count)
        took = _took(folder / DATABASE)
    what = f"{count} events, settled to heard by the package"
    return [
        Figure(f"{what}: p50", took[len(took) // 2], "ms", goal=Goal(50, 15, at_most=True)),
        Figure(f"{what}: p99", took[len(took) * 99 // 100], "ms", goal=Goal(200, 50, at_most=True)),
    ]


def _create(port: int, count: int) -> None:
    start = time.time() + LEAD_MS / 1000
    for number in range(count):
        due = time.gmtime(start + number * EVERY_MS / 1000)
        millisecond = int((start + number * EVERY_MS / 1000) % 1 * 1000)
        given = {
            "type": "automated",
            "cadenceMemberId": "bench",
            "dueAt": f"{time.strftime('%Y-%m-%dT%H:%M:%S', due)}.{millisecond:03d}Z",
            "mail": document(number),
        }
        status, body = post(port, "/cadence/touchpoints", given)
        if status != 201:
            raise child.Broken(f"A touchpoint was not created: {status} {body[:200]!r}")


def _wait(path: Path, count: int) -> None:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    until = time.time() + STALL_SECONDS + count * EVERY_MS / 1000
    try:
        while connection.execute(_HEARD).fetchone()[0] < count:
            if time.time() > until:
                raise child.Broken("Not all touchpoints were told in time.")
            time.sleep(LOOK_SECONDS)
    finally:
        connection.close()


def _took(path: Path) -> list[float]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return [float(row[0]) for row in connection.execute(_TOOK)]
    finally:
        connection.close()
