"""The inbox in PostgreSQL: the application's role, many connections and many workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.types.json import Json, Jsonb

from eventually import eventually
from franking.clock import HandClock
from franking.core.delivery import State
from franking.engine.intake import Intake
from franking.stores.base import Filter, Store
from franking.stores.postgres import PostgresStore
from franking.stores.postgres_link import LOCK_MS

from .contract import PostgresYard
from .inbox import DOCUMENT, Tripping, all_taken, door, now_written, taken, write
from .mails import LEASE_MS, NOW, delivery, mail, stored

INSERT = "INSERT INTO inbox (id, document) VALUES (%s, %s)"


def role(own: PostgresYard, *grants: str) -> str:
    """A URL for a role that has been granted these, and may log in."""
    name = f"app_{own.name}"
    own.plant(f"CREATE ROLE {name} LOGIN")
    for grant in grants:
        own.plant(f"GRANT {grant} TO {name}")
    return own.url.replace("//franking@", f"//{name}@")


def drop(own: PostgresYard) -> None:
    own.plant(f"DROP OWNED BY app_{own.name}")
    own.plant(f"DROP ROLE app_{own.name}")


def heard(wake: Callable[[], object]) -> Callable[[], None]:
    """Calls it in this loop."""
    loop = asyncio.get_running_loop()

    def hear() -> None:
        loop.call_soon_threadsafe(wake)

    return hear


async def test_an_application_needs_insert_and_nothing_else(
    own: PostgresYard, stores: list[Store]
) -> None:
    url = role(own, "INSERT (id, document) ON inbox")
    with psycopg.connect(url) as application:
        application.execute(INSERT, ("x", json.dumps(DOCUMENT)))
    with psycopg.connect(url) as application:
        application.execute("INSERT INTO inbox (document) VALUES (%s)", (json.dumps(DOCUMENT),))
    refused = (
        "SELECT * FROM inbox",
        "DELETE FROM inbox",
        "UPDATE inbox SET document = ''",
        "INSERT INTO inbox (next_at, document) VALUES (1, '')",
        "SELECT * FROM mail",
    )
    for statement in refused:
        with (
            psycopg.connect(url) as application,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            application.execute(statement.encode())
    await all_taken(stores[0])
    assert (await delivery(stores[1], "x")).state == State.PENDING
    assert own.count("mail") == 2
    drop(own)


async def test_an_application_may_be_told_the_id(own: PostgresYard, stores: list[Store]) -> None:
    url = role(own, "INSERT (id, document) ON inbox", "SELECT (id) ON inbox")
    with psycopg.connect(url) as application:
        query = "INSERT INTO inbox (document) VALUES (%s) RETURNING id"
        [id] = application.execute(query, (json.dumps(DOCUMENT),)).fetchone() or [None]
    await all_taken(stores[0])
    assert (await delivery(stores[0], str(id))).state == State.PENDING
    drop(own)


@pytest.mark.parametrize("kind", [Json, Jsonb])
async def test_json_is_a_document(own: PostgresYard, stores: list[Store], kind: type) -> None:
    with psycopg.connect(own.url) as application:
        application.execute(INSERT, ("x", kind(DOCUMENT)))
        application.execute("INSERT INTO inbox (id, document) VALUES ('y', '\\x00'::bytea)")
    await all_taken(stores[0])
    assert json.loads(bytes((await stored(stores[0], "x")).document)) == DOCUMENT
    assert (await delivery(stores[0], "y")).state == State.ERROR


async def test_a_commit_wakes_the_intake_and_a_rollback_does_not(own: PostgresYard) -> None:
    store, woken = PostgresStore(own.url), asyncio.Event()
    await store.open()
    store.on_foreign(heard(woken.set))
    woken.clear()
    with psycopg.connect(own.url) as application:
        application.execute(INSERT, ("x", "{}"))
        application.rollback()
        application.execute("SELECT 1")
    with psycopg.connect(own.url) as application:
        application.execute("NOTIFY franking, 'a mark'")
    await asyncio.wait_for(woken.wait(), 10)
    before = await store.foreign_commits()
    woken.clear()
    with psycopg.connect(own.url) as application:
        application.execute(INSERT, ("x", "{}"))
    await asyncio.wait_for(woken.wait(), 10)
    assert await store.foreign_commits() == before + 1
    await store.close()


async def test_what_somebody_else_takes_in_is_passed_over(
    own: PostgresYard, stores: list[Store]
) -> None:
    for name in "abc":
        write(own, DOCUMENT, name)
    write(own, {**DOCUMENT, "n": 2}, "a")
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM inbox WHERE id = 'a' AND seq = 1 FOR UPDATE")
        assert await taken(stores[0]) == 2
        # The second of that id comes after the first.
        assert await taken(stores[0]) == 0
    await all_taken(stores[0])
    assert b'"n":2' in bytes((await stored(stores[0], "a")).document)


async def test_a_mail_that_somebody_holds_puts_off_its_row_alone(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail("held")])
    for name in ("held", "a"):
        write(own, {**DOCUMENT, "n": 2}, name)
    now_written(own)
    with psycopg.connect(own.url) as other:
        other.execute("SELECT 1 FROM mail WHERE id = 'held' FOR UPDATE")
        # Nobody waits for it: the connection that writes has other things to do.
        assert await asyncio.wait_for(taken(stores[0]), LOCK_MS / 2000) == 2
    assert (own.count("inbox"), own.count("mail")) == (1, 2)
    await all_taken(stores[0], NOW + 1000)
    assert (await stored(stores[0], "held")).mail.revision == 2


async def test_a_mail_of_the_same_id_that_is_submitted_meanwhile_is_found(
    own: PostgresYard, stores: list[Store]
) -> None:
    write(own, {**DOCUMENT, "n": 2}, "x")
    write(own, DOCUMENT, "y")

    class Overtaken(Tripping):
        def __call__(self, row, found):  # type: ignore[no-untyped-def]
            if row.id == "x" and found is None and own.count("mail") == 0:
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(asyncio.run, submitted(own)).result()
            return super().__call__(row, found)

    assert await taken(stores[0], Overtaken()) == 2
    assert (own.count("inbox"), own.count("mail")) == (0, 2)
    assert (await stored(stores[0], "x")).mail.revision == 2


async def submitted(own: PostgresYard) -> None:
    other = own.store()
    await other.open()
    await other.submit([mail("x")])
    await other.close()


async def test_a_connection_that_goes_doubles_nothing(
    own: PostgresYard, stores: list[Store]
) -> None:
    for n in range(20):
        write(own, DOCUMENT, f"m{n}")

    class Cut(Tripping):
        def __call__(self, row, found):  # type: ignore[no-untyped-def]
            if self.times > 0 and row.id == "m7":
                self.times -= 1
                own.disconnect()
            return super().__call__(row, found)

    assert await taken(stores[0], Cut(times=2)) == 20
    assert (own.count("inbox"), own.count("mail"), own.count("document")) == (0, 20, 20)


async def test_many_connections_write_and_many_workers_take(
    own: PostgresYard, stores: list[Store]
) -> None:
    """Eight connections commit and roll back; three intakes take in what was committed."""
    intakes = [Intake(store, HandClock(NOW), lambda: None) for store in stores]
    for store, intake in zip(stores, intakes, strict=True):
        assert isinstance(store, PostgresStore)
        store.on_foreign(heard(intake.wake))
    running = [asyncio.create_task(intake.run()) for intake in intakes]

    def insert(worker: int) -> None:
        with psycopg.connect(own.url) as application:
            for n in range(50):
                application.execute(INSERT, (f"{worker}-{n}", json.dumps(DOCUMENT)))
                if n % 5 == 4:
                    application.rollback()
                else:
                    application.commit()

    async def over() -> bool:
        return own.count("inbox") == 0

    await asyncio.gather(*(asyncio.to_thread(insert, worker) for worker in range(8)))
    await eventually(over)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    found = {one.mail.id for one in await stores[0].page(Filter(), 1000)}
    assert found == {f"{worker}-{n}" for worker in range(8) for n in range(50) if n % 5 != 4}
    claims = [await store.claim(NOW, 1000, LEASE_MS) for store in stores]
    assert sum(map(len, claims)) == len(found)


async def test_a_backlog_is_shared(own: PostgresYard, stores: list[Store]) -> None:
    own.plant(
        "INSERT INTO inbox (id, document)"
        " SELECT 'm' || n, '{\"to\": 5}' FROM generate_series(1, 300) n"
    )
    takes = [taken(store, door(NOW + at), limit=20) for at, store in enumerate(stores * 10)]
    counts = await asyncio.gather(*takes)
    await all_taken(stores[0])
    assert sum(counts) <= 300
    assert (own.count("inbox"), own.count("mail"), own.count("event")) == (0, 300, 300)
