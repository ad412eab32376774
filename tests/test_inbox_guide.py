"""The page on the inbox: its examples run as they stand, and its limits are the code's."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from eventually import eventually
from franking.core.depth import MAX_DEPTH
from franking.core.ids import MOST_CHARACTERS
from franking.core.reading import MAX_DOCUMENT_BYTES
from franking.engine.intake import BATCH, POLL_SECONDS
from franking.office.inbox import HEAD_CHARACTERS
from franking.stores.inbox import BYTES_AT_ONCE, FIRST_PUT_OFF_MS, GIVE_UP_MS, LONGEST_PUT_OFF_MS
from franking.stores.sqlite import BUSY_MS
from postbox import Postbox
from postgres import cluster, template
from serviced import served

PAGE = (Path(__file__).parent.parent / "docs" / "inbox.md").read_text("utf-8")
MIB = 1024 * 1024
ORDERS = "CREATE TABLE orders (number integer PRIMARY KEY)"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def broken(example: str) -> str:
    """The same, with an exception where its last comment is."""
    return re.sub(r"# The end of the block.*", "raise SystemExit(7)", example)


async def run(folder: Path, example: str, **environment: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", example), cwd=folder, env={**os.environ, **environment}
    )
    return await asyncio.wait_for(process.wait(), 30)


@pytest.fixture
def database() -> Iterator[str]:
    name = cluster().create(template())
    yield name
    cluster().drop(name)


async def test_the_example_for_sqlite_runs(tmp_path: Path) -> None:
    [example] = [one for one in examples("python") if "sqlite3" in one]
    box = Postbox()
    await box.start()
    smtp = f"smtp://127.0.0.1:{box.port}"
    async with served(tmp_path, smtp_connection_uri=smtp, max_document_bytes="2000") as http:
        with closing(sqlite3.connect(tmp_path / "franking.db")) as shop, shop:
            shop.execute(ORDERS)
        assert await run(tmp_path, broken(example)) == 7
        assert await run(tmp_path, example) == 0
        # The number is taken, so this one's order is not saved.
        assert await run(tmp_path, example) == 1
        await eventually(lambda: _sent(http))
        assert [to for _, to, _ in box.taken] == [["ada@example.com"]]
        with closing(sqlite3.connect(tmp_path / "franking.db")) as shop, shop:
            shop.execute("INSERT INTO inbox VALUES (9, 'large', ?, 0, 0, 0, NULL)", ["x" * 2001])
        await eventually(lambda: _told(http, "The document has more than 2000 bytes."))
    await box.stop()


async def test_the_example_for_postgresql_runs(tmp_path: Path, database: str) -> None:
    [example] = [one for one in examples("python") if "psycopg" in one]
    grant, disable = examples("sql")
    url = cluster().url(database)
    for statement in (ORDERS, "CREATE ROLE shop LOGIN", "GRANT INSERT ON orders TO shop", grant):
        cluster().execute(statement, database)
    try:
        own = url.replace("//franking@", "//shop@")
        assert await run(tmp_path, broken(example), DATABASE_URL=own) == 7
        assert await run(tmp_path, example, DATABASE_URL=own) == 0
        assert await run(tmp_path, example, DATABASE_URL=own) == 1
        box = Postbox()
        await box.start()
        smtp = f"smtp://127.0.0.1:{box.port}"
        async with served(tmp_path, database_url=url, smtp_connection_uri=smtp) as http:
            await eventually(lambda: _sent(http))
        assert [to for _, to, _ in box.taken] == [["ada@example.com"]]
        await box.stop()
        cluster().execute(disable, database)
        with psycopg.connect(url) as shop:
            shop.execute("INSERT INTO inbox (id) VALUES ('x')")
    finally:
        cluster().execute("DROP OWNED BY shop", database)
        cluster().execute("DROP ROLE shop")


async def _sent(http: httpx.AsyncClient) -> bool:
    return (await http.get("/v1/mail/order-4711")).text.count('"SUCCESS"') > 0


async def _told(http: httpx.AsyncClient, words: str) -> bool:
    return words in (await http.get("/v1/mail/large")).text


def test_the_limits_are_told() -> None:
    assert (MAX_DOCUMENT_BYTES, BYTES_AT_ONCE) == (10 * MIB, 16 * MIB)
    assert f"{BATCH} rows, 16 MiB" in PAGE
    assert f"too large, more than {MAX_DEPTH} levels deep" in PAGE
    assert f"the first {HEAD_CHARACTERS:,} characters" in PAGE
    assert f"more than {MOST_CHARACTERS} characters" in PAGE
    assert (FIRST_PUT_OFF_MS, LONGEST_PUT_OFF_MS, GIVE_UP_MS) == (1_000, 60_000, 86_400_000)
    assert (POLL_SECONDS, BUSY_MS) == (1.0, 5_000)
