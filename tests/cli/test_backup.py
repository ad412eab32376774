"""A backup beside a serve, what is refused of it, and the way back, by the commands themselves."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventually import eventually
from franking.app import backup as copies
from franking.clock import SystemClock
from franking.core import times
from franking.stores.base import StoreRefused
from franking.stores.sqlite import BACKUP_MARK, SqliteStore

from .processes import franking, serving

DOCUMENT = {
    "to": "ada@example.com",
    "from": "b@example.com",
    "message": {"subject": "Hi", "text": "Hello"},
}
NOBODY = 9  # the discard port, where no SMTP server listens: mails wait


def value(path: Path, statement: str) -> Any:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchone()[0]
    finally:
        connection.close()


async def test_where_there_is_nothing_there_is_no_backup_and_no_way_back(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "db", "backup", "b.db")
    assert (ended.code, "no database" in ended.err) == (4, True)
    ended = await franking(tmp_path, "db", "after-restore")
    assert (ended.code, "no database" in ended.err) == (4, True)
    assert [name for name in os.listdir(tmp_path) if name.endswith(".db")] == []


async def test_a_backup_is_never_written_over_a_file(tmp_path: Path) -> None:
    await franking(tmp_path, "db", "migrate")
    (tmp_path / "b.db").write_bytes(b"precious")
    ended = await franking(tmp_path, "db", "backup", "b.db")
    assert (ended.code, "exists" in ended.err) == (4, True)
    assert (tmp_path / "b.db").read_bytes() == b"precious"


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    await franking(tmp_path, "db", "migrate")
    ended = await franking(tmp_path, "db", "backup", "none/b.db")
    assert (ended.code, "can't be written" in ended.err) == (4, True)


def test_a_damaged_copy_is_no_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "f.db"
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.execute("CREATE INDEX i ON t (a)")
        rows = [("x" * 900 + str(n),) for n in range(99)]
        connection.executemany("INSERT INTO t VALUES (?)", rows)
    connection.close()
    content = bytearray(database.read_bytes())
    content[-4096 * 3 : -4096 * 2] = os.urandom(4096)
    database.write_bytes(content)
    with pytest.raises(StoreRefused, match=r"damaged|malformed"):
        copies.back_up(database, tmp_path / "b.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.db"]


async def test_a_backup_is_whole_while_mails_are_written(tmp_path: Path) -> None:
    """All of one moment: as many mails as documents, and those that were answered before."""
    async with (
        serving(tmp_path, NOBODY) as serve,
        httpx.AsyncClient(base_url=serve.url, timeout=30) as http,
    ):
        for number in range(30):
            assert (await http.put(f"/v1/mail/a{number}", json=DOCUMENT)).status_code == 201
        stop = asyncio.Event()

        async def written() -> None:
            number = 0
            while not stop.is_set():
                await http.put(f"/v1/mail/b{number}", json=DOCUMENT)
                number += 1

        writers = [asyncio.create_task(written()) for _ in range(4)]
        ended = await franking(tmp_path, "db", "backup", "b.db")
        stop.set()
        await asyncio.gather(*writers)
    assert ended.code == 0, ended.err
    copy = tmp_path / "b.db"
    assert value(copy, "PRAGMA integrity_check") == "ok"
    assert value(copy, "SELECT count(*) FROM mail WHERE id LIKE 'a%'") == 30
    mails = value(copy, "SELECT count(*) FROM mail")
    assert value(copy, "SELECT count(*) FROM document") == mails
    assert value(copy, "PRAGMA application_id") == BACKUP_MARK
    assert value(tmp_path / "franking.db", "PRAGMA application_id") == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []


async def test_nothing_of_a_backup_is_sent_before_it_was_gone_through(tmp_path: Path) -> None:
    later = times.text(SystemClock().now() + 3_600_000)
    async with (
        serving(tmp_path, NOBODY) as serve,
        httpx.AsyncClient(base_url=serve.url) as http,
    ):
        await http.put("/v1/mail/m1", json={**DOCUMENT, "sendAt": later})
        ended = await franking(tmp_path, "db", "after-restore")
        assert (ended.code, "is in use" in ended.err) == (4, True)
        assert (await franking(tmp_path, "db", "backup", "b.db")).code == 0
    for name in [name for name in os.listdir(tmp_path) if name.startswith("franking.db")]:
        (tmp_path / name).unlink()
    (tmp_path / "b.db").rename(tmp_path / "franking.db")
    given = {"http": "127.0.0.1:0", "smtp_connection_uri": f"smtp://127.0.0.1:{NOBODY}"}
    for command in (["serve"], ["mail", "list"]):
        ended = await franking(tmp_path, *command, stdin=b"", **given)
        assert (ended.code, "franking db after-restore" in ended.err) == (4, True)
    ended = await franking(tmp_path, "db", "after-restore")
    assert (ended.code, ended.out.startswith("1 mails and 0 emails")) == (0, True)
    again = await franking(tmp_path, "db", "after-restore")
    assert (again.code, again.out.startswith("0 mails and 0 emails")) == (0, True)
    assert (await franking(tmp_path, "doctor")).out.endswith("0 stuck.\n")
    async with (
        serving(tmp_path, NOBODY) as serve,
        httpx.AsyncClient(base_url=serve.url) as http,
    ):

        async def listed() -> Any:
            answer = await http.get("/v1/mail", params={"category": "outcome_unknown"})
            return answer.json()["items"]

        [found] = await eventually(listed)
        assert (found["id"], found["delivery"]["outcome"]) == ("m1", "unknown")


async def test_a_store_on_a_backup_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    store = SqliteStore(path)
    await store.open()
    await store.close()
    copies.back_up(path, tmp_path / "b.db")
    assert copies.marked(tmp_path / "b.db")
    with pytest.raises(StoreRefused, match="is a backup"):
        await SqliteStore(tmp_path / "b.db").open()
    restored = SqliteStore(tmp_path / "b.db", restoring=True)
    await restored.open()
    await restored.close()
    assert copies.marked(tmp_path / "b.db")
    copies.unmark(tmp_path / "b.db")
    assert not copies.marked(tmp_path / "b.db")
