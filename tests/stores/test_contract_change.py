"""Change: read and write each mail in one transaction, as the caller decides."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from franking.core import requests
from franking.core.delivery import State
from franking.core.event import Links
from franking.core.machine import Refused
from franking.stores.base import AlreadyExists, Change, Store, Stored

from .contract import Yard
from .mails import (
    HOUR,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    event,
    kinds,
    mail,
    raw,
    remainder,
    stored,
    together,
)

RETRY = Change(delivery=requests.retried(replace(mail().delivery, state=State.ERROR), NOW, None))


async def test_a_mail_is_inserted_where_there_was_none(store: Store) -> None:
    [result] = await changed(store, Change(insert=mail()))
    assert result == await stored(store)


async def test_an_insert_over_a_mail_is_refused(store: Store) -> None:
    await store.submit([mail(account="first")])
    [result] = await changed(store, Change(insert=mail(account="second")))
    assert isinstance(result, AlreadyExists)
    assert (await stored(store)).mail.account == "first"


async def test_nothing_changes_where_nothing_is_decided(store: Store) -> None:
    await store.submit([mail()])
    before = await stored(store)
    assert await store.change(["m1"], lambda _: None) == [before]
    assert await changed(store, Change()) == [before]
    assert await stored(store) == before


async def test_a_mail_that_is_not_there_is_none(store: Store) -> None:
    seen: list[Stored | None] = []
    assert await store.change(["m1"], seen.append) == [None]
    assert await changed(store, Change(document=raw({}))) == [None]
    assert seen == [None]


async def test_every_field_can_be_written(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    new = replace(mail().delivery, due_at=NOW + HOUR, give_up_at=NOW + 2 * HOUR, waiting_for="x")
    change = Change(
        delivery=new,
        document=raw({"to": "b@example.com"}),
        account="B",
        priority=2,
        on_unknown="resend",
        links=Links("t2", "c2", "e2"),
        message_token="new",
    )
    [result] = await changed(store, change)
    found = await stored(store)
    assert result == found
    assert (found.mail.delivery, found.mail.links) == (new, Links("t2", "c2", "e2"))
    assert bytes(found.document) == b'{"to":"b@example.com"}'
    assert (found.mail.account, found.mail.priority, found.mail.on_unknown) == ("B", 2, "resend")
    assert found.mail.message_token == "new"


async def test_what_is_not_named_stays(store: Store) -> None:
    await store.submit([mail(touchpoint="t1", account="A", priority=1)])
    before = (await stored(store)).mail
    await changed(store, Change(document=raw({})))
    after = (await stored(store)).mail
    assert after == replace(before, revision=2, version=2)


async def test_a_version_is_for_every_write_and_a_revision_for_every_edit(store: Store) -> None:
    await store.submit([mail(state=State.ERROR, end_at=NOW)])
    await changed(store, RETRY)
    await changed(store, Change(document=raw({})))
    found = (await stored(store)).mail
    assert (found.version, found.revision) == (3, 2)


async def test_an_edit_while_it_is_being_sent_leaves_the_lease(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    await changed(store, Change(document=raw({"to": "new"})))
    assert await delivery(store) == found.mail.delivery
    assert await store.transmitting([found.lease], NOW) == [True]


async def test_what_decide_raises_is_the_answer_and_changed_nothing(store: Store) -> None:
    await store.submit([mail("a"), mail("b")])

    def decide(found: Stored | None) -> Change:
        if found is not None and found.mail.id == "a":
            raise LookupError("a")
        return Change(document=raw({"new": True}))

    first, second = await store.change(["a", "b"], decide)  # type: ignore[misc]
    assert isinstance(first, LookupError)
    assert isinstance(second, Stored)
    assert (await stored(store, "a")).mail.version == 1
    assert (await stored(store, "b")).mail.version == 2


async def test_callers_in_one_commit_each_get_their_own_answer(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(20)])

    def decide(found: Stored | None) -> Change:
        assert found is not None
        if found.mail.id == "m7":
            raise LookupError
        return Change(document=raw({"is": found.mail.id}))

    answers = await together(store, [store.change([f"m{n}"], decide) for n in range(20)])
    for n, [answer] in enumerate(answers):
        kept = bytes(answer.document) if isinstance(answer, Stored) else answer
        assert isinstance(kept, LookupError) if n == 7 else kept == b'{"is":"m%d"}' % n


async def test_callers_at_once_see_each_others_changes(store: Store) -> None:
    await store.submit([mail()])

    def more(found: Stored | None) -> Change:
        assert found is not None
        return Change(priority=found.mail.priority + 1)

    await asyncio.gather(*(store.change(["m1"], more) for _ in range(30)))
    assert (await stored(store)).mail.priority == 30


async def test_a_deleted_mail_leaves_nothing_but_its_events(store: Store, yard: Yard) -> None:
    await store.submit([mail(search="words")])
    await store.settle([ended(await claimed(store), "sent")])
    assert await changed(store, Change(delete=True)) == [None]
    assert await store.read("m1") is None
    assert [yard.count(t) for t in ("mail", "document", "attempt", "event")] == [0, 0, 0, 1]


async def test_a_mail_that_is_being_sent_is_not_deleted(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    [result] = await changed(store, Change(delete=True))
    assert isinstance(result, Refused)
    assert (await stored(store)).mail == found.mail


async def test_an_id_can_be_used_again(store: Store) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    await store.settle([ended(first, "returned")])
    await changed(store, Change(delete=True))
    await store.submit([mail()])
    second = await claimed(store)
    assert second.mail.seq != first.mail.seq
    assert second.lease.epoch > first.lease.epoch


async def test_a_change_reports_its_event(store: Store) -> None:
    await store.submit([mail()])
    await changed(store, Change(event=event("e1", "t1")))
    [found] = await store.events(0, 10)
    assert (found.id, found.sequence) == ("e1", 1)


async def test_what_is_sent_again_is_due_again(store: Store) -> None:
    await store.submit([mail(state=State.ERROR, end_at=NOW)])
    await changed(store, RETRY)
    assert (await claimed(store)).mail.id == "m1"


@pytest.mark.parametrize("again", [RETRY, Change(delete=True)])
async def test_a_mail_whose_remainder_is_being_sent_stays_whole(
    store: Store, again: Change
) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    rest = remainder(found.mail, "b@example.com")
    await store.settle([ended(found, "sent", pending=["b@example.com"], remainder=rest)])
    await claimed(store)  # the remainder
    before = await stored(store)
    [result] = await changed(store, replace(again, drop_remainders=True, document=raw({})))
    assert isinstance(result, Refused)
    assert await stored(store) == before
    assert await kinds(store) == ["email_Sent"]


async def test_what_is_sent_again_drops_what_still_waits(store: Store) -> None:
    await store.submit([mail()])
    found = await claimed(store)
    rest = remainder(found.mail, "b@example.com")
    await store.settle([ended(found, "sent", pending=["b@example.com"], remainder=rest)])
    await changed(store, replace(RETRY, drop_remainders=True))
    assert await store.read(rest.id) is None
