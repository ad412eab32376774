"""A slow server is no dead worker: a lease lives as long as its worker does."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventually import eventually
from kill.documents import Documents, seconds_ahead
from kill.ledger import Ledger
from kill.process import Process
from kill.sink import Sink

pytestmark = pytest.mark.kill

MAILS = 8
LEASE_SECONDS = 1
ANSWER_SECONDS = 1.8


async def test_the_shortest_lease_is_renewed_while_its_answer_is_awaited(tmp_path: Path) -> None:
    """Claimed at different times within a second, so that no rhythm of the sweeper fits all."""
    async with (
        Sink() as sink,
        Process(tmp_path, sink.port, lease_seconds=LEASE_SECONDS, connections=MAILS) as process,
    ):
        sink.delay_seconds = ANSWER_SECONDS
        documents = Documents()
        await process.start()
        spread = [documents.one(sendAt=seconds_ahead(n / MAILS)) for n in range(MAILS)]
        await process.ask("POST", "/v1/mail/batch", spread)
        ledger = await eventually(lambda: _ended(process))
        assert [attempt.event for attempt in ledger.attempts] == ["sent"] * MAILS


async def _ended(process: Process) -> Ledger | None:
    ledger = Ledger(process.database)
    return None if ledger.unended or not ledger.rows else ledger
