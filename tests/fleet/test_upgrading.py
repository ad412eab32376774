"""The next version migrates while processes of this one serve; and where that must not be."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from cli.processes import franking, mailbox, serving
from eventually import eventually
from fleet.processes import part
from franking.app import databases
from franking.cli import databases as commands
from franking.stores import postgres_migration, queries
from franking.stores.base import StoreRefused
from franking.stores.postgres_link import LOCK_MS, Link
from franking.stores.queries import migrations
from franking.stores.sqlite import SqliteStore
from serviced import loaded

KNOWN = {dialect: migrations(dialect)[-1][0] for dialect in ("postgres", "sqlite")}
ADDING = """ALTER TABLE mail ADD COLUMN next_thing INTEGER;
ALTER TABLE event ADD COLUMN next_thing INTEGER;
ALTER TABLE account ADD COLUMN next_thing INTEGER;
ALTER TABLE timer ADD COLUMN next_thing INTEGER;
CREATE TABLE next_table (id INTEGER PRIMARY KEY);
CREATE INDEX next_index ON mail (next_thing);
"""
# What lists and claims read is made anew, as a column more in it asks for.
VIEWS = """DO $$
DECLARE said text := pg_get_viewdef('mail_json');
BEGIN
    DROP VIEW mail_json;
    EXECUTE 'CREATE VIEW mail_json AS ' || said;
END $$;
"""
TAKING = "ALTER TABLE mail RENAME COLUMN subject TO topic;\n"
BROKEN = "CREATE TABLE half (id INTEGER);\nCREATE TABLE mail (id INTEGER);\n"

Upgrade = Callable[..., None]


@pytest.fixture
def upgrade(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Upgrade:
    """This process becomes a franking with one migration more; `least` is what it says there."""
    folder = tmp_path_factory.mktemp("next") / "sql"
    shutil.copytree(queries.SQL, folder)

    def upgraded(text: str, *, adds: bool = False) -> None:
        for dialect, known in KNOWN.items():
            said = f"-- least: {known}\n" if adds else ""
            (folder / dialect / "migrations" / f"{known + 1:04}_next.sql").write_text(said + text)
        monkeypatch.setattr(queries, "SQL", folder)

    return upgraded


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as there:
        return there.execute(query.encode()).fetchall()


def versions(url: str) -> databases.Versions:
    return databases.versions(loaded(Path(), database_url=url))


async def migrate(url: str) -> None:
    await commands.migrate(loaded(Path(), database_url=url))


async def handed_in(http: httpx.AsyncClient, name: str, count: int = 20) -> None:
    mails = [
        {"to": f"{name}{n}@example.com", "message": {"subject": "s", "text": "t"}}
        for n in range(count)
    ]
    answer = await http.post("/v1/mail/batch", json=mails)
    assert answer.status_code < 300, answer.text


async def test_this_version_serves_on_while_the_next_one_migrates(
    tmp_path: Path, database: str, upgrade: Upgrade
) -> None:
    async with (
        mailbox() as capture,
        serving(tmp_path, capture.port, database_url=database) as old,
        httpx.AsyncClient(base_url=old.url, timeout=30) as http,
    ):

        async def sent(*names: str) -> None:
            wanted = {f"{name}{n}@example.com" for name in names for n in range(20)}

            async def all_there() -> bool:
                return {to for mail in capture.mails for to in mail.recipients} >= wanted

            await eventually(all_there, 60)

        # Each of its statements is prepared by now.
        for name in ("a", "b"):
            await handed_in(http, name)
            await sent(name)
        upgrade(ADDING + VIEWS, adds=True)
        await asyncio.gather(migrate(database), handed_in(http, "c"), handed_in(http, "d"))
        assert versions(database).found == KNOWN["postgres"] + 1
        await handed_in(http, "e")
        await sent("c", "d", "e")
        # The next one beside it, and a new process of this one.
        uri = f"smtp://127.0.0.1:{capture.port}"
        async with (
            part(tmp_path, database, smtp_connection_uri=uri),
            serving(tmp_path, capture.port, database_url=database) as again,
            httpx.AsyncClient(base_url=again.url, timeout=30) as other,
        ):
            await asyncio.gather(handed_in(other, "f"), handed_in(http, "g"))
            await sent("f", "g")
        assert {*Counter(mail.recipients for mail in capture.mails).values()} == {1}
        assert (await http.get("/v1/mail?state=ERROR")).json()["items"] == []
        status = await franking(tmp_path, "db", "status", database_url=database)
        assert (status.code, "this one works on it too" in status.out) == (0, True), status
        assert f"{old.process.pid}@" in status.out
    checked = await franking(tmp_path, "doctor", database_url=database)
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "0 stuck.")


async def test_what_a_connected_process_needs_is_not_taken_away(
    tmp_path: Path, database: str, upgrade: Upgrade
) -> None:
    async with serving(tmp_path, 1, only="api", database_url=database) as old:
        upgrade(TAKING)
        with pytest.raises(StoreRefused, match=rf"connected: {old.process.pid}@.* Stop them"):
            await migrate(database)
        assert versions(database).found == KNOWN["postgres"]
        assert ask(database, "SELECT subject FROM mail") == []
    await migrate(database)
    ended = await franking(
        tmp_path,
        "serve",
        database_url=database,
        http="127.0.0.1:0",
        smtp_connection_uri="smtp://127.0.0.1:1",
    )
    assert ended.code == 4
    found, known = KNOWN["postgres"] + 1, KNOWN["postgres"]
    assert f"is of version {found}, this franking knows up to {known}." in ended.err
    ended = await franking(tmp_path, "doctor", database_url=database)
    assert (ended.code, "belongs to a newer franking" in ended.err) == (4, True)


async def test_a_migration_that_fails_leaves_the_schema_before(
    database: str, upgrade: Upgrade
) -> None:
    before = ask(database, "SELECT number, least FROM franking_version")
    upgrade(BROKEN, adds=True)
    with pytest.raises(StoreRefused, match="already exists"):
        await migrate(database)
    assert ask(database, "SELECT to_regclass('half')") == [(None,)]
    assert ask(database, "SELECT number, least FROM franking_version") == before
    upgrade(ADDING, adds=True)
    await migrate(database)
    assert ask(database, "SELECT number, least FROM franking_version") == [
        (KNOWN["postgres"] + 1, KNOWN["postgres"])
    ]


async def test_who_migrates_at_the_same_time_waits_however_long_it_takes(
    database: str, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits for the other's transaction, and both for longer than for any answer."""
    monkeypatch.setattr(Link, "answer_seconds", 0.3)
    monkeypatch.setattr(postgres_migration, "LOCK_MS", 300)
    monkeypatch.setattr(postgres_migration, "MOST_TRIES", 1)
    upgrade("CREATE TABLE once AS SELECT pg_sleep(0.8)::text;\n", adds=True)
    await asyncio.gather(*[migrate(database) for _ in range(3)])
    assert ask(database, "SELECT count(*) FROM once") == [(1,)]


async def test_a_table_that_somebody_uses_is_waited_for_again_and_again(
    database: str, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_migration, "LOCK_MS", 20)
    upgrade(ADDING, adds=True)
    with psycopg.connect(database) as other:
        other.execute("SELECT 1 FROM mail")
        with monkeypatch.context() as hasty:
            hasty.setattr(postgres_migration, "MOST_TRIES", 1)
            with pytest.raises(StoreRefused, match="Look for who in pg_locks"):
                await migrate(database)
        migrating = asyncio.create_task(migrate(database))

        async def tried() -> bool:
            waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
            return bool(await asyncio.to_thread(lambda: ask(database, waits)[0][0]))

        await eventually(tried)
        assert versions(database).found == KNOWN["postgres"]
        other.rollback()
        await migrating
    assert versions(database).found == KNOWN["postgres"] + 1


def test_the_page_tells_the_limits() -> None:
    page = (Path(__file__).parents[2] / "docs" / "upgrading.md").read_text("utf-8")
    told = (postgres_migration.LOCK_MS, postgres_migration.MOST_TRIES, LOCK_MS)
    assert told == (2_000, 15, 5_000)
    assert "| 2 s, 15 times, half a second between: others, who wait behind it" in page
    assert "wait for 5 s at most" in page
    assert "pg_sleep(0.5)" in queries.load("postgres", "own")["rest"]
    assert postgres_migration.STEP_MS == 10 * 60_000
    assert "| has for one step | 10 minutes |" in page


async def test_a_step_that_takes_too_long_is_given_up(
    database: str, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_migration, "STEP_MS", 50)
    upgrade("CREATE TABLE once AS SELECT pg_sleep(30)::text;\n", adds=True)
    with pytest.raises(StoreRefused, match="The database took too long"):
        await migrate(database)
    assert versions(database).found == KNOWN["postgres"]


async def test_a_file_is_migrated_when_nobody_serves_it(tmp_path: Path, upgrade: Upgrade) -> None:
    here = f"sqlite:///{tmp_path}/franking.db"
    async with mailbox() as capture:
        async with serving(tmp_path, capture.port) as old:
            upgrade(ADDING, adds=True)
            with pytest.raises(StoreRefused, match=rf"serve \(process {old.process.pid}\)"):
                await migrate(here)
            assert versions(here).found == KNOWN["sqlite"]
        await migrate(here)
        assert (versions(here).found, versions(here).least) == (
            KNOWN["sqlite"] + 1,
            KNOWN["sqlite"],
        )
        # Back to this version.
        async with (
            serving(tmp_path, capture.port) as again,
            httpx.AsyncClient(base_url=again.url) as http,
        ):
            await handed_in(http, "a", 1)

            async def sent() -> bool:
                return len(capture.mails) == 1

            await eventually(sent)


async def test_a_file_that_is_too_new_is_refused(
    tmp_path: Path, upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "franking.db", queries.SQL
    await migrate(f"sqlite:///{file}")
    upgrade(TAKING)
    await migrate(f"sqlite:///{file}")
    monkeypatch.setattr(queries, "SQL", before)
    with pytest.raises(StoreRefused, match="this franking knows up to"):
        await SqliteStore(file).open()
    assert not versions(f"sqlite:///{file}").usable
