"""What every store promises of accounts."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core import account as policy
from franking.core.account import Limits
from franking.core.sender import Sender, Server, Settled
from franking.stores.base import Store

from .mails import NOW, mail

SERVER = Server(host="smtp.example.com", port=465, secure=True, user="rep")
SENDER = Sender("rep@example.com", None, SERVER)


def as_set(limits: Limits | None = None, secret: bytes | None = b"sealed") -> Any:
    return lambda before: Settled(before.version + 1, SENDER, limits or Limits(), secret)


def raising(_: object) -> Any:
    raise LookupError("no")


async def test_an_account_that_nobody_named_is_none(store: Store) -> None:
    assert await store.accounts.settings("rep") is None
    assert await store.accounts.show("rep", NOW) is None
    assert not await store.accounts.forget("rep")


async def test_what_the_decision_raises_changes_nothing(store: Store) -> None:
    with pytest.raises(LookupError):
        await store.accounts.save("rep", raising, NOW)
    with pytest.raises(LookupError):
        await store.accounts.stand("rep", raising, NOW)
    assert await store.accounts.settings("rep") is None


async def test_an_account_is_kept_as_it_was_set_and_its_version_grows(store: Store) -> None:
    assert await store.accounts.save("rep", as_set(Limits(per_day=9)), NOW)
    found = await store.accounts.settings("rep")
    assert found == Settled(1, SENDER, Limits(per_day=9), b"sealed")
    assert not await store.accounts.save("rep", as_set(secret=None), NOW + 1)
    assert await store.accounts.settings("rep") == Settled(2, SENDER, Limits(), None)


async def test_an_account_that_only_a_mail_named_is_new_and_not_listed(store: Store) -> None:
    await store.submit([mail(account="rep")])
    assert await store.accounts.page("", 10, NOW) == []
    assert await store.accounts.save("rep", as_set(), NOW)
    [shown] = await store.accounts.page("", 10, NOW)
    assert (shown.id, shown.waiting, shown.secret, shown.created_at) == ("rep", 1, True, NOW)


async def test_accounts_are_listed_by_id_from_where_one_left_off(store: Store) -> None:
    for id in ("b", "c", "a", "default"):
        await store.accounts.save(id, as_set(), NOW)
    first = await store.accounts.page("", 2, NOW)
    rest = await store.accounts.page(first[-1].id, 5, NOW)
    assert [shown.id for shown in (*first, *rest)] == ["a", "b", "c", "default"]


async def test_setting_an_account_keeps_where_it_stands(store: Store) -> None:
    until = NOW + 60_000
    await store.accounts.save("rep", as_set(), NOW)
    await store.accounts.stand("rep", lambda a: policy.paused(a, until, "why", NOW), NOW)
    await store.accounts.save("rep", as_set(), NOW)
    shown = await store.accounts.show("rep", NOW)
    assert shown is not None
    assert (shown.paused_until, shown.reason, shown.since) == (until, "why", NOW)


async def test_a_forgotten_account_is_as_if_it_had_never_been_set(store: Store) -> None:
    await store.accounts.save("rep", as_set(), NOW)
    await store.accounts.stand("rep", lambda a: policy.disconnected(a, "why", NOW), NOW)
    assert await store.accounts.forget("rep")
    assert not await store.accounts.forget("rep")
    found = await store.accounts.settings("rep")
    assert found is not None
    assert (found.sender, found.secret) == (None, None)
    await store.accounts.save("rep", as_set(), NOW)
    again = await store.accounts.settings("rep")
    assert again is not None
    assert again.version > found.version  # whoever kept a transport of the first looks again


async def test_a_paused_account_is_not_claimed_from_and_a_resumed_one_is(store: Store) -> None:
    await store.submit([mail(account="rep")])
    await store.accounts.stand("rep", lambda a: policy.paused(a, NOW + 9, "why", NOW), NOW)
    assert await store.claim(NOW, 10, 60_000) == []
    assert await store.next_due() == NOW + 9
    await store.accounts.stand("rep", lambda a: policy.resumed(a, NOW), NOW)
    assert len(await store.claim(NOW, 10, 60_000)) == 1


async def test_higher_limits_let_what_waits_go_at_once(store: Store) -> None:
    await store.accounts.save("rep", as_set(Limits(per_day=1)), NOW)
    await store.submit([mail("m1", account="rep"), mail("m2", account="rep")])
    assert len(await store.claim(NOW, 10, 60_000)) == 1
    assert await store.claim(NOW, 10, 60_000) == []
    shown = await store.accounts.show("rep", NOW)
    assert shown is not None
    assert shown.sent == 1
    await store.accounts.save("rep", as_set(Limits(per_day=2)), NOW)
    assert len(await store.claim(NOW, 10, 60_000)) == 1


async def test_a_mails_turn_counts_what_goes_before_it(store: Store) -> None:
    await store.accounts.save("rep", as_set(Limits(per_minute=10)), NOW)
    await store.submit([mail(f"m{n}", account="rep", priority=p) for n, p in enumerate((0, 0, 1))])
    late = await store.accounts.expected("rep", 0, NOW + 1, NOW + 1)
    first = await store.accounts.expected("rep", 2, NOW, NOW)
    assert late is not None
    assert late.at is not None
    assert (late.because, late.at > NOW + 15_000) == ("send_limit", True)  # three go before it
    assert first is not None
    assert (first.at, first.because) == (NOW, None)


async def test_secrets_are_put_under_another_key_only_as_they_were_read(store: Store) -> None:
    await store.accounts.save("rep", as_set(secret=b"123456789-old"), NOW)
    assert await store.accounts.secret_headers() == [(b"123456789", 1)]
    assert await store.accounts.sealed_otherwise(b"123456789", 10) == []
    assert await store.accounts.sealed_otherwise(b"987654321", 10) == ["rep"]
    assert not await store.accounts.reseal("rep", b"another", b"new")
    assert await store.accounts.reseal("rep", b"123456789-old", b"987654321-new")
    found = await store.accounts.settings("rep")
    assert found is not None
    assert (found.secret, found.version) == (b"987654321-new", 1)
