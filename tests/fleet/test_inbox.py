"""Applications write documents with SQL, on many connections, and workers in processes of their own
send them: what was committed ends, once, and what was rolled back never was."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from cli.processes import franking, mailbox, serving
from eventually import eventually
from postgres import cluster

ALL = os.environ.get("FRANKING_KILLS") == "all"
COUNT = 10_000 if ALL else 400
CONNECTIONS = 8
WORKERS = 3
# Of so many one is rolled back, and of so many one is no JSON.
ROLLED_BACK, NO_JSON = 5, 50
ENDS_SECONDS = 300.0
APPLICATION = "shop_of_many"


@pytest.fixture
def shop(database: str) -> Iterator[str]:
    """The URL of an application that may insert and nothing else."""
    name = database.partition("?")[0].rpartition("/")[2]
    cluster().execute(f"CREATE ROLE {APPLICATION} LOGIN")
    cluster().execute(f"GRANT INSERT (id, document) ON inbox TO {APPLICATION}", name)
    yield database.replace("//franking@", f"//{APPLICATION}@")
    cluster().execute(f"DROP OWNED BY {APPLICATION}", name)
    cluster().execute(f"DROP ROLE {APPLICATION}")


def document(n: int) -> str:
    text = json.dumps(
        {"to": f"m{n}@example.com", "message": {"subject": f"Order {n}", "text": "Thank you."}}
    )
    return text[:-1] if no_json(n) else text


def no_json(n: int) -> bool:
    return n % NO_JSON == NO_JSON - 1


def rolled_back(n: int) -> bool:
    return n % ROLLED_BACK == 0


def insert(url: str, numbers: range) -> None:
    """Each in a transaction of its own."""
    with psycopg.connect(url) as application:
        for n in numbers:
            values = (f"order-{n}", document(n))
            application.execute("INSERT INTO inbox (id, document) VALUES (%s, %s)", values)
            if rolled_back(n):
                application.rollback()
            else:
                application.commit()


def found(url: str, query: str) -> list[tuple[str, int]]:
    with psycopg.connect(url) as there:
        return there.execute(query.encode()).fetchall()


@pytest.mark.kill
@pytest.mark.timeout(600)
async def test_what_is_committed_is_sent_once_and_what_is_rolled_back_never(
    tmp_path: Path, database: str, shop: str
) -> None:
    async with AsyncExitStack() as running:
        capture = await running.enter_async_context(mailbox(keep=2 * COUNT))
        for _ in range(WORKERS):
            given = {"only": "worker", "database_url": database, "log_level": "error"}
            await running.enter_async_context(serving(tmp_path, capture.port, **given))
        writers = [
            asyncio.to_thread(insert, shop, range(first, COUNT, CONNECTIONS))
            for first in range(CONNECTIONS)
        ]
        await asyncio.gather(*writers)

        async def ended() -> bool:
            left = "SELECT 'inbox', count(*) FROM inbox UNION ALL SELECT state, count(*) FROM mail"
            states = dict(await asyncio.to_thread(found, database, f"{left} GROUP BY state"))
            return not states.pop("inbox") and {*states} <= {"SUCCESS", "ERROR"}

        await eventually(ended, ENDS_SECONDS)
    committed = {n for n in range(COUNT) if not rolled_back(n)}
    sent = Counter(to for mail in capture.mails for to in mail.recipients)
    assert sent == {f"m{n}@example.com": 1 for n in committed if not no_json(n)}
    refused = {id for id, _ in found(database, "SELECT id, 1 FROM mail WHERE state = 'ERROR'")}
    assert refused == {f"order-{n}" for n in committed if no_json(n)}
    checked = await franking(tmp_path, "doctor", database_url=database)
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "0 stuck.")
