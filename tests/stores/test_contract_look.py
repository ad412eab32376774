"""What people look at: lists of mails in bounded time, what waits, and a pulse."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from eventually import eventually
from franking.core.account import Account, AccountState
from franking.core.delivery import State
from franking.stores import look
from franking.stores.base import Change, Filter, Line, Looked, Store
from franking.stores.look_store import Stock

from .contract import Yard
from .mails import (
    HOUR,
    LEASE_MS,
    MINUTE,
    NOW,
    changed,
    claimed,
    ended,
    ids,
    mail,
    raw,
    remainder,
    stored,
    transmitting,
)
from .test_contract_reads import planted

MOST = 20_000


async def looked(store: Store, limit: int = 100, most: int = MOST, **wanted: Any) -> list[str]:
    """The ids of the lines of one look."""
    return named(await store.look.mails(Filter(**wanted), limit, most))


def named(found: Looked) -> list[str]:
    return [line.mail.id for line in found.lines]


NAMED: dict[str, tuple[Any, ...]] = {
    "state": (None, "SUCCESS", "ERROR", "NONE"),
    "category": (None, "unknown", "send_limit"),
    "account": (None, "A", "nobody"),
    "touchpoint": (None, "t1", "t9"),
    "q": (None, "hello", "jane1 hel", "nothing"),
    "after": (None, 9, 1),
}


async def test_a_look_finds_what_a_page_finds(store: Store) -> None:
    await planted(store)
    for values in itertools.product(*NAMED.values()):
        wanted = dict(zip(NAMED, values, strict=True))
        page = ids(await store.page(Filter(**wanted), 100))
        assert await looked(store, **wanted) == page, wanted


@pytest.mark.parametrize(("limit", "next"), [(1, 3), (2, 2), (3, None), (4, None)])
async def test_next_says_where_to_look_on(store: Store, limit: int, next: int | None) -> None:
    await store.submit([mail(f"m{n}") for n in range(3)])
    found = await store.look.mails(Filter(), limit, MOST)
    assert (len(found.lines), found.next) == (min(limit, 3), next)


async def test_after_the_last_line_there_may_be_more(store: Store) -> None:
    await store.submit([mail("a", account="A"), mail("b", account="A", state=State.RETRY)])
    found = await store.look.mails(Filter(account="A", state="RETRY"), 1, MOST)
    assert (named(found), found.next) == (["b"], 2)
    assert await store.look.mails(Filter(account="A", state="RETRY", after=2), 1, MOST) == Looked()


ENDS = frozenset((1, 50, 250, 251))


async def sparse(store: Store, rare: frozenset[int] = ENDS) -> list[str]:
    """Of 450 mails of one account few in RETRY, wherever windows of 200 begin and end."""
    states = {True: State.RETRY, False: State.SUCCESS}
    await store.submit(
        [
            mail(f"m{n}", state=states[n in rare], category="full", touchpoint="t", search="word")
            for n in range(1, 451)
        ]
    )
    return [f"m{n}" for n in sorted(rare, reverse=True)]


BROAD: list[dict[str, Any]] = [
    *({"account": "default"}, {"category": "full"}, {"touchpoint": "t"}, {"q": "word"}),
    {"q": "w"},
]


@pytest.mark.parametrize("broad", BROAD)
@pytest.mark.parametrize("limit", [1, 3, 4, 5])
async def test_windows_follow_each_other_without_a_gap(
    store: Store, broad: dict[str, Any], limit: int
) -> None:
    rare = await sparse(store)
    assert await looked(store, limit, state="RETRY", **broad) == rare[:limit]


@pytest.mark.parametrize("broad", BROAD)
async def test_a_look_ends_at_its_limit_and_goes_on_from_there(
    store: Store, broad: dict[str, Any]
) -> None:
    rare = await sparse(store)
    walk, after, looks = [], None, 0
    while looks == 0 or after is not None:
        found = await store.look.mails(Filter(state="RETRY", after=after, **broad), 50, 210)
        walk.append(named(found))
        after, looks = found.next, looks + 1
        assert looks < 9
    assert walk == [rare[:2], rare[2:3], rare[3:]]


async def test_no_mail_is_looked_at_twice(store: Store) -> None:
    await sparse(store, frozenset((260, 241, 240)))
    found = await store.look.mails(Filter(state="RETRY", account="default"), 50, 210)
    assert (named(found), found.next) == (["m260", "m241"], 241)


async def test_a_look_through_exactly_all_does_not_know_that_it_is_all(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(3)])
    found = await store.look.mails(Filter(), 9, 3)
    assert (len(found.lines), found.next) == (3, 1)
    assert await store.look.mails(Filter(after=1), 9, 3) == Looked()


async def test_new_mails_do_not_shift_a_walk(store: Store) -> None:
    await store.submit([mail(f"m{n}") for n in range(5)])
    first = await store.look.mails(Filter(), 2, MOST)
    await store.submit([mail("new")])
    second = await store.look.mails(Filter(after=first.next), 9, MOST)
    assert [named(first), named(second)] == [["m4", "m3"], ["m2", "m1", "m0"]]


@pytest.mark.parametrize("q", ["", " ", '"', "*", "-", "_", "\ud800", "\u0301"])
async def test_no_words_find_nothing(store: Store, q: str) -> None:
    await store.submit([mail(search="something else")])
    assert await store.look.mails(Filter(q=q), 10, MOST) == Looked()


async def test_a_remainder_is_no_line(store: Store) -> None:
    await store.submit([mail(touchpoint="t1", search="word")])
    found = await claimed(store)
    rest = remainder(found.mail, "b@example.com", state=State.RETRY, category="full")
    await store.settle([ended(found, "sent", remainder=rest, pending=("b@example.com",))])
    assert await looked(store) == ["m1"]
    assert await looked(store, account="default") == ["m1"]
    assert await looked(store, state="RETRY") == []
    assert await looked(store, category="full") == []


async def test_a_line_is_a_mail_without_its_document(store: Store) -> None:
    await store.submit([mail(recipient="Jané <a@example.com>", subject='50% "off"')])
    [line] = (await store.look.mails(Filter(), 9, MOST)).lines
    one = (await stored(store)).mail
    assert line == Line(one, "Jané <a@example.com>", '50% "off"')


async def test_an_edit_gives_it_another_head_and_nothing_else_does(store: Store) -> None:
    await store.submit([mail(recipient="a", subject="b")])
    await changed(store, Change(priority=1))
    assert await heads(store) == [("a", "b")]
    await changed(store, Change(document=raw({}), search="", recipient="c"))
    assert await heads(store) == [("c", None)]
    await store.settle([ended(await claimed(store), "sent")])
    assert await heads(store) == [("c", None)]


async def heads(store: Store) -> list[tuple[str | None, str | None]]:
    lines = (await store.look.mails(Filter(), 9, MOST)).lines
    return [(line.recipient, line.subject) for line in lines]


async def test_an_edited_mail_is_found_by_the_words_it_has_now(store: Store) -> None:
    """Those that it had before and kept too."""
    await store.submit([mail(search="ada lovelace shared@example.com")])
    await changed(store, Change(document=raw({}), search="grace hopper shared@example.com"))
    assert await looked(store, q="grace") == ["m1"]
    assert await looked(store, q="shared") == ["m1"]
    assert await looked(store, q="ada") == []


async def test_a_remainder_has_no_head(store: Store) -> None:
    await store.submit([mail(recipient="a", subject="b")])
    found = await claimed(store)
    await store.settle([ended(found, "sent", remainder=remainder(found.mail, "b@example.com"))])
    oldest = await store.look.oldest_waiting()
    assert oldest is not None
    assert (oldest.mail.remainder_of, oldest.recipient, oldest.subject) == ("m1", None, None)


@pytest.mark.parametrize("wanted", [{}, {"account": "default"}, {"q": "word"}])
async def test_no_document_is_read(store: Store, yard: Yard, wanted: dict[str, Any]) -> None:
    await store.submit([mail(search="word")])
    yard.plant("UPDATE document SET body = 'no JSON'")
    assert await looked(store, **wanted) == ["m1"]
    assert await store.look.oldest_waiting() is not None


# -- what there is now


async def test_there_is_nothing_in_an_empty_store(store: Store) -> None:
    assert await store.look.mails(Filter(), 9, MOST) == Looked()
    assert await store.look.stock(NOW) == Stock()
    assert await store.look.oldest_waiting() is None
    assert await store.look.held_accounts(NOW, 9) == []


async def test_the_stock_is_counted_by_what_stands(store: Store) -> None:
    states = [State.RETRY, *[State.SUCCESS] * 9, *[State.ERROR] * 3]
    await store.submit([mail(f"m{n}", state=state) for n, state in enumerate(states)])
    doubted = {"state": State.ERROR, "category": "outcome_unknown"}
    await store.submit([mail("doubt", **doubted)])
    await store.submit([mail("going", state=State.RETRY, category="outcome_unknown")])
    await store.submit([mail("later", due_at=NOW + HOUR), mail("other", account="B")])
    assert await store.look.stock(NOW) == Stock(waiting=4, failed=4, in_doubt=1)
    await claimed(store)
    assert await store.look.stock(NOW) == Stock(waiting=3, sending=1, failed=4, in_doubt=1)


async def test_the_stock_is_counted_to_a_limit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "MOST_COUNTED", 3)
    states = [State.PENDING, State.RETRY, State.ERROR, State.PROCESSING] * 4
    category = {State.ERROR: "outcome_unknown"}
    await store.submit(
        [
            mail(f"m{n}", state=s, category=category.get(s), lease_expires_at=NOW + HOUR)
            for n, s in enumerate(states)
        ]
    )
    for n in range(5):
        await stand(store, f"p{n}", paused_until=NOW + 1)
        await stand(store, f"d{n}", state=AccountState.DISCONNECTED)
    assert await store.look.stock(NOW) == Stock(3, 3, 3, 3, 3, 3)


async def stand(store: Store, id: str, **fields: Any) -> None:
    await store.accounts.stand(id, lambda _: Account(id, **fields), NOW)


async def test_accounts_that_send_nothing_are_told_and_counted(store: Store) -> None:
    await stand(store, "ok")
    await stand(store, "over", paused_until=NOW)
    await stand(store, "later", paused_until=NOW + 2, pauses=3, reason="421 slow down")
    await stand(store, "soon", paused_until=NOW + 1)
    gone = {"state": AccountState.DISCONNECTED, "since": NOW - 5, "reason": "535 no"}
    await stand(store, "z", **gone)
    await stand(store, "a", **gone, paused_until=NOW + 9)
    held = await store.look.held_accounts(NOW, 9)
    assert [one.id for one in held] == ["a", "z", "soon", "later"]
    assert (held[1].state, held[1].since, held[1].reason) == ("disconnected", NOW - 5, "535 no")
    last = held[3]
    assert (last.state, last.paused_until, last.pauses) == ("ok", NOW + 2, 3)
    assert await store.look.held_accounts(NOW, 3) == held[:3]
    assert await store.look.stock(NOW) == Stock(paused=2, disconnected=2)


async def test_the_oldest_is_the_one_that_was_due_first(store: Store) -> None:
    due = {"a": 5, "b": -7, "c": 3, "d": -9}
    for n, (id, at) in enumerate(due.items()):
        priority = (0, 2, -2, 1)[n]
        await store.submit([mail(id, account=id, priority=priority, due_at=NOW + at)])
    await store.submit([mail("sent", account="b", state=State.SUCCESS, due_at=NOW - HOUR)])
    for expected in ("d", "b"):
        oldest = await store.look.oldest_waiting()
        assert oldest is not None
        assert oldest.mail.id == expected
        await changed(store, Change(delete=True), expected)


async def test_of_one_account_every_priority_is_looked_at(store: Store) -> None:
    for priority in (2, 1, 0, -1, -2):
        at = NOW + priority * MINUTE
        await store.submit([mail(f"p{priority}", priority=priority, due_at=at, recipient="r")])
        oldest = await store.look.oldest_waiting()
        assert oldest is not None
        assert (oldest.mail.id, oldest.recipient) == (f"p{priority}", "r")


async def test_a_mail_whose_leases_ran_out_too_often_waits_too(store: Store) -> None:
    await store.submit([mail("a"), mail("b", releases=3, due_at=NOW - 1)])
    oldest = await store.look.oldest_waiting()
    assert oldest is not None
    assert oldest.mail.id == "b"


async def test_what_is_being_sent_does_not_wait(store: Store) -> None:
    await store.submit([mail()])
    await claimed(store)
    assert await store.look.oldest_waiting() is None


# -- the pulse


async def test_the_pulse_stands_still_where_nothing_is_committed(store: Store) -> None:
    await store.submit([mail()])
    await store.claim(NOW - HOUR, 9, LEASE_MS)
    before = await store.look.pulse()
    await store.look.mails(Filter(), 9, MOST)
    await store.claim(NOW - HOUR, 9, LEASE_MS)
    await store.look.forget_tally(NOW, 9)
    assert [await store.look.pulse() for _ in range(5)] == [before] * 5


async def test_the_pulse_is_another_after_each_commit(store: Store, yard: Yard) -> None:
    other = yard.store()
    await other.open()
    seen = [await store.look.pulse()]
    await store.submit([mail("a")])
    seen.append(await store.look.pulse())
    await other.submit([mail("b")])
    await eventually(lambda: differs(store, seen[-1]))
    seen.append(await store.look.pulse())
    await transmitting(store)
    seen.append(await store.look.pulse())
    assert len({*seen}) == 4
    await other.close()


async def differs(store: Store, before: int) -> bool:
    return await store.look.pulse() != before
