"""Sessions of the console, in every store: begun, found, ended for good, and forgotten in time."""

from __future__ import annotations

import pytest

from franking.stores.base import AlreadyExists, Store
from franking.stores.sessions import MOST_OF_KEY

from .contract import Yard

DAY = 86_400_000


async def test_a_session_that_was_never_begun_is_not_there(store: Store) -> None:
    assert await store.sessions.find("h1") is None
    assert not await store.sessions.end("h1")


async def test_a_session_is_begun_once_and_ended_for_good(store: Store) -> None:
    await store.sessions.add("h1", "k1", 5, DAY)
    with pytest.raises(AlreadyExists):
        await store.sessions.add("h1", "k2", 5, DAY)
    assert await store.sessions.find("h1") == ("k1", DAY)
    assert await store.sessions.end("h1")
    assert not await store.sessions.end("h1")
    assert await store.sessions.find("h1") is None


async def test_what_is_over_is_forgotten_with_the_next_sign_in(store: Store, yard: Yard) -> None:
    for hash, ends_at in (("over", DAY), ("now", DAY + 1), ("later", DAY + 2)):
        await store.sessions.add(hash, "k1", 1, ends_at)
    await store.sessions.add("new", "k2", DAY + 1, 8 * DAY)
    assert [await store.sessions.find(hash) for hash in ("over", "now")] == [None, None]
    assert yard.count("session") == 2


async def test_a_key_has_so_many_sessions_and_the_oldest_make_way(store: Store, yard: Yard) -> None:
    await store.sessions.add("other", "k2", 0, DAY)
    for number in range(MOST_OF_KEY + 3):
        await store.sessions.add(f"h{number}", "k1", number, DAY)
    found = [await store.sessions.find(f"h{number}") is not None for number in range(5)]
    assert found == [False, False, False, True, True]
    assert await store.sessions.find("other") == ("k2", DAY)
    assert yard.count("session") == MOST_OF_KEY + 1


async def test_the_secret_is_made_once_for_every_process(yard: Yard) -> None:
    first, second = yard.store(), yard.store()
    await first.open()
    await second.open()
    made = await first.sessions.secret(b"a" * 32)
    assert made == b"a" * 32
    assert await second.sessions.secret(b"b" * 32) == await first.sessions.secret(b"c" * 32) == made
    await first.close()
    await second.close()


async def test_of_two_that_make_the_secret_at_once_one_is_taken(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = yard.store(), yard.store()
    await first.open()
    await second.open()

    async def nothing_yet(script: object) -> None:
        return None

    monkeypatch.setattr(second.sessions, "_read", nothing_yet)  # it looked before the other wrote
    made = await first.sessions.secret(b"a" * 32)
    assert await second.sessions.secret(b"b" * 32) == made
    assert yard.count("session_secret") == 1
    await first.close()
    await second.close()
