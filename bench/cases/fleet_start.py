"""How soon an idle fleet starts a mail: an API process and two workers on one PostgreSQL.

Mails are submitted one at a time, over HTTP, at moments that fit no rhythm. From just before the
call until the claim is on disk, by the attempt's own word; both clocks are this machine's.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.cases import child
from bench.cases.documents import SENDER, document
from bench.cases.figures import Figure, Goal
from bench.cases.fleet_server import connected, server
from bench.cases.run import Run
from bench.cases.serving import Served, post, serving
from bench.cases.spread import at

MAILS, MAILS_SMALL = 400, 8
WORKERS = 2
BETWEEN_SECONDS = (0.05, 0.25)
LOOK_SECONDS = 0.05
STALL_SECONDS = 30.0

_STARTED = """
SELECT coalesce(json_object_agg(mail, started_at), '{}')
FROM attempt WHERE number = 1 AND event = 'sent'
"""


def figures(run: Run) -> list[Figure]:
    """Needs Postfix's tools."""
    if run.port is None:
        return []
    count = MAILS_SMALL if run.small else MAILS
    with run.folder() as folder, server(run).database() as url, ExitStack() as parts:
        api = parts.enter_context(_part(folder / "api", url, run.port, "api"))
        for place in range(WORKERS):
            parts.enter_context(_part(folder / str(place), url, run.port, "worker"))
        waits = _waits(url, _submitted(api.port, count))
    what = f"{count} mails to an idle fleet: submitted to started"
    return [
        Figure(f"{what}, p50", at(waits, 0.5), "ms", goal=Goal(25, 10, at_most=True)),
        Figure(f"{what}, p99", at(waits, 0.99), "ms", goal=Goal(50, 25, at_most=True)),
        Figure(f"{what}, at the most", at(waits, 1), "ms"),
    ]


@contextmanager
def _part(folder: Path, url: str, port: int, role: str) -> Iterator[Served]:
    folder.mkdir()
    given = {"FRANKING_DATABASE_URL": url, "FRANKING_DEFAULT_FROM": SENDER}
    with serving(folder, port, only=role, **given) as served:
        while not served.ready():
            time.sleep(LOOK_SECONDS)
        yield served


def _submitted(port: int, count: int) -> dict[str, float]:
    """Mails' ids, and when each was submitted, in milliseconds since 1970. Raises `Broken`."""
    found: dict[str, float] = {}
    chance = random.Random(8)
    for number in range(count):
        time.sleep(chance.uniform(*BETWEEN_SECONDS))
        submitted_at = time.time() * 1000
        status, body = post(port, "/v1/mail", document(number))
        if status != 201:
            raise child.Broken(f"A mail was not submitted: {status} {body[:200]!r}")
        found[json.loads(body)["id"]] = submitted_at
    return found


def _waits(url: str, submitted: dict[str, float]) -> list[float]:
    """How long each waited until it was started. Raises `Broken`."""
    until = time.monotonic() + STALL_SECONDS
    with connected(url) as connection:
        while time.monotonic() < until:
            [started] = connection.execute(_STARTED.encode()).fetchone() or [{}]
            if len(started) == len(submitted):
                return [started[id] - submitted_at for id, submitted_at in submitted.items()]
            time.sleep(LOOK_SECONDS)
    raise child.Broken(f"{len(started)} of {len(submitted)} mails were sent.")
