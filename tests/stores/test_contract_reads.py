"""Lists with their cursors and words, timelines, events and their sequences."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from franking.core.delivery import State
from franking.stores.base import Change, Filter, Store

from .mails import (
    HOUR,
    NOW,
    changed,
    claimed,
    ended,
    event,
    ids,
    kinds,
    mail,
    raw,
)


async def test_a_mail_that_is_not_there_is_none(store: Store) -> None:
    assert await store.read("none") is None
    assert await store.timeline("none") == []


async def planted(store: Store) -> None:
    """Twelve mails: three states, two accounts, two categories, two touchpoints."""
    states = [State.PENDING, State.SUCCESS, State.ERROR]
    for n in range(12):
        state = states[n % 3]
        failed = state is State.ERROR
        await store.submit(
            [
                mail(
                    f"m{n}",
                    account="AB"[n % 2],
                    touchpoint=f"t{n % 2}",
                    state=state,
                    end_at=NOW if state is not State.PENDING else None,
                    category=("unknown" if n < 6 else "send_limit") if failed else None,
                    search=f"jane{n}@example.com hello {n}",
                )
            ]
        )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, range(12)),
        ({"state": "SUCCESS"}, [1, 4, 7, 10]),
        ({"account": "A"}, range(0, 12, 2)),
        ({"category": "unknown"}, [2, 5]),
        ({"touchpoint": "t1"}, range(1, 12, 2)),
        ({"state": "ERROR", "account": "A"}, [2, 8]),
        ({"state": "ERROR", "category": "unknown"}, [2, 5]),
        ({"category": "send_limit", "account": "B"}, [11]),
        ({"touchpoint": "t0", "state": "ERROR", "category": "unknown", "account": "A"}, [2]),
        ({"touchpoint": "t0", "account": "B"}, []),
        ({"q": "hello", "state": "SUCCESS"}, [1, 4, 7, 10]),
        ({"q": "hello", "account": "A", "category": "unknown", "touchpoint": "t0"}, [2]),
        ({"q": "jane1"}, [1, 10, 11]),
        ({"state": "NONE"}, []),
    ],
)
async def test_a_list_has_the_mails_that_match_newest_first(
    store: Store, wanted: dict[str, Any], found: Any
) -> None:
    await planted(store)
    assert ids(await store.page(Filter(**wanted), 100)) == [f"m{n}" for n in reversed(found)]


@pytest.mark.parametrize(
    "wanted", [{}, {"state": "SUCCESS"}, {"account": "A"}, {"q": "hello"}, {"touchpoint": "t0"}]
)
async def test_a_walk_by_cursor_meets_each_mail_once(store: Store, wanted: dict[str, Any]) -> None:
    await planted(store)
    whole = ids(await store.page(Filter(**wanted), 100))
    walked: list[str] = []
    after: int | None = None
    while page := await store.page(Filter(**wanted, after=after), 3):
        walked += ids(page)
        after = page[-1].mail.seq
        await store.submit([mail(f"new{after}", account="A", touchpoint="t0", search="hello")])
    assert walked == whole


WORDS = "john_doe@example.com Zoë größe 東京 1st-offer o'neil re: {50% off} हिन्दी naïve"


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("john", True),
        ("JOHN", True),
        ("john_doe", True),  # an underscore parts words
        ("john_doe@example.com", True),
        ("john doe com", True),
        ("doe john", True),
        ("zoe", True),
        ("ZOË", True),
        ("zoe\u0308", True),  # the mark apart from its letter
        ("groß", True),
        ("東", True),
        ("हिन्दी", True),
        ("offer 1", True),
        ("ohn", False),  # by prefix
        ("john jane", False),
        ("example.org", False),
    ],
)
async def test_words_are_found_by_prefix(store: Store, q: str, found: bool) -> None:
    await store.submit([mail(search=WORDS.lower())])
    assert ids(await store.page(Filter(q=q), 10)) == ["m1"] * found


@pytest.mark.parametrize(
    "q",
    [
        *("", " ", '"', "'", "*", "**", "-", "_", "a_b", '"a" OR "b"', "NEAR(", "NEAR(a b, 5)"),
        *("AND", "OR NOT", "words:", "words : a", "^a", "a^b", "a + b", "(a", "{a", "a\x00b"),
        *("\ud800", "😀", "\u0301", "\U0001e900", "a\U0001e900b", "\ua7ae_x", "%", "\\", "ﬁ", "²Ⅷ"),
        *("; DROP TABLE mail", "a" * 5000, "a " * 5000, "İ", "ß", "\u200b", "\uffff"),
    ],
)  # fmt: skip
async def test_no_words_are_syntax(store: Store, q: str) -> None:
    await store.submit([mail(search="something else")])
    assert await store.page(Filter(q=q), 10) == []


async def test_an_edited_mail_is_found_by_its_new_words(store: Store) -> None:
    await store.submit([mail(search="old words")])
    await changed(store, Change(document=raw({}), search="new words"))
    assert ids(await store.page(Filter(q="old"), 10)) == []
    assert ids(await store.page(Filter(q="new"), 10)) == ["m1"]


async def test_a_mail_may_have_had_no_words(store: Store) -> None:
    await store.submit([mail(search="")])
    for words in ("first", "", "second", "third"):
        await changed(store, Change(document=raw({}), search=words))
        assert ids(await store.page(Filter(q=words), 10)) == ["m1"] * bool(words)
    await changed(store, Change(delete=True))
    assert await store.page(Filter(q="third"), 10) == []


async def test_a_deleted_mail_is_not_found(store: Store) -> None:
    await store.submit([mail("a", search="word"), mail("b", search="word")])
    await changed(store, Change(delete=True), "a")
    assert ids(await store.page(Filter(q="word"), 10)) == ["b"]


async def test_the_timeline_is_oldest_first(store: Store) -> None:
    await store.submit([mail()])
    at = NOW
    for how in ("returned", "deferred", "returned", "sent"):
        await store.settle([ended(await claimed(store, at), how, at)])
        at += HOUR
    events = [attempt.event for attempt in await store.timeline("m1")]
    assert events == ["returned", "deferred", "returned", "sent"]


async def test_events_come_in_the_order_of_their_commits(store: Store) -> None:
    assert await store.last_event() == 0
    for n in range(5):
        await store.submit([mail(f"m{n}", event=event(f"e{n}"))])
    found = await store.events(0, 100)
    assert [e.id for e in found] == [f"e{n}" for n in range(5)]
    assert [e.seq for e in found] == sorted({e.seq for e in found})
    assert await store.last_event() == found[-1].seq
    assert await store.events(found[2].seq, 1) == [found[3]]
    assert await store.events(found[-1].seq, 100) == []


async def test_an_event_is_kept_as_it_is(store: Store) -> None:
    await store.submit([mail(event=event("e1"))])
    [found] = await store.events(0, 10)
    assert (found.mail, found.kind, found.occurred_at) == ("m1", "email_Sent", NOW)
    assert (found.body, found.touchpoint_id, found.sequence) == ({"eventId": "e1"}, None, None)


async def test_each_touchpoint_has_its_own_sequence_without_gaps(store: Store) -> None:
    points = ["t1", "t2", None]
    batches = [
        [mail(f"m{n}.{k}", event=event(f"e{n}.{k}", points[(n + k) % 3])) for k in range(4)]
        for n in range(12)
    ]
    await asyncio.gather(*map(store.submit, batches))
    for point in ("t1", "t2"):
        own = [e for e in await store.events(0, 100) if e.touchpoint_id == point]
        assert [e.sequence for e in own] == list(range(1, 17))
        assert [e.body["sequence"] for e in own] == list(range(1, 17))


async def test_a_sequence_is_not_used_up_by_what_failed(store: Store) -> None:
    await store.submit([mail("a", event=event("e1", "t1"))])
    with pytest.raises(Exception, match="already"):
        await store.submit([mail("b", event=event("e2", "t1")), mail("a")])
    await store.submit([mail("c", event=event("e3", "t1"))])
    assert [e.sequence for e in await store.events(0, 10)] == [1, 2]
    assert len(await kinds(store)) == 2
