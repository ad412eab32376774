"""Keys, in every store: made once, found, used, revoked, and never gone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core.key import Key, Scope
from franking.stores.base import AlreadyExists, Store

KEY = Key(
    id="01",
    name="crm “north”",
    hash="ab" * 32,
    scopes=(Scope.MAIL_WRITE, Scope.MAIL_READ),
    per_minute=600,
    created_at=5,
)


async def test_a_key_that_was_never_made_is_not_there(store: Store) -> None:
    assert await store.keys.find("01") is None
    assert await store.keys.newest() == []
    assert not await store.keys.revoke("01", 9)
    await store.keys.use([("01", 7)])
    assert (await store.keys.made(), await store.keys.valid()) == (False, False)


async def test_a_key_is_made_once(store: Store) -> None:
    await store.keys.add(KEY)
    with pytest.raises(AlreadyExists):
        await store.keys.add(replace(KEY, scopes=(Scope.ADMIN,)))
    assert await store.keys.find("01") == KEY
    assert (await store.keys.made(), await store.keys.valid()) == (True, True)


async def test_a_revoked_key_stays_and_keeps_its_first_time(store: Store) -> None:
    await store.keys.add(KEY)
    assert await store.keys.revoke("01", 9)
    assert await store.keys.revoke("01", 99)
    assert await store.keys.find("01") == replace(KEY, revoked_at=9)
    assert (await store.keys.made(), await store.keys.valid()) == (True, False)


async def test_the_last_use_never_goes_back(store: Store) -> None:
    other = replace(KEY, id="02", per_minute=None)
    await store.keys.add(KEY)
    await store.keys.add(other)
    await store.keys.use([("01", 70), ("02", 80), ("none", 90)])
    await store.keys.use([("01", 60)])
    assert await store.keys.find("01") == replace(KEY, last_used_at=70)
    assert await store.keys.find("02") == replace(other, last_used_at=80)


async def test_keys_are_listed_newest_first_and_the_revoked_last(store: Store) -> None:
    for id, created_at in (("01", 1), ("02", 3), ("03", 2)):
        await store.keys.add(replace(KEY, id=id, created_at=created_at))
    await store.keys.revoke("02", 9)
    assert [key.id for key in await store.keys.newest()] == ["03", "01", "02"]
