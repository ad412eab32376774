"""Webhooks in a store: what is written for whom, claimed in which order, and forgotten when."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core.lifecycle import FROM_SCRATCH, Told
from franking.core.webhook import MOST_WEBHOOKS, HookReport, Webhook
from franking.stores.base import Change, Queued, Store

from .contract import Yard
from .mails import NOW, changed, ended, mail, raw

EVERY = tuple(Told)


def hook(id: str = "w1", **fields: Any) -> Webhook:
    """A webhook that hears all."""
    given = {"url": "http://x/", "types": EVERY, "include": "doc", "secret": b"\0\xff"}
    return Webhook(id, **{**given, "state": "ok", "created_at": NOW, **fields})


async def add(store: Store, id: str = "w1", **fields: Any) -> Webhook:
    found = await store.webhooks.save(id, lambda _: hook(id, **fields))
    assert found is not None
    return found


async def claimed(store: Store, id: str = "w1", now: int = NOW, limit: int = 50) -> list[Queued]:
    return await store.webhooks.claim(id, now, limit, 50, now + 1_000)


def report(queued: Queued, state: Any = "told", next_at: int = NOW) -> HookReport:
    error = None if state == "told" else "no"
    return HookReport(queued.seq, queued.mail, state, NOW, next_at, error)


async def test_a_webhook_is_kept_as_it_was_set(store: Store) -> None:
    assert await add(store) == hook()
    assert await store.webhooks.every() == [hook()]
    other = replace(hook(), types=(Told.ERROR,), secret=b"new", state="disabled", reason="why")
    found = await store.webhooks.save("w1", lambda before: replace(other, since=NOW))
    assert found == replace(other, since=NOW, version=2)


async def test_there_can_be_so_many_and_no_more(store: Store) -> None:
    for number in range(MOST_WEBHOOKS):
        await add(store, f"w{number}")
    assert await store.webhooks.save("more", lambda _: hook("more")) is None
    assert await store.webhooks.remove("w0")
    await add(store, "more")


async def test_without_anybody_who_hears_a_fact_is_all_that_is_written(
    store: Store, yard: Yard
) -> None:
    await store.submit([mail()])
    await add(store, state="disabled")
    [found] = await store.claim(NOW, 10, 60_000)
    await store.settle([ended(found, "sent")])
    await changed(store, Change(document=raw({"to": "b@example.com"})))
    await changed(store, Change(delete=True))
    assert [one.kind for one in await store.events(0, 100)] == ["email_Sent"]
    for table in ("webhook_queue", "webhook_lane", "kept_document"):
        assert yard.count(table) == 0


async def test_each_hears_what_it_wants_in_the_order_of_the_facts(store: Store) -> None:
    await add(store, "all")
    await add(store, "ends", types=(Told.SUCCESS, Told.ERROR))
    await store.submit([mail("m1"), mail("m2")])
    for found in await store.claim(NOW, 10, 60_000):
        await store.settle([ended(found, "sent")])
    queued = await claimed(store, "all")
    kinds = [Told.START, Told.PENDING, Told.PROCESSING, Told.COMPLETE, Told.SUCCESS]
    for id in ("m1", "m2"):
        own = [one for one in queued if one.mail == id]
        assert [one.kind for one in own] == kinds
        assert [one.seq for one in own] == sorted(one.seq for one in own)
    assert len({one.id for one in queued}) == 10
    assert [(one.mail, one.kind) for one in await claimed(store, "ends")] == [
        ("m1", Told.SUCCESS),
        ("m2", Told.SUCCESS),
    ]


async def test_a_fact_that_is_undone_tells_nothing(store: Store) -> None:
    await add(store)

    def decide(found: object) -> Change:
        raise LookupError("a bug of ours")

    await store.submit([mail()])
    [refused] = await store.change(["m1"], decide)  # type: ignore[misc]
    assert isinstance(refused, LookupError)
    assert len(await claimed(store)) == 2


async def test_what_is_claimed_is_nobody_elses_for_a_while(store: Store) -> None:
    await add(store, "w1")
    await add(store, "w2")
    await store.submit([mail()])
    first = await claimed(store)
    assert len(first) == 2
    assert await claimed(store) == []
    assert len(await claimed(store, "w2")) == 2
    assert await claimed(store, now=NOW + 1_000) == first
    assert await store.webhooks.next_due("w1") == NOW + 2_000


async def test_the_first_of_each_mail_are_claimed(store: Store) -> None:
    await add(store)
    await store.submit([mail("m1"), mail("m2")])
    found = await store.webhooks.claim("w1", NOW, 50, 1, NOW + 1_000)
    assert [(one.mail, one.kind) for one in found] == [("m1", Told.START), ("m2", Told.START)]
    await store.webhooks.settle("w1", [report(one) for one in found])
    found = await store.webhooks.claim("w1", NOW, 1, 5, NOW + 1_000)
    assert [one.kind for one in found] == [Told.PENDING]


async def test_what_was_heard_is_gone_and_what_was_not_waits_with_what_is_behind(
    store: Store,
) -> None:
    await add(store)
    await store.submit([mail()])
    [start, pending] = await claimed(store)
    await store.webhooks.settle("w1", [report(start, "waiting", NOW + 500)])
    assert await claimed(store, now=NOW + 499) == []
    [start, _] = await claimed(store, now=NOW + 500)
    assert start.tries == 1
    await store.webhooks.settle("w1", [report(start), report(pending)])
    assert await store.webhooks.next_due("w1") is None
    assert await store.webhooks.page("w1", None, None, 10) == []
    assert [one.told_at for one in await store.webhooks.every()] == [NOW]


async def test_what_is_parked_is_passed_and_may_be_sent_again(store: Store) -> None:
    await add(store)
    await store.submit([mail("m1"), mail("m2")])
    queued = await claimed(store)
    await store.webhooks.settle("w1", [report(one, "parked") for one in queued])
    counts = await store.webhooks.counts("w1")
    assert (counts.waiting, counts.parked) == (0, 4)
    assert await store.webhooks.next_due("w1") is None
    assert len(await store.webhooks.page("w1", "parked", None, 3)) == 3
    assert await store.webhooks.page("w1", "waiting", None, 10) == []
    assert await store.webhooks.resend("w1", queued[0].seq, None, NOW, 10) == 1
    assert await store.webhooks.resend("w1", None, "m1", NOW, 10) == 1
    assert await store.webhooks.resend("other", None, None, NOW, 10) == 0
    again = await claimed(store)
    assert [(one.seq, one.tries) for one in again] == [(one.seq, 0) for one in queued[:2]]
    assert await store.webhooks.resend("w1", None, None, NOW, 1) == 1


async def test_the_document_is_that_of_the_fact(store: Store) -> None:
    await add(store)
    await store.submit([mail(document=raw({"to": "first"}))])
    edited = Change(document=raw({"to": "second"}))
    await changed(store, edited)
    found = list(await claimed(store))
    again = Change(document=raw({"to": "third"}), delivery=mail().delivery, asked=FROM_SCRATCH)
    await changed(store, again)
    await changed(store, Change(delete=True, at=NOW + 7))
    found += await claimed(store, now=NOW + 1_000)
    shown = {}
    for one in found:
        event = await store.webhooks.event(one.seq)
        assert event is not None
        assert not event.cut
        shown[one.seq] = (one.kind, msgspec.json.decode(event.document)["to"], event.mail.revision)
    assert list(shown.values()) == [
        (Told.START, "first", 1),
        (Told.PENDING, "first", 1),
        (Told.START, "third", 3),
        (Told.PENDING, "third", 3),
        (Told.COMPLETE, "third", 3),
    ]
    assert found[-1].occurred_at == NOW + 7


async def test_what_all_have_heard_is_forgotten_and_the_crms_events_are_not(
    store: Store, yard: Yard
) -> None:
    await add(store)
    await store.submit([mail("m1"), mail("m2")])
    for found in await store.claim(NOW, 10, 60_000):
        await store.settle([ended(found, "sent")])
    await changed(store, Change(document=raw({"to": "b"})), "m1")
    assert yard.count("kept_document") == 1
    queued = await claimed(store)
    heard = [one for one in queued if one.mail == "m1" or one.kind is not Told.SUCCESS]
    await store.webhooks.settle("w1", [report(one) for one in heard])
    assert await store.webhooks.forget(0, NOW, 100) is None
    assert yard.count("event") == 12
    assert await store.webhooks.forget(0, NOW + 1, 4) == queued[0].seq + 3
    after: int | None = 0
    while after is not None:
        after = await store.webhooks.forget(after, NOW + 1, 4)
    left = [(one.mail, one.kind) for one in await store.events(0, 100)]
    assert sorted(left) == [("m1", "email_Sent"), ("m2", "email_Sent"), ("m2", "onSuccess")]
    assert yard.count("kept_document") == 0
    assert await store.webhooks.event(queued[0].seq) is None


async def test_a_removed_webhook_is_gone_at_once_and_its_queue_by_and_by(
    store: Store, yard: Yard
) -> None:
    await add(store)
    await store.submit([mail(f"m{number}") for number in range(10)])
    assert await store.webhooks.remove("w1")
    assert not await store.webhooks.remove("w1")
    assert await store.webhooks.every() == []
    assert await claimed(store) == []
    await store.submit([mail("later")])
    assert yard.count("webhook_queue") == 20
    for _ in range(8):
        await store.webhooks.forget(0, NOW, 4)
    for table in ("webhook_queue", "webhook_lane", "webhook"):
        assert yard.count(table) == 0


async def test_how_it_stands_is_written_unless_a_person_changed_it_since(store: Store) -> None:
    found = await add(store)
    paused = replace(found, state="paused", paused_until=NOW + 5, pauses=2, reason="x", since=NOW)
    await store.webhooks.stand(paused)
    assert await store.webhooks.every() == [paused]
    await store.webhooks.save("w1", lambda _: found)
    await store.webhooks.stand(replace(paused, state="disabled"))
    assert [one.state for one in await store.webhooks.every()] == ["ok"]
    await store.submit([mail()])
    assert len(await claimed(store)) == 2


async def test_one_that_is_disabled_by_its_receiver_hears_nothing_more(store: Store) -> None:
    found = await add(store)
    await store.submit([mail("before")])
    await store.webhooks.stand(replace(found, state="disabled", reason="gone", since=NOW))
    await store.submit([mail("m1")])
    assert (await store.webhooks.counts("w1")).waiting == 2
    assert await claimed(store) == []


async def test_who_listens_hears_for_a_while(store: Store, yard: Yard) -> None:
    await store.webhooks.hear([Told.START], NOW + 10)
    await store.webhooks.hear([Told.START], NOW + 5)
    await store.submit([mail("m1", created_at=NOW + 9)])
    await store.submit([mail("m2", created_at=NOW + 10)])
    assert [(one.mail, one.kind) for one in await store.events(0, 10)] == [("m1", "onStart")]
    assert yard.count("webhook_queue") == 0


async def test_what_nobody_will_tell_is_stuck(store: Store, yard: Yard) -> None:
    await add(store)
    await store.submit([mail()])
    yard.plant("DELETE FROM webhook_lane")
    counts = await store.counts(NOW, 60_000)
    assert [one["why"] for one in counts.stuck] == ["nobody will tell webhook w1"] * 2


async def test_the_installation_keeps_its_name(store: Store, yard: Yard) -> None:
    name = await store.webhooks.installation()
    assert len(name) == 16
    other = yard.store()
    await other.open()
    assert await other.webhooks.installation() == name
    await other.close()


async def test_the_same_secrets_under_another_key(store: Store) -> None:
    found = await add(store)
    assert not await store.webhooks.reseal("w1", b"other", b"new")
    assert await store.webhooks.reseal("w1", found.secret, b"new")
    assert [one.secret for one in await store.webhooks.every()] == [b"new"]


async def test_a_mail_of_which_nothing_waits_is_held_by_nobody(store: Store, yard: Yard) -> None:
    await add(store)
    await store.submit([mail()])
    yard.plant("DELETE FROM webhook_queue")
    assert await claimed(store) == []
    assert yard.count("webhook_lane") == 0
