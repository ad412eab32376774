"""SQLite files that are new, newer, broken, read-only, held by another, or on a full disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from franking.core.delivery import State
from franking.stores import sqlite, sqlite_migration
from franking.stores.base import Filter, Store, StoreRefused, StoreUnavailable
from franking.stores.queries import migrations
from franking.stores.sqlite import SqliteStore
from franking.stores.sqlite_session import SqliteSession

from .mails import LEASE_MS, NOW, claimed, delivery, ended, ids, mail, raw

NOBODY = 65534


async def opened(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    await store.open()
    return store


def pragma(path: Path, statement: str) -> object:
    connection = sqlite3.connect(path)
    found = connection.execute(f"PRAGMA {statement}").fetchone()
    connection.commit()
    connection.close()
    return found and found[0]


async def test_an_empty_file_becomes_the_newest_version(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    store = await opened(path)
    assert pragma(path, "user_version") == store.version == migrations("sqlite")[-1][0]
    await store.close()


async def test_it_is_durable_and_readable_meanwhile(tmp_path: Path) -> None:
    store = await opened(tmp_path / "a.db")
    connection = store._connect()
    modes = [
        connection.execute(f"PRAGMA {n}").fetchone()[0] for n in ("journal_mode", "synchronous")
    ]
    assert modes == ["wal", 2]  # 2 is FULL
    connection.close()
    await store.close()


async def test_a_closed_file_is_one_file(tmp_path: Path) -> None:
    store = await opened(tmp_path / "a.db")
    await store.submit([mail()])
    await store.read("m1")
    await store.close()
    assert os.listdir(tmp_path) == ["a.db"]


async def test_a_migration_that_fails_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    broken = "CREATE TABLE half (id INTEGER);\nCREATE TABLE mail (id INTEGER);\n"
    await (await opened(path)).close()
    newest = migrations("sqlite")[-1][0]
    steps = [*migrations("sqlite"), (newest + 1, broken)]
    monkeypatch.setattr(sqlite_migration, "migrations", lambda _: steps)
    with pytest.raises(StoreRefused, match="already exists"):
        await opened(path)
    assert pragma(path, "user_version") == newest
    assert pragma(path, "table_info(half)") is None


async def test_a_newer_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await (await opened(path)).close()
    pragma(path, "user_version = 999")
    with pytest.raises(StoreRefused, match=r"version 999, this franking knows up to \d+\. Start"):
        await opened(path)
    assert pragma(path, "user_version") == 999


@pytest.mark.parametrize(
    "content", [b"no database at all " * 100, b"SQLite format 3\x00" + b"x" * 4000]
)
async def test_a_broken_file_is_refused_and_left(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(StoreRefused, match=r"a\.db: "):
        await opened(path)
    assert path.read_bytes() == content


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="unable to open"):
        await opened(tmp_path / "none" / "a.db")


@pytest.fixture
def someone() -> Iterator[Path]:
    """A folder that all may read, and not to be root, whom no file's mode stops."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o755)


async def test_a_read_only_file_is_refused_in_words(someone: Path) -> None:
    path = someone / "a.db"
    await (await opened(path)).close()
    os.chmod(path, 0o444)
    os.chmod(someone, 0o555)
    if os.getuid() == 0:
        os.seteuid(NOBODY)
    with pytest.raises(StoreRefused, match="read-only"):
        await opened(path)


async def test_a_held_database_is_unavailable_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 20)
    path = tmp_path / "a.db"
    store = await opened(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="Another process holds the database"):
        await store.submit([mail()])
    assert await store.page(Filter(), 10) == []  # readers go on
    holder.execute("ROLLBACK")
    holder.close()
    await store.submit([mail()])
    await store.close()


@pytest.fixture
async def full(tmp_path: Path) -> Store:
    """A store whose disk has room for some pages more."""
    path = tmp_path / "a.db"
    store = await opened(path)
    await store.submit([mail("before"), mail("held", account="B")])
    await limit(store, 0)
    return store


async def limit(store: Store, pages: int) -> None:
    """Give the writer so many pages more; as many as it likes where none is named."""
    assert isinstance(store, SqliteStore)
    assert store._writer is not None
    session = store._writer._session
    assert isinstance(session, SqliteSession)
    connection = session.connection
    [count] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {count + pages if pages >= 0 else 2**30}")


LARGE = raw({"to": "x" * 100_000})


async def test_a_full_disk_is_unavailable_and_nothing_is_half_written(full: Store) -> None:
    with pytest.raises(StoreUnavailable, match="The disk is full: nothing was written"):
        await full.submit([mail("small"), mail("large", document=LARGE)])
    assert ids(await full.page(Filter(), 10)) == ["held", "before"]
    await full.close()


async def test_it_goes_on_by_itself_when_there_is_room(full: Store) -> None:
    with pytest.raises(StoreUnavailable):
        await full.submit([mail("large", document=LARGE)])
    await limit(full, -1)
    await full.submit([mail("large", document=LARGE)])
    assert len(await full.claim(NOW, 9, LEASE_MS)) == 3
    await full.close()


async def test_on_a_full_disk_each_caller_is_told_the_truth(full: Store) -> None:
    await limit(full, 30)
    wishes = [full.submit([mail(f"m{n}", document=LARGE)]) for n in range(6)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert any(isinstance(answer, StoreUnavailable) for answer in answers)
    kept = [await full.read(f"m{n}") is not None for n in range(6)]
    assert kept == [isinstance(answer, list) for answer in answers]
    await full.close()


async def test_an_end_that_found_no_room_is_written_later(full: Store) -> None:
    found = await claimed(full)
    end = ended(found, "sent")
    large = replace(end, attempt=replace(end.attempt, steps=[{"text": "x" * 100_000}]))
    with pytest.raises(StoreUnavailable):
        await full.settle([large])
    assert (await delivery(full, found.mail.id)).state is State.PROCESSING
    await limit(full, -1)
    assert await full.settle([large]) == [True]
    await full.close()
