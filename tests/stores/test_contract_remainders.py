"""Remainders: recipients refused for now, as mails of their own, told to their parent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core import endings
from franking.core.delivery import Info, Outcome, State
from franking.stores.base import Change, Claimed, Filter, Store, Stored

from .mails import (
    HOUR,
    LEASE_MS,
    NOW,
    changed,
    claimed,
    delivery,
    ended,
    ids,
    kinds,
    mail,
    remainder,
    stored,
    swept,
    transmitting,
)

B, C = "b@example.com", "c@example.com"


async def parted(store: Store, *addresses: str) -> Claimed:
    """A mail that was sent but to these, whose remainder is claimed and may send its dot."""
    await store.submit([mail(account="A", priority=1, on_unknown="resend", touchpoint="t1")])
    first = await claimed(store)
    rest = remainder(first.mail, *addresses)
    await store.settle([ended(first, "sent", accepted=["a"], pending=addresses, remainder=rest)])
    return await transmitting(store)


async def info(store: Store) -> Info:
    found = (await delivery(store)).info
    assert found is not None
    return found


async def test_a_remainder_is_a_mail_with_the_same_bytes(store: Store) -> None:
    rest = await parted(store, B)
    assert (rest.mail.remainder_of, rest.content) == ("m1", b"the same bytes\r\n")
    assert bytes(rest.document) == b'{"recipients":["b@example.com"]}'
    assert (rest.mail.account, rest.mail.priority, rest.mail.on_unknown) == ("A", 1, "resend")
    assert rest.mail.message_token == "token-m1"
    assert rest.mail.links.touchpoint_id is None


async def test_a_remainder_counts_the_tries_before_it(store: Store) -> None:
    rest = await parted(store, B)
    assert (rest.mail.delivery.tries, rest.mail.delivery.attempts) == (1, 0)


async def test_the_parent_is_a_success_meanwhile(store: Store) -> None:
    await parted(store, B, C)
    assert (await delivery(store)).state is State.SUCCESS
    assert (await info(store)).pending == (B, C)


async def test_those_who_got_it_are_accepted(store: Store) -> None:
    rest = await parted(store, B, C)
    await store.settle([ended(rest, "sent", accepted=[B, C])])
    found = await info(store)
    assert (found.accepted, found.rejected, found.pending) == (("a", B, C), (), ())


async def test_those_who_did_not_are_rejected(store: Store) -> None:
    rest = await parted(store, B)
    await store.settle([ended(rest, "failed")])
    found = await info(store)
    assert (found.accepted, found.rejected, found.pending) == (("a",), (B,), ())


async def test_some_may_be_accepted_and_some_refused(store: Store) -> None:
    rest = await parted(store, B, C)
    await store.settle([ended(rest, "sent", accepted=[C])])
    found = await info(store)
    assert (found.accepted, found.rejected, found.pending) == (("a", C), (B,), ())


async def test_some_may_be_refused_for_now_again(store: Store) -> None:
    rest = await parted(store, B, C)
    again = remainder(rest.mail, C)
    await store.settle([ended(rest, "sent", accepted=[B], pending=[C], remainder=again)])
    assert (await info(store)).pending == (C,)
    last = await claimed(store)
    assert (last.mail.remainder_of, last.mail.id) == ("m1", again.id)
    await store.settle([ended(last, "sent", accepted=[C])])
    assert (await info(store)).accepted == ("a", B, C)


@pytest.mark.parametrize("how", ["deferred", "returned"])
async def test_a_remainder_that_waits_stays_pending(store: Store, how: str) -> None:
    await store.settle([ended(await parted(store, B), how)])
    assert (await info(store)).pending == (B,)


async def test_a_remainder_in_doubt_stays_pending(store: Store) -> None:
    rest = await parted(store, B)
    asking = replace(rest, mail=replace(rest.mail, on_unknown="ask"))
    await store.settle([ended(asking, "doubted")])
    assert (await delivery(store, rest.mail.id)).outcome is Outcome.UNKNOWN
    assert (await info(store)).pending == (B,)


async def test_a_late_answer_of_a_remainder_is_told_too(store: Store) -> None:
    rest = await parted(store, B)
    await store.sweep(NOW + LEASE_MS, 9, lambda m: ended(m, "lapsed", NOW + LEASE_MS))
    await store.settle([ended(rest, "sent", NOW + LEASE_MS + 5, accepted=[B])])
    assert (await info(store)).accepted == ("a", B)


async def test_a_remainder_that_waited_too_long_is_rejected(store: Store) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    rest = remainder(first.mail, B, give_up_at=NOW)
    await store.settle([ended(first, "sent", accepted=["a"], pending=[B], remainder=rest)])

    def waited_out(found: Stored | None) -> Change:
        assert found is not None
        return Change(delivery=endings.waited_out(found.mail.delivery, NOW))

    assert await store.give_up(NOW, 9, waited_out) == 1
    assert (await info(store)).rejected == (B,)


async def test_a_remainder_reports_no_event(store: Store) -> None:
    rest = await parted(store, B)
    await store.settle([ended(rest, "sent", accepted=[B])])
    assert await kinds(store) == ["email_Sent"]


async def test_its_news_makes_a_new_version_of_the_parent(store: Store) -> None:
    rest = await parted(store, B)
    before = (await stored(store)).mail.version
    await store.settle([ended(rest, "failed")])
    assert (await stored(store)).mail.version == before + 1


async def test_lists_leave_remainders_out(store: Store) -> None:
    rest = await parted(store, B)
    assert ids(await store.page(Filter(), 10)) == ["m1"]
    assert ids(await store.page(Filter(state="PROCESSING"), 10)) == []
    assert await store.read(rest.mail.id) is not None


async def test_the_timeline_has_the_attempts_of_remainders(store: Store) -> None:
    rest = await parted(store, B)
    await store.settle([ended(rest, "failed")])
    assert [a.mail for a in await store.timeline("m1")] == ["m1", rest.mail.id]


async def test_deleting_the_parent_deletes_its_remainders(store: Store) -> None:
    rest = await parted(store, B)
    await store.settle([ended(rest, "deferred")])
    await changed(store, Change(delete=True))
    assert await store.read(rest.mail.id) is None
    assert await store.claim(NOW + HOUR, 9, LEASE_MS) == []


async def test_a_remainder_whose_parent_has_no_info_ends_all_the_same(store: Store) -> None:
    rest = await parted(store, B)
    await changed(store, Change(delivery=replace(mail().delivery, state=State.RETRY)))
    assert await store.settle([ended(rest, "failed")]) == [True]
    assert (await delivery(store)).info is None


async def test_a_swept_remainder_is_told(store: Store) -> None:
    rest = await parted(store, B)
    assert await swept(store, NOW + LEASE_MS) == 1
    assert (await delivery(store, rest.mail.id)).state is State.RETRY
    assert (await info(store)).pending == (B,)
