"""What is PostgreSQL's own: lost connections, writers side by side, texts that it refuses."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from eventually import eventually
from franking.core.delivery import State
from franking.stores import postgres_link
from franking.stores.base import (
    Change,
    Filter,
    Store,
    Stored,
    StoreRefused,
    StoreUnavailable,
    Unsure,
)
from franking.stores.postgres import PostgresStore
from franking.stores.postgres_link import target
from postgres import new_cluster

from .contract import PostgresYard
from .mails import (
    claimed,
    delivery,
    ended,
    ids,
    mail,
    transmitting,
)

# -- opening


async def test_without_synchronous_commit_it_is_refused(own: PostgresYard) -> None:
    own.plant(f"ALTER DATABASE {own.name} SET synchronous_commit = off")
    with pytest.raises(StoreRefused, match="synchronous_commit is off"):
        await own.store().open()


async def test_a_newer_database_is_refused(own: PostgresYard) -> None:
    own.plant("UPDATE franking_version SET number = 999")
    with pytest.raises(StoreRefused, match="of version 999"):
        await own.store().open()


async def test_a_database_that_is_not_there_is_refused(own: PostgresYard) -> None:
    with pytest.raises(StoreRefused, match="does not exist"):
        await PostgresStore(own.url.replace(own.name, "nowhere")).open()


async def test_those_who_start_together_migrate_once(own: PostgresYard) -> None:
    made = [PostgresStore(own.empty()) for _ in range(1)]
    made += [PostgresStore(made[0]._target.url) for _ in range(2)]
    await asyncio.gather(*[store.open() for store in made])
    await made[0].submit([mail()])
    assert [await store.read("m1") for store in made[1:]] == [await made[0].read("m1")] * 2
    for store in made:
        await store.close()


def test_our_own_words_are_taken_out_of_the_url() -> None:
    found = target("postgresql://a:b@h/d?prepare=off&listen=off&sslmode=require")
    assert (found.url, found.prepare, found.listen) == (
        "postgresql://a:b@h/d?sslmode=require",
        False,
        None,
    )
    assert found.name == "h/d"


async def test_it_works_without_prepared_statements_and_news(own: PostgresYard) -> None:
    store = PostgresStore(f"{own.url}&prepare=off&listen=off")
    await store.open()
    await store.submit([mail()])
    await store.settle([ended(await claimed(store), "sent")])
    assert (await delivery(store)).state is State.SUCCESS
    assert len({await store.foreign_commits() for _ in range(3)}) == 3
    await store.close()


# -- connections


async def test_a_lost_connection_is_made_again(own: PostgresYard, stores: list[Store]) -> None:
    store = stores[0]
    await store.submit([mail("a")])
    own.disconnect()
    await store.submit([mail("b")])
    assert ids(await store.page(Filter(), 9)) == ["b", "a"]
    own.disconnect()
    assert ids(await store.page(Filter(), 9)) == ["b", "a"]


async def test_one_that_is_lost_within_a_transaction_runs_it_again(
    own: PostgresYard, stores: list[Store]
) -> None:
    await stores[0].submit([mail("m1")])
    asked: list[int] = []

    def decide(found: Stored | None) -> Change:
        asked.append(1)
        if len(asked) == 1:
            own.disconnect()
        return Change(priority=len(asked))

    [found] = await stores[0].change(["m1"], decide)  # type: ignore[misc]
    assert isinstance(found, Stored)
    assert (found.mail.priority, found.mail.version) == (2, 2)


async def test_what_was_being_committed_is_not_run_again(
    own: PostgresYard, stores: list[Store]
) -> None:
    own.plant(
        "CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
    )
    own.plant(
        "CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON mail"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dies()"
    )
    with pytest.raises(Unsure, match="not known"):
        await stores[0].submit([mail()])
    own.plant("DROP TRIGGER dies ON mail")
    await stores[0].submit([mail()])


async def test_an_end_that_was_written_is_found_when_it_is_told_again(stores: list[Store]) -> None:
    await stores[0].submit([mail()])
    end = ended(await transmitting(stores[0]), "sent")
    assert await stores[0].settle([end]) == [True]
    assert await stores[1].settle([end]) == [True]
    assert len(await stores[0].timeline("m1")) == 1


async def test_a_server_that_does_not_answer_is_given_up(
    own: PostgresYard, stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores[0].submit([mail()])
    monkeypatch.setattr(postgres_link, "ANSWER_SECONDS", 0.3)
    held: list[int] = []

    def decide(found: Stored | None) -> None:
        if not held:
            held.extend(own.backends())
            for pid in held:
                os.kill(pid, signal.SIGSTOP)

    try:
        with pytest.raises(StoreUnavailable):
            await stores[0].change(["m1"], decide)
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    monkeypatch.undo()
    assert await stores[0].read("m1") is not None


async def test_it_goes_on_after_a_crash_of_the_server() -> None:
    cluster = new_cluster()
    store = PostgresStore(cluster.url(cluster.create()))
    await store.open()
    try:
        await store.submit([mail()])
        cluster.crash()
        with pytest.raises(StoreUnavailable, match="can't be reached"):
            await store.submit([mail("lost")])
        with pytest.raises(StoreUnavailable, match="can't be reached"):
            await store.read("m1")
        cluster.start()
        assert await store.read("lost") is None
        assert (await claimed(store)).mail.id == "m1"
    finally:
        await store.close()
        cluster.remove()


# -- news


async def test_others_hear_of_a_commit(stores: list[Store]) -> None:
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(heard.set)

    assert isinstance(stores[1], PostgresStore)
    stores[1].on_foreign(wake)
    await stores[0].submit([mail()])
    await asyncio.wait_for(heard.wait(), 5)


async def test_nobody_hears_of_its_own_commits(own: PostgresYard, stores: list[Store]) -> None:
    """Others' news come behind its own, all at once, so that its own were heard by then."""
    before = await stores[0].foreign_commits()
    await stores[0].submit([mail()])
    own.plant("SELECT pg_notify('franking', 'other ' || n) FROM generate_series(1, 50) n")

    async def heard() -> bool:
        return await stores[0].foreign_commits() >= before + 50

    await eventually(heard)
    assert await stores[0].foreign_commits() == before + 50


async def test_a_listener_that_was_lost_listens_again(
    own: PostgresYard, stores: list[Store]
) -> None:
    assert isinstance(stores[1], PostgresStore)
    listener = stores[1]._listener
    assert listener is not None
    before = await stores[1].foreign_commits()
    own.disconnect()

    async def listening() -> bool:
        return listener._listening and await stores[1].foreign_commits() > before

    await eventually(listening)
    seen = await stores[1].foreign_commits()
    assert await stores[1].foreign_commits() == seen
    await stores[0].submit([mail()])

    async def heard() -> bool:
        return await stores[1].foreign_commits() != seen

    await eventually(heard)
