"""`franking db copy` where it must not be: told by name, nothing copied, and begun again."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.processes import franking, serving
from franking.app import backup, moving
from franking.cli import backups, copying
from franking.cli import databases as commands
from franking.cli.exits import Code, Ended
from franking.clock import SystemClock
from franking.config import SettingRefused
from franking.stores.base import StoreRefused
from franking.stores.postgres_target import PostgresTarget
from franking.stores.sqlite import SqliteStore
from postgres import cluster
from serviced import loaded
from stores.mails import HOUR, mail

SOURCE = "sqlite:///franking.db"
NOBODY = 9  # the discard port
KEYS = [base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]

# Ends the process, by itself, at a moment of the copy.
STRUCK = """
import os, signal, sys
from pathlib import Path
from franking.app import moving
from franking.config import load

def strike(*given):
    os.kill(os.getpid(), signal.SIGKILL)

spot, url = sys.argv[1:]
if spot == "commit":
    moving._commit = strike
told = strike if spot == "rows" else lambda table, rows: None
settings = load({"FRANKING_DATABASE_URL": url})
moving.move(settings, Path("franking.db"), False, lambda rows: told)
"""


def move(folder: Path, url: str, rehearse: bool = False, **settings: str) -> int:
    """Copy the file of a folder; how many rows."""
    found = loaded(folder, database_url=url, **settings)
    return moving.move(found, folder / "franking.db", rehearse, _nobody_hears).rows


def _nobody_hears(rows: int) -> moving.Told:
    return lambda table, rows: None


def value(path: Path, statement: str) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchone()[0]


def count(url: str, table: str = "mail") -> int:
    with psycopg.connect(url) as there:
        [found] = there.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or [0]
        return int(found)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a file in which one mail waits for an hour."""
    store = SqliteStore(tmp_path / "franking.db")
    await store.open()
    await store.submit([mail("m1", due_at=SystemClock().now() + HOUR)])
    await store.close()
    return tmp_path


NAMES = (
    (SOURCE, "mysql://u:geheim@h/d", "mysql: is no target."),
    (SOURCE, "sqlite:///other.db", "A file is copied to a file by `franking db backup`."),
    ("oracle://u:geheim@h/d", "postgresql://h/d", "oracle: is no source."),
    ("franking.db", "postgresql://h/d", "franking.db is no source."),
    ("postgresql://u:geheim@h/d", SOURCE, "From PostgreSQL nothing is copied"),
    ("sqlite:///", "postgresql://h/d", "The source must be sqlite:///franking.db"),
    (SOURCE, "postgresql://u:geheim@h", "The target must name one database"),
)


@pytest.mark.parametrize(("source", "target", "words"), NAMES)
def test_only_from_a_file_to_postgresql(
    tmp_path: Path, source: str, target: str, words: str
) -> None:
    with pytest.raises(Ended) as ended:
        copying.copy(loaded(tmp_path), source, target, rehearse=False)
    assert ended.value.code == Code.USAGE
    assert words in str(ended.value)
    assert "geheim" not in str(ended.value)


async def test_what_is_not_there_is_told(folder: Path, database: str) -> None:
    with pytest.raises(StoreRefused, match="There is no database"):
        move(folder / "none", database)
    name = cluster().create()
    with pytest.raises(StoreRefused, match=r"has no schema of version .* franking db migrate"):
        move(folder, cluster().url(name))
    cluster().drop(name)
    with pytest.raises(StoreRefused, match="can't be reached") as refused:
        move(folder, "postgresql://u:geheim@127.0.0.1:1/d")
    assert "geheim" not in str(refused.value)
    assert value(folder / "franking.db", "PRAGMA application_id") == 0
    (folder / "franking.db").write_text("no database at all " * 100)
    with pytest.raises(StoreRefused, match=r"franking\.db"):
        move(folder, database)


async def test_a_file_of_another_version_and_a_backup_are_refused(
    folder: Path, database: str
) -> None:
    file = folder / "franking.db"
    for version, words in ((9999, "use the newer franking"), (1, "use franking db migrate")):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(StoreRefused, match=words):
            move(folder, database)
    backup.back_up(file, folder / "b.db")
    (folder / "b.db").rename(file)
    with pytest.raises(StoreRefused, match="db after-restore"):
        move(folder, database, rehearse=True)
    assert count(database) == 0


async def test_while_somebody_serves_either_nothing_is_moved(folder: Path, database: str) -> None:
    file = folder / "franking.db"
    async with serving(folder, NOBODY) as serve:
        ended = await franking(folder, "db", "copy", SOURCE, database)
        assert ended.code == 4
        assert f"is in use by franking serve (process {serve.process.pid})" in ended.err
        assert "would be sent again" in ended.err
        ended = await franking(folder, "db", "copy", SOURCE, database, "--rehearse")
        assert (ended.code, "nothing was kept of it" in ended.out) == (0, True), ended.err
        assert "mail: 1 rows" in ended.err
        assert (count(database), value(file, "PRAGMA application_id")) == (0, 0)
    async with serving(folder, NOBODY, only="api", database_url=database):
        with pytest.raises(StoreRefused, match="is in use by franking serve"):
            move(folder, database)
    assert count(database) == 0


async def test_secrets_need_the_key_that_all_will_have(folder: Path, database: str) -> None:
    server = ("--uri", "smtps://u@smtp.example.com:465", "--password-stdin")
    made = await franking(folder, "account", "set", "rep", *server, stdin=b"geheim\n")
    assert made.code == 0, made.err
    file, key = folder / "franking.db", (folder / "franking.db-key").read_text().strip()
    words = "FRANKING_SECRET_KEY is not set, and 1 secrets .* what stands in .*franking.db-key"
    with pytest.raises(SettingRefused, match=words):
        move(folder, database)
    with pytest.raises(SettingRefused, match='of the account "rep" is sealed with'):
        move(folder, database, secret_key=KEYS[0])
    sealed = value(file, "SELECT secret FROM account WHERE id = 'rep'")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE account SET secret = ? WHERE id = 'rep'", [sealed[:-1] + b"0"])
        connection.execute(
            "INSERT INTO webhook (id, url, types, include, secret, created_at)"
            " VALUES ('rep', '', '[]', 'doc', ?, 0)",
            [sealed],
        )
    with pytest.raises(SettingRefused, match='of account "rep" is damaged'):
        move(folder, database, secret_key=key)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE account SET secret = ? WHERE id = 'rep'", [sealed])
    with pytest.raises(SettingRefused, match='of account "webhook rep" is damaged'):
        move(folder, database, secret_key=key)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM webhook")
    assert count(database, "account") == 0
    assert move(folder, database, secret_key=f"{KEYS[0]},{key}") > 0


@pytest.mark.parametrize("spot", ["rows", "commit"])
async def test_a_copy_that_is_killed_is_begun_again(folder: Path, database: str, spot: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STRUCK, spot, database), cwd=folder
    )
    assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    assert count(database) == 0
    if spot == "commit":
        # The file is not served, for all could be there.
        with pytest.raises(StoreRefused, match="was moved to the database test_"):
            await SqliteStore(folder / "franking.db").open()
    assert move(folder, database) > 0
    assert count(database) == 1


async def test_a_commit_that_is_refused_leaves_the_file_as_it_was(
    folder: Path, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as there:
        there.execute(
            "CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'not today'; END $$"
        )
        there.execute(
            "CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON account"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuses()"
        )
        there.execute("ALTER TABLE account ENABLE ALWAYS TRIGGER refuses")
    with pytest.raises(StoreRefused, match="not today"):
        move(folder, database)
    assert count(database) == 0
    store = SqliteStore(folder / "franking.db")
    await store.open()
    await store.close()


async def test_a_commit_that_nobody_heard_of_leaves_the_mark(
    folder: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(PostgresTarget):
        """A database that goes away with the COMMIT."""

        def commit(self) -> None:
            with psycopg.connect(database, autocommit=True) as there:
                there.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            super().commit()

    with monkeypatch.context() as patched:
        patched.setattr(moving, "PostgresTarget", Gone)
        with pytest.raises(StoreRefused, match="Run the same command again"):
            move(folder, database)
    with pytest.raises(StoreRefused, match="was moved to"):
        await SqliteStore(folder / "franking.db").open()
    assert move(folder, database) > 0


async def test_a_file_that_was_moved_is_used_no_more(folder: Path, database: str) -> None:
    file = folder / "franking.db"
    ended = await franking(folder, "db", "copy", SOURCE, database)
    assert (ended.code, "is marked as moved" in ended.out) == (0, True), ended.err
    uri = f"smtp://127.0.0.1:{NOBODY}"
    ended = await franking(folder, "serve", http="127.0.0.1:0", smtp_connection_uri=uri)
    assert (ended.code, "was moved to the database test_" in ended.err) == (4, True), ended
    with pytest.raises(StoreRefused, match="was moved to"):
        await commands.migrate(loaded(folder))
    with pytest.raises(Ended, match="is not served any more"):
        commands.status(loaded(folder))
    with (
        closing(sqlite3.connect(file)) as application,
        pytest.raises(sqlite3.IntegrityError, match="franking was moved from this file"),
    ):
        application.execute("INSERT INTO inbox (document) VALUES ('{}')")
    with pytest.raises(StoreRefused, match="is not empty"):
        move(folder, database)


async def test_to_another_place_it_is_not_moved_a_second_time(folder: Path, database: str) -> None:
    move(folder, database)
    other = cluster().create()
    await commands.migrate(loaded(folder, database_url=cluster().url(other)))
    with pytest.raises(StoreRefused, match="was moved to"):
        move(folder, cluster().url(other))
    assert count(cluster().url(other)) == 0
    cluster().drop(other)


@pytest.mark.parametrize("back", ["reopen", "after-restore"])
async def test_there_is_a_way_back(folder: Path, database: str, back: str) -> None:
    file, settings = folder / "franking.db", loaded(folder)
    with pytest.raises(Ended, match="was not moved"):
        copying.reopen(settings)
    move(folder, database)
    if back == "reopen":
        copying.reopen(settings)
    else:
        await backups.after_restore(settings, SystemClock(), keep_later=False)
    with closing(sqlite3.connect(file)) as application, application:
        application.execute("INSERT INTO inbox (document) VALUES ('{}')")
        left = "SELECT count(*) FROM sqlite_schema WHERE name IN ('moved', 'inbox_moved')"
        assert application.execute(left).fetchone() == (0,)
    state = "PENDING" if back == "reopen" else "ERROR"
    assert value(file, "SELECT state FROM mail") == state
    store = SqliteStore(file)
    await store.open()
    await store.close()


def test_only_a_file_is_reopened(tmp_path: Path, database: str) -> None:
    for settings in (loaded(tmp_path), loaded(tmp_path, database_url=database)):
        with pytest.raises(StoreRefused, match="is no SQLite file that was moved"):
            copying.reopen(settings)
    assert os.listdir(tmp_path) == []
