"""From a SQLite file to PostgreSQL: every value arrives, or nothing does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from franking.core.delivery import State
from franking.stores import postgres_target
from franking.stores.base import StoreRefused
from franking.stores.copying import copy, tables
from franking.stores.postgres import PostgresStore
from franking.stores.postgres_link import target
from franking.stores.postgres_target import NEW, PostgresTarget
from franking.stores.sqlite import SqliteStore
from franking.stores.sqlite_source import SqliteSource

from .contract import PostgresYard
from .copied import copied, plant
from .mails import HOUR, NOW, claimed, ended, mail, stored


@pytest.fixture
def there(own: PostgresYard) -> Iterator[PostgresTarget]:
    made = PostgresTarget(target(own.url))
    yield made
    made.close()


async def test_what_comes_next_is_numbered_beyond_what_was_copied(
    sqlite_file: Path, own: PostgresYard
) -> None:
    store = SqliteStore(sqlite_file)
    await store.open()
    await store.submit([mail("a")])
    await store.settle([ended(await claimed(store), "sent")])
    await store.submit([mail("b", due_at=NOW + HOUR), mail("gone", due_at=NOW + HOUR)])
    before = await stored(store, "gone")
    await store.close()
    plant(sqlite_file, "DELETE FROM mail WHERE id = 'gone'")
    epoch = closing(sqlite3.connect(sqlite_file))
    with epoch as connection:
        [[drawn]] = connection.execute("SELECT value FROM counter").fetchall()
        [[events]] = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
    copied(sqlite_file, own)
    there = PostgresStore(own.url)
    await there.open()
    await there.submit([mail("next")])
    assert (await stored(there, "next")).mail.seq > before.mail.seq
    lease = await claimed(there)
    assert lease.lease.epoch > drawn
    await there.settle([ended(lease, "sent")])
    assert [found.seq for found in await there.events(events, 10)] > [events]
    assert (await stored(there, "a")).mail.delivery.state == State.SUCCESS
    assert own.count("event") == events + 1
    await there.close()


async def test_what_searches_is_made(sqlite_file: Path, own: PostgresYard) -> None:
    plant(sqlite_file, "INSERT INTO document (seq, body, words) VALUES (1, '{}', 'élan vital')")
    plant(sqlite_file, "INSERT INTO document (seq, body, words) VALUES (2, '{}', '')")
    columns = "(id, kind, status, status_updated_at, created_at, words)"
    plant(sqlite_file, f"INSERT INTO touchpoint {columns} VALUES ('t', 'manual', 's', 0, 0, 'Ada')")
    copied(sqlite_file, own)
    with psycopg.connect(own.url) as there:
        found = "SELECT seq FROM document WHERE search @@ sought('\"elan\"')"
        assert there.execute(found.encode()).fetchall() == [(1,)]
        none = there.execute("SELECT search FROM document WHERE seq = 2").fetchone()
        assert none == (None,)
        found = "SELECT seq FROM touchpoint_search WHERE search @@ sought('\"Ada\"')"
        assert there.execute(found.encode()).fetchall() == [(1,)]


async def test_what_a_row_brings_about_comes_along_and_is_not_brought_about_again(
    sqlite_file: Path, own: PostgresYard
) -> None:
    own.plant("ALTER TABLE inbox DISABLE TRIGGER inbox_written")
    plant(
        sqlite_file,
        "INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)"
        " VALUES ('e', 'email_Sent', 'm', 't', 1, 0, '{}')",
    )
    plant(sqlite_file, "DELETE FROM outbox")
    plant(sqlite_file, "DELETE FROM outbox_lane")
    copied(sqlite_file, own)
    assert [own.count(name) for name in ("event", "outbox", "outbox_lane")] == [1, 0, 0]
    own.plant(
        "INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)"
        " VALUES ('f', 'email_Sent', 'm', 't', 2, 0, '{}')"
    )
    assert own.count("outbox") == 1
    with psycopg.connect(own.url) as there:
        off = "SELECT tgname FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal"
        assert there.execute(off.encode()).fetchall() == [("inbox_written",)]


REFUSED = {
    "mail": "INSERT INTO mail (id, state, account, created_at, due_at, message_token)"
    " VALUES ('m', 'ERROR', 'a', 0, 0, '')",
    "session_secret": "INSERT INTO session_secret (id, secret) VALUES (1, repeat('0', 64))",
    "outlet": "UPDATE outlet SET reason = 'x'",
    "collection": "UPDATE collection SET version = 1 WHERE name = 'users'",
    "installation": "INSERT INTO installation (id) VALUES ('other')",
}


@pytest.mark.parametrize("table", sorted(REFUSED))
async def test_a_database_that_holds_anything_is_refused(
    sqlite_file: Path, own: PostgresYard, table: str
) -> None:
    own.plant(REFUSED[table])
    before = {name: own.count(name) for name in [*REFUSED, "account"]}
    plant(sqlite_file, "INSERT INTO account (id) VALUES ('a')")
    with pytest.raises(StoreRefused, match=f"is not empty: .* the table {table}"):
        copied(sqlite_file, own)
    assert {name: own.count(name) for name in before} == before
    assert {*NEW} < {*REFUSED}


async def test_one_whose_tables_somebody_writes_is_refused(
    sqlite_file: Path, own: PostgresYard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_target, "BEGIN", "BEGIN; SET LOCAL lock_timeout = 50")
    with psycopg.connect(own.url) as other:
        other.execute(REFUSED["mail"].encode())
        with pytest.raises(StoreRefused, match="is being used"):
            copied(sqlite_file, own)


@pytest.mark.parametrize("does", ["RETURN NULL", "NEW.id := 'other'; RETURN NEW"])
async def test_what_does_not_arrive_as_it_was_is_found_and_nothing_is_kept(
    sqlite_file: Path, own: PostgresYard, does: str
) -> None:
    own.plant(
        "CREATE FUNCTION spoils() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF NEW.id = 'a' THEN {does}; END IF; RETURN NEW; END $$"
    )
    own.plant(
        "CREATE TRIGGER spoils BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION spoils()"
    )
    own.plant("ALTER TABLE account ENABLE ALWAYS TRIGGER spoils")
    plant(sqlite_file, "INSERT INTO account (id) VALUES ('a'), ('b')")
    with pytest.raises(StoreRefused, match=r"account has .* after the copy: it was undone"):
        copied(sqlite_file, own)
    assert (own.count("account"), own.count("installation")) == (0, 1)


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE mail ADD COLUMN more text", "ALTER TABLE mail DROP COLUMN fact CASCADE"],
)
async def test_tables_that_are_not_the_same_are_refused(
    sqlite_file: Path, own: PostgresYard, change: str
) -> None:
    own.plant(change)
    with pytest.raises(StoreRefused, match="The table mail is not the same in both"):
        copied(sqlite_file, own)


async def test_an_applications_own_tables_stay(
    sqlite_file: Path, own: PostgresYard, there: PostgresTarget
) -> None:
    plant(sqlite_file, "CREATE TABLE orders (n INTEGER)")
    own.plant("CREATE TABLE orders (n integer)")
    source = SqliteSource(sqlite_file, "there", moving=False)
    assert "orders" not in {table.name for table in tables(source, there)}
    source.close()
    there.close()
    own.plant("INSERT INTO orders VALUES (1)")
    copied(sqlite_file, own)
    assert own.count("orders") == 1


async def test_a_copy_is_of_one_moment(sqlite_file: Path, own: PostgresYard) -> None:
    store = SqliteStore(sqlite_file)
    await store.open()
    await store.submit([mail("before")])
    source = SqliteSource(sqlite_file, "there", moving=False)
    await store.submit([mail("after")])
    there = PostgresTarget(target(own.url))
    copy(source, there, lambda table, rows: None)
    there.commit()
    assert (own.count("mail"), own.count("document")) == (1, 1)
    there.close()
    source.close()
    await store.close()
