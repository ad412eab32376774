"""The inbox of a SQLite file: what only SQLite takes as a text, and another process at the file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from franking.core.delivery import State
from franking.stores.base import Filter
from franking.stores.sqlite import SqliteStore

from .inbox import DOCUMENT, all_taken
from .mails import delivery, stored


async def put(path: Path, id: Any, document: Any) -> SqliteStore:
    """An open store that has taken in one row."""
    store = SqliteStore(path)
    await store.open()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO inbox (id, document) VALUES (?, ?)", (id, document))
    connection.close()
    await all_taken(store)
    return store


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b'{"to": "\xff"}', "The document is not UTF-8 (byte 8)."),
        ('{"to": "a\0b"}', "The document is no JSON that can be read"),
        ("\0", "The document is no JSON that can be read"),
        (b"\0\xff\xfe", "The document is no"),
        (5, "The document is a number, not a JSON object."),
        (1.5, "The document is a number, not a JSON object."),
        (None, "The document is no JSON that can be read"),
    ],
)
async def test_what_is_no_text_is_told_on_the_mail(
    tmp_path: Path, document: Any, words: str
) -> None:
    store = await put(tmp_path / "f.db", "x", document)
    told = await delivery(store, "x")
    assert told.state == State.ERROR
    assert (told.error or "").startswith(f"Error: {words}")
    await store.close()


async def test_a_text_that_is_no_utf8_is_told_on_the_mail(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "f.db")
    await store.open()
    connection = sqlite3.connect(tmp_path / "f.db")
    with connection:
        connection.execute(
            "INSERT INTO inbox (id, document)"
            " VALUES (CAST(x'FF41' AS TEXT), CAST(x'7B22FF223A317D' AS TEXT))"
        )
    connection.close()
    await all_taken(store)
    assert "not UTF-8" in ((await delivery(store, "\ufffdA")).error or "")
    await store.close()


async def test_bytes_of_json_are_a_document(tmp_path: Path) -> None:
    store = await put(tmp_path / "f.db", 42, json.dumps(DOCUMENT).encode())
    assert json.loads(bytes((await stored(store, "42")).document)) == DOCUMENT
    await store.close()


async def test_an_id_of_bytes_is_one(tmp_path: Path) -> None:
    store = await put(tmp_path / "f.db", b"order\xff", json.dumps(DOCUMENT))
    [found] = await store.page(Filter(), 10)
    assert (found.mail.id, found.mail.delivery.state) == ("order\ufffd", State.PENDING)
    await store.close()


async def test_many_connections_write_and_all_becomes_mails(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "f.db")
    await store.open()

    def insert(worker: int) -> None:
        connection = sqlite3.connect(tmp_path / "f.db", timeout=30, isolation_level=None)
        for n in range(25):
            connection.execute("BEGIN")
            values = (f"{worker}-{n}", json.dumps(DOCUMENT))
            connection.execute("INSERT INTO inbox (id, document) VALUES (?, ?)", values)
            connection.execute("ROLLBACK" if n % 5 == 4 else "COMMIT")
        connection.close()

    writers = asyncio.gather(*(asyncio.to_thread(insert, worker) for worker in range(8)))
    while not writers.done():
        await all_taken(store)
    await writers
    await all_taken(store)
    found = {one.mail.id for one in await store.page(Filter(), 1000)}
    assert found == {f"{worker}-{n}" for worker in range(8) for n in range(25) if n % 5 != 4}
    await store.close()
