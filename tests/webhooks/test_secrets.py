"""Webhooks' secrets in the vault: under a newer key, and a key that is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from franking.app.hooks import AppHooks, opened, reseal
from franking.app.vault import check_keys
from franking.clock import SystemClock
from franking.config import SettingRefused
from franking.core.sender import SecretLost
from franking.core.webhook import written
from franking.office.webhooks import WebhookDoor
from franking.stores.base import Store
from franking.stores.secrets import Vault
from franking.transports.hooks import HookPoster
from franking.transports.names import Names
from stored import new_store

OLD, NEW = bytes(32), bytes(range(32))
SECRET = written(b"a secret of thirty-two characters"[:32])
DOCUMENT = {"url": "http://127.0.0.1:9/", "secret": SECRET}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = new_store(tmp_path)
    await store.open()
    yield store
    await store.close()


def door(store: Store, *keys: bytes) -> WebhookDoor:
    vault, clock = Vault(keys, "this test"), SystemClock()
    poster = HookPoster(
        clock, lambda hook: opened(vault, hook), lambda threads: Names(threads=threads)
    )
    return WebhookDoor(store, clock, AppHooks(vault, poster, lambda: None))


async def test_a_secret_goes_under_the_newest_key(store: Store) -> None:
    hook, _ = await door(store, OLD).add(DOCUMENT)
    both = Vault([NEW, OLD], "this test")
    assert await reseal(store.webhooks, both) == 1
    assert await reseal(store.webhooks, both) == 0
    [stored] = await store.webhooks.every()
    assert opened(Vault([NEW], "this test"), stored).current == SECRET
    with pytest.raises(SecretLost, match="webhook's secret is sealed with the key"):
        opened(Vault([OLD], "this test"), stored)
    assert stored.version == hook.version


async def test_a_key_that_is_not_there_is_refused_at_start(store: Store) -> None:
    await door(store, OLD).add(DOCUMENT)
    await check_keys(Vault([NEW, OLD], "this test"), store)
    with pytest.raises(SettingRefused, match="A webhook's secret is sealed with the key"):
        await check_keys(Vault([NEW], "this test"), store)


async def test_a_secret_is_sealed_for_its_webhook_alone(store: Store) -> None:
    at_hand = door(store, OLD)
    one, _ = await at_hand.add(DOCUMENT)
    other, _ = await at_hand.add(DOCUMENT)
    await store.webhooks.reseal(other.id, other.secret, one.secret)
    stored = next(hook for hook in await store.webhooks.every() if hook.id == other.id)
    with pytest.raises(SecretLost):
        opened(Vault([OLD], "this test"), stored)


async def test_a_new_secret_mends_one_that_is_lost(store: Store) -> None:
    hook, _ = await door(store, OLD).add(DOCUMENT)
    found, made = await door(store, NEW).set(hook.id, {**DOCUMENT, "secret": None})
    assert made is not None
    assert opened(Vault([NEW], "this test"), found).signing(0) == (made,)
    assert (await door(store, NEW).test(hook.id)).posted.down is False
