"""A worker that is killed while it takes in the inbox: nothing is lost, nothing comes twice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventually import eventually
from kill.documents import Documents
from kill.ledger import Ledger
from kill.process import Process
from kill.sink import Sink
from kill.test_kills import ALL

pytestmark = pytest.mark.kill

MAILS = 6
SPOTS = ("submit:during", "intake:during", "intake:before", "intake:after")


@pytest.mark.parametrize("spot", SPOTS if ALL else SPOTS[:2])
async def test_kill_between_the_row_and_the_mail(tmp_path: Path, spot: str) -> None:
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        await process.start()
        await process.kill()
        mails = Documents().some(MAILS)
        with closing(sqlite3.connect(process.database)) as application, application:
            for number, document in enumerate(mails):
                values = (f"order-{number}", json.dumps(document))
                application.execute("INSERT INTO inbox (id, document) VALUES (?, ?)", values)
        if await process.start(f"{spot}:1:kill"):
            await process.gone()
        kept = spot != "intake:after"
        assert _count(process, "inbox") == MAILS * kept
        assert _count(process, "mail") == MAILS * (not kept)
        await process.start()
        await eventually(lambda: _ended(process))
        assert [sink.times(one["to"][0]) for one in mails] == [1] * MAILS
        assert _count(process, "inbox") == 0
        code, printed = await process.doctor()
        assert code == 0, printed


async def _ended(process: Process) -> bool:
    rows = Ledger(process.database).rows
    return len(rows) == MAILS and all(row.state == "SUCCESS" for row in rows)


def _count(process: Process, table: str) -> int:
    with closing(sqlite3.connect(process.database)) as database:
        [count] = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)
