"""Trouble that never ends, each within its bound, while the rest goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from kill.documents import Documents, seconds_ahead
from kill.ledger import Ledger, Row
from kill.process import Process
from kill.sink import Sink
from kill.worker import POISON

pytestmark = pytest.mark.kill

ATTEMPTS = 3
RELEASES = 5
WAIT_SECONDS = 4.0


async def handed_in(process: Process, documents: list[dict[str, Any]]) -> set[str]:
    """The ids of documents that are taken, together."""
    answer = await process.ask("POST", "/v1/mail/batch", documents)
    assert answer is not None
    return {entry["id"] for entry in answer.json()}


async def all_ended(process: Process) -> Ledger:
    """Until every mail has ended; a worker that died is started again, as a supervisor does."""

    async def look() -> Ledger | None:
        if not process.running:
            await process.start()
        ledger = Ledger(process.database)
        return None if ledger.unended else ledger

    return await eventually(look, 60)


def of(ledger: Ledger, document: dict[str, Any]) -> Row:
    return ledger.of(document["to"][0])


async def test_a_mail_that_kills_its_worker_ends_and_takes_nobody_along(tmp_path: Path) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port, lease_seconds=1) as process:
        documents = Documents()
        poison = documents.one(subject=POISON)
        innocent = documents.some(10)
        await process.start()
        accepted = await handed_in(process, [*innocent[:5], poison, *innocent[5:]])
        ledger = await all_ended(process)
        assert ledger.broken(accepted, documents.recipients, sink) == []
        assert [of(ledger, one).state for one in innocent] == ["SUCCESS"] * 10
        row = of(ledger, poison)
        assert (row.state, row.outcome) == ("ERROR", "not_sent")
        events = [a.event for a in ledger.attempts if a.mail == row.id]
        assert events == ["released"] * RELEASES
        assert (await process.doctor())[0] == 0


async def test_a_server_that_always_hangs_up_after_the_dot_is_bounded(tmp_path: Path) -> None:
    async with (
        Sink() as sink,
        Process(tmp_path, sink.port, transient_attempts=ATTEMPTS) as process,
    ):
        documents = Documents()
        ask = [documents.one("dropped") for _ in range(3)]
        resend = [documents.one("dropped", onUnknown="resend") for _ in range(2)]
        rest = documents.some(10)
        await process.start()
        accepted = await handed_in(process, [*ask, *resend, *rest])
        ledger = await all_ended(process)
        assert ledger.broken(accepted, documents.recipients, sink) == []
        assert [of(ledger, one).state for one in rest] == ["SUCCESS"] * 10
        for one, times in [*((one, 1) for one in ask), *((one, ATTEMPTS) for one in resend)]:
            row = of(ledger, one)
            assert (row.state, row.outcome, row.attempts) == ("ERROR", "unknown", times)
            assert sink.times(one["to"][0]) == times


async def test_a_server_that_is_limited_for_ever_is_waited_for_within_bounds(
    tmp_path: Path,
) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        documents = Documents()
        await process.start()
        await process.set_account("rep")
        before = seconds_ahead(WAIT_SECONDS)
        limited = [documents.one("limited", account="rep", sendBefore=before) for _ in range(5)]
        rest = documents.some(10)
        accepted = await handed_in(process, [*limited, *rest])
        ledger = await all_ended(process)
        assert ledger.broken(accepted, documents.recipients, sink) == []
        assert [of(ledger, one).state for one in rest] == ["SUCCESS"] * 10
        for one in limited:
            row = of(ledger, one)
            assert (row.state, row.outcome) == ("ERROR", "not_sent")
            assert "550 5.4.5" in (row.error or "")


async def test_a_doubt_outlives_a_later_refusal(tmp_path: Path) -> None:
    """Sent again on demand, and refused then: the first may have arrived all the same."""
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        documents = Documents()
        fickle = documents.one("fickle", onUnknown="resend")
        await process.start()
        accepted = await handed_in(process, [fickle])
        ledger = await all_ended(process)
        assert [a.outcome for a in ledger.attempts] == ["unknown", "not_sent"]
        assert ledger.broken(accepted, documents.recipients, sink) == []
        assert of(ledger, fickle).outcome == "unknown"
