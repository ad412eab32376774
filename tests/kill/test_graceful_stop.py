"""SIGTERM: what is being transmitted is finished, the rest is given back, no lease is left."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from eventually import eventually
from kill.documents import Documents
from kill.ledger import Ledger
from kill.process import Process
from kill.session import Point
from kill.sink import Sink
from kill.test_kills import ALL

pytestmark = pytest.mark.kill

MAILS = 20
CONNECTIONS = 2


class Lease(NamedTuple):
    state: str
    attempts: int
    releases: int
    stage: str | None
    lease_expires_at: int | None


UNTOUCHED = Lease("PENDING", 0, 0, None, None)


def leases(database: Path) -> list[Lease]:
    """What is on disk of each mail's lease, past our own code."""
    with sqlite3.connect(database) as connection:
        found = connection.execute(
            "SELECT state, attempts, releases, stage, lease_expires_at FROM mail ORDER BY seq"
        ).fetchall()
    connection.close()
    return [Lease(*row) for row in found]


async def sent_once(process: Process, documents: Documents, sink: Sink) -> None:
    """After a restart everything ends in SUCCESS, and nothing came twice."""

    async def look() -> Ledger | None:
        ledger = Ledger(process.database)
        return None if ledger.unended else ledger

    sink.disarm()
    await process.start()
    ledger = await eventually(look)
    assert ledger.broken(set(), documents.recipients, sink) == []
    assert [row.state for row in ledger.rows] == ["SUCCESS"] * MAILS
    assert set(sink.taken.values()) == {1}
    assert (await process.doctor())[0] == 0


async def test_it_finishes_what_is_transmitted_and_gives_back_the_rest(tmp_path: Path) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port, connections=CONNECTIONS) as process:
        documents = Documents()
        sink.delay_seconds = 1.0
        sink.trap(Point.DOT, CONNECTIONS, lambda: process.send(signal.SIGTERM))
        await process.start()
        await process.ask("POST", "/v1/mail/batch", documents.some(MAILS))
        assert await process.gone() == 0
        on_disk = leases(process.database)
        taken = sum(sink.taken.values())
        assert CONNECTIONS <= taken < MAILS
        assert on_disk.count(Lease("SUCCESS", 1, 0, None, None)) == taken
        assert on_disk.count(UNTOUCHED) == MAILS - taken
        await sent_once(process, documents, sink)


@pytest.mark.parametrize("kind", ["transmitting", "claim", "settle"] if ALL else ["transmitting"])
async def test_asked_while_a_write_is_under_way_it_leaves_no_lease(
    tmp_path: Path, kind: str
) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        documents = Documents()
        await process.start(f"{kind}:before:1:term")
        await process.ask("POST", "/v1/mail/batch", documents.some(MAILS))
        assert await process.gone() == 0
        on_disk = leases(process.database)
        taken = sum(sink.taken.values())
        assert on_disk.count(Lease("SUCCESS", 1, 0, None, None)) == taken
        assert on_disk.count(UNTOUCHED) == MAILS - taken
        await sent_once(process, documents, sink)


async def test_a_server_that_never_answers_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port, stop_seconds=1) as process:
        documents = Documents()
        sink.delay_seconds = 3600.0
        sink.trap(Point.DOT, 1, lambda: process.send(signal.SIGTERM))
        await process.start()
        await process.ask("POST", "/v1/mail", documents.one())
        assert await process.gone() == 0
        [row] = Ledger(process.database).rows
        assert (row.state, row.outcome) == ("ERROR", "unknown")
