"""A disk that is full while serving: 503, nothing half-written, and it goes on by itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from eventually import eventually
from kill.documents import Documents
from kill.ledger import Ledger
from kill.process import Process
from kill.session import Point
from kill.sink import Sink

pytestmark = pytest.mark.kill

BULK = "x" * 200_000


def rows_of_everything(database: Path) -> list[int]:
    """How many rows each table has that a submit writes."""
    tables = ("mail", "document", "event", "idempotency")
    with sqlite3.connect(database) as connection:
        counted = [connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]
        [[sound]] = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    assert sound == "ok"
    return counted


async def test_a_submit_gets_503_and_the_next_is_taken_when_there_is_room(tmp_path: Path) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        documents = Documents()
        await process.start()
        before = rows_of_everything(process.database)
        process.full.touch()
        large = documents.some(5, categories=[BULK])
        refused = await process.ask("POST", "/v1/mail/batch", large, "key")
        assert refused is not None
        assert refused.status_code == 503
        assert "full" in refused.json()["detail"]
        assert rows_of_everything(process.database) == before
        assert process.running
        process.full.unlink()
        taken = await process.ask("POST", "/v1/mail/batch", large, "key")
        assert taken is not None
        assert taken.status_code == 200
        ledger = await eventually(lambda: _ended(process))
        accepted = {entry["id"] for entry in taken.json()}
        assert ledger.broken(accepted, documents.recipients, sink) == []
        assert {row.state for row in ledger.rows} == {"SUCCESS"}


async def test_what_was_answered_meanwhile_is_written_when_there_is_room(tmp_path: Path) -> None:
    """The peer's answer outlives the trouble: it is kept, and told later."""
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        documents = Documents()
        sink.trap(Point.DOT, 1, process.full.touch)
        sink.delay_seconds = 0.2
        await process.start()
        answer = await process.ask("POST", "/v1/mail/batch", documents.some(20))
        assert answer is not None
        await eventually(lambda: _said(process, "The disk is full"))
        process.full.unlink()
        ledger = await eventually(lambda: _ended(process))
        assert ledger.broken(set(), documents.recipients, sink) == []
        assert {row.state for row in ledger.rows} == {"SUCCESS"}
        assert set(sink.taken.values()) == {1}
        assert (await process.doctor())[0] == 0


async def _ended(process: Process) -> Ledger | None:
    ledger = Ledger(process.database)
    return None if ledger.unended or not ledger.rows else ledger


async def _said(process: Process, words: str) -> bool:
    return words in process.log
