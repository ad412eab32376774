"""What is inserted goes through PUT's own door: told alike, refused on a mail, and never raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from franking.clock import HandClock
from franking.core.delivery import Delivery, Outcome, State
from franking.core.depth import MAX_DEPTH
from franking.core.reading import MAX_DOCUMENT_BYTES
from franking.office import Office
from franking.office.inbox import HEAD_CHARACTERS
from franking.office.restoring import Restoring
from franking.stores.base import Change, Filter, Store, Stored

from .contract import Yard
from .inbox import DOCUMENT, all_taken, now_written, taken, write
from .mails import HOUR, LEASE_MS, NOW, claimed, delivery, ended, event, kinds, mail, stored

# No database can make it short.
LONG = "".join(f"{n * 2654435761 % 2**32:08x}" for n in range(12_500))
DEEP = '{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}"


def office(store: Store, now: int = NOW) -> Office:
    return Office(store, HandClock(now), lambda: None)


async def alone(store: Store) -> Stored:
    """The one mail that there is."""
    [found] = await store.page(Filter(), 10)
    return found


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        {**DOCUMENT, "sendAt": "2026-12-01T00:00:00Z", "priority": 2, "account": "A"},
        {**DOCUMENT, "touchpointId": "t1", "onUnknown": "resend"},
        {**DOCUMENT, "id": "x"},
        {**DOCUMENT, "message": {"subject": "a\0b", "text": "\u2028 ' %s :id"}},
        # What has trouble is told, at once.
        {},
        {"to": []},
        {"to": 5, "message": {}},
        {**DOCUMENT, "account": "a/b"},
        {**DOCUMENT, "to": "a@example.com\r\nRCPT TO:<b@example.com>"},
        # A preset delivery counts on a new id.
        {**DOCUMENT, "delivery": None},
        {**DOCUMENT, "delivery": {"state": "SUCCESS", "attempts": 3}},
        {**DOCUMENT, "delivery": {"state": "PROCESSING"}},
        {**DOCUMENT, "delivery": {"state": "Odd"}},
        {**DOCUMENT, "delivery": 5},
    ],
)
async def test_a_document_is_written_as_by_put(
    store: Store, yard: Yard, document: dict[str, Any]
) -> None:
    write(yard, document, "x")
    await all_taken(store)
    by_inbox, told = await stored(store, "x"), await kinds(store)
    await store.change(["x"], _forget)
    given = {name: value for name, value in document.items() if name != "id"}
    await office(store).put("x", given)
    by_put = await stored(store, "x")
    assert bytes(by_inbox.document) == bytes(by_put.document)
    assert _lasting(by_inbox) == _lasting(by_put)
    assert await kinds(store) == told * 2


def _forget(found: Stored | None) -> Any:
    return Change(delete=True)


def _lasting(found: Stored) -> Any:
    return replace(found.mail, seq=0, message_token="", version=0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "",
            "The document is no JSON that can be read: Input data was truncated (it has 0 bytes).",
        ),
        ("not json", "The document is no JSON that can be read: invalid character (byte 4)."),
        ('{"to": "a@exam', "The document is no JSON that can be read: Input data was truncated"),
        ('{"to": "\\ud800"}', "The document is no JSON that can be read"),
        ("[]", "The document is an array, not a JSON object."),
        ('"text"', "The document is a string, not a JSON object."),
        ("null", "The document is null, not a JSON object."),
        ("5", "The document is a number, not a JSON object."),
        (DEEP, f"The document is nested more than {MAX_DEPTH} levels deep."),
        ("[" * 100_000, "The document is n"),
        ("x" * (MAX_DOCUMENT_BYTES + 1), "The document has more than 10485760 bytes."),
        ('{"to":"' + "é" * (MAX_DOCUMENT_BYTES // 2) + '"}', "The document has more than"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_is_no_document_is_told_on_the_mail(
    store: Store, yard: Yard, text: str, words: str
) -> None:
    write(yard, text, "x")
    await all_taken(store)
    found = await stored(store, "x")
    told = found.mail.delivery
    assert (told.state, told.outcome, told.attempts) == (State.ERROR, Outcome.NOT_SENT, 0)
    assert told.error is not None
    assert told.error.startswith(f"Error: {words}")
    kept = json.loads(bytes(found.document))["inbox"]
    assert kept == {"id": "x", "document": text[:HEAD_CHARACTERS]}
    assert await kinds(store) == ["email_Error"]
    assert yard.count("inbox") == 0


async def test_nothing_at_all_is_told_on_the_mail(store: Store, yard: Yard) -> None:
    yard.plant("INSERT INTO inbox (id, document) VALUES ('x', NULL)")
    yard.plant("INSERT INTO inbox (id) VALUES ('y')")
    await all_taken(store)
    for id in "xy":
        assert "is no JSON" in ((await delivery(store, id)).error or "")


@pytest.mark.parametrize(
    "id", ["", "a/b", "..", "__x__", "batch", "x" * 256, LONG, "a\nb"], ids=lambda id: id[:20]
)
async def test_an_id_that_no_mail_may_have_is_told_on_another(
    store: Store, yard: Yard, id: str
) -> None:
    write(yard, DOCUMENT, id)
    write(yard, DOCUMENT, "x")
    await all_taken(store)
    assert (await delivery(store, "x")).state == State.PENDING
    _, other = await store.page(Filter(), 10)
    assert other.mail.delivery.state == State.ERROR
    assert (other.mail.delivery.error or "").startswith("Error: A mail's id ")
    kept = json.loads(bytes(other.document))["inbox"]
    assert (kept["id"], json.loads(kept["document"])) == (id[:255], DOCUMENT)


async def test_a_repeat_sends_nothing(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT, "x")
    await all_taken(store)
    await store.settle([ended(await claimed(store), "sent")])
    before = await stored(store, "x")
    for _ in range(3):
        write(yard, DOCUMENT, "x")
    write(yard, {**DOCUMENT, "delivery": {"state": "PENDING"}}, "x")
    await all_taken(store)
    assert await stored(store, "x") == before
    assert await store.claim(NOW + HOUR, 10, LEASE_MS) == []


async def test_another_document_replaces_the_first_and_keeps_its_delivery(
    store: Store, yard: Yard
) -> None:
    write(yard, DOCUMENT, "x")
    await all_taken(store)
    write(yard, {**DOCUMENT, "to": "b@example.com"}, "x")
    await all_taken(store)
    found = await stored(store, "x")
    assert (found.mail.revision, found.mail.delivery.state) == (2, State.PENDING)
    assert b"b@example.com" in bytes(found.document)
    assert len(await store.claim(NOW, 10, LEASE_MS)) == 1


async def test_delivery_null_sends_from_scratch(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT, "x")
    await all_taken(store)
    await store.settle([ended(await claimed(store), "sent")])
    write(yard, {**DOCUMENT, "delivery": None}, "x")
    await all_taken(store)
    assert (await delivery(store, "x")).state == State.PENDING


async def test_delivery_null_waits_while_the_mail_is_being_sent(store: Store, yard: Yard) -> None:
    write(yard, DOCUMENT, "x")
    await all_taken(store)
    lease = await claimed(store)
    write(yard, {**DOCUMENT, "delivery": None}, "x")
    now_written(yard)
    assert await taken(store) == 1
    assert (yard.count("inbox"), yard.count("mail")) == (1, 1)
    await store.settle([ended(lease, "sent")])
    await all_taken(store, NOW + 1000)
    assert (await delivery(store, "x")).state == State.PENDING
    assert (yard.count("inbox"), yard.count("mail")) == (0, 1)


async def test_what_put_refuses_is_told_beside_the_mail(store: Store, yard: Yard) -> None:
    manual = mail("x", touchpoint="t1", state=State.ERROR, outcome=Outcome.NOT_SENT)
    await store.submit([replace(manual, event=event("e", "t1"))])
    write(yard, {**DOCUMENT, "touchpointId": "t1", "delivery": None}, "x")
    write(yard, "{", "x")
    await all_taken(store)
    told, refused, there = await store.page(Filter(), 10)
    assert there.mail.id == "x"
    assert there.mail.revision == 1
    assert refused.mail.delivery.error == (
        "Error: Manual emails can't be retried. Complete the touchpoint again."
        " The mail with its id stays as it is."
    )
    assert (told.mail.delivery.error or "").endswith(" The mail with its id stays as it is.")
    # The touchpoint hears nothing: nothing happened to its mail.
    events = await store.events(0, 10)
    assert [found.kind for found in events] == ["email_Sent", "email_Error", "email_Error"]
    assert refused.mail.links.touchpoint_id is None


async def test_a_restored_inbox_ends_in_doubt(store: Store, yard: Yard) -> None:
    await store.submit([mail("there", state=State.SUCCESS, outcome=Outcome.SENT)])
    write(yard, DOCUMENT, "a")
    write(yard, {}, "bad")
    write(yard, {**DOCUMENT, "delivery": None}, "there")
    write(yard, {**DOCUMENT, "sendAt": "2099-12-01T00:00:00Z"}, "later")
    write(yard, {**DOCUMENT, "to": "b@example.com"}, "a")
    yard.plant(f"UPDATE inbox SET next_at = {NOW + 60_000} WHERE id = 'bad'")
    done = await Restoring(store, HandClock(NOW)).run(keep_later=True)
    assert (done.mails, yard.count("inbox")) == (5, 0)
    ends = {id: await delivery(store, id) for id in ("a", "bad", "there", "later")}
    assert [(e.state, e.outcome) for e in ends.values()] == [
        (State.ERROR, Outcome.UNKNOWN),
        (State.ERROR, Outcome.NOT_SENT),
        (State.ERROR, Outcome.UNKNOWN),
        (State.PENDING, None),
    ]
    assert b"b@example.com" in bytes((await stored(store, "a")).document)


async def test_a_restored_inbox_keeps_nothing_for_later_unless_asked(
    store: Store, yard: Yard
) -> None:
    write(yard, {**DOCUMENT, "sendAt": "2099-12-01T00:00:00Z"}, "later")
    await Restoring(store, HandClock(NOW)).run(keep_later=False)
    found: Delivery = await delivery(store, "later")
    assert (found.state, found.outcome) == (State.ERROR, Outcome.UNKNOWN)
    assert await kinds(store) != []
