"""What an account may send outlives the process: its pause, its limits, the mails that wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from kill.documents import Documents
from kill.ledger import Ledger
from kill.process import Process
from kill.sink import Sink

pytestmark = pytest.mark.kill


async def shown(process: Process) -> dict[str, Any]:
    answer = await process.ask("GET", "/v1/accounts/rep")
    assert answer is not None
    found: dict[str, Any] = answer.json()
    return found


async def test_a_pause_and_what_it_holds_outlive_a_kill(tmp_path: Path) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port, connections=1) as process:
        documents = Documents()
        await process.start()
        await process.set_account("rep")
        first = documents.one("limited", account="rep")
        await process.ask("POST", "/v1/mail", first)

        async def paused() -> dict[str, Any] | None:
            found = await shown(process)
            return found if found["state"] == "paused" else None

        before = await eventually(paused)
        await process.ask("POST", "/v1/mail/batch", documents.some(5, account="rep"))
        await process.kill()
        await process.start()
        free = documents.one()
        await process.ask("POST", "/v1/mail", free)
        await eventually(lambda: _sent(process, free["to"][0]))
        after = await shown(process)
        assert (after["state"], after["pausedUntil"]) == ("paused", before["pausedUntil"])
        assert after["waiting"] == 6
        assert len(Ledger(process.database).attempts) == 2


async def test_a_minutes_limit_outlives_a_kill(tmp_path: Path) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        documents = Documents()
        await process.start()
        uri = f"smtp://127.0.0.1:{sink.port}"
        limits = {"transport": {"type": "smtp", "uri": uri}, "limits": {"perMinute": 1}}
        await process.ask("PUT", "/v1/accounts/rep", limits)
        mails = documents.some(3, account="rep")
        await process.ask("POST", "/v1/mail/batch", mails)
        await eventually(lambda: _sent(process, mails[0]["to"][0]))
        await process.kill()
        await process.start()
        free = documents.one()
        await process.ask("POST", "/v1/mail", free)
        await eventually(lambda: _sent(process, free["to"][0]))
        assert sum(sink.times(one["to"][0]) for one in mails) == 1


async def _sent(process: Process, address: str) -> bool:
    return any(
        address in row.recipients and row.state == "SUCCESS"
        for row in Ledger(process.database).rows
    )
