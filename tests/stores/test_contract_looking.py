"""The door for people who look: lists, figures of a window, and how things stand."""

from __future__ import annotations

from typing import Any

import pytest

from franking.clock import HandClock
from franking.core.account import Account, AccountState
from franking.core.event import Event
from franking.core.prediction import ACCOUNT_DISCONNECTED, Expectation
from franking.office import Office
from franking.office.looking import MOST_HELD, MOST_LOOKED, WHATS, Figures, Window
from franking.stores.base import Filter, OutboxCounts, Stock, Store

from .mails import HOUR, MINUTE, NOW, claimed, event, mail

DOCUMENT = {"to": ["a@x.com", "b@x.com"], "message": {"subject": "Hi", "text": "t"}}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def office(store: Store, clock: HandClock) -> Office:
    return Office(store, clock, lambda: None)


async def heads(office: Office) -> list[tuple[str | None, str | None]]:
    found = await office.look.mails(Filter(), 9)
    return [(line.recipient, line.subject) for line in found.lines]


async def test_a_mail_is_listed_by_its_recipients_and_subject(office: Office) -> None:
    await office.submit([DOCUMENT])
    await office.put("m", {"bcc": "c@x.com", "message": {"subject": "one\r\ntwo"}})
    await office.put("wrong", {"message": 5})
    assert await heads(office) == [(None, None), ("c@x.com", "one two"), ("a@x.com, b@x.com", "Hi")]


async def test_an_edited_mail_is_listed_by_what_it_is_now(office: Office) -> None:
    await office.put("m", DOCUMENT)
    await office.patch("m", {"message": {"subject": "Again"}})
    assert await heads(office) == [("a@x.com, b@x.com", "Again")]
    await office.put("m", {**DOCUMENT, "to": None, "cc": "z@x.com"})
    assert await heads(office) == [("z@x.com", "Hi")]
    await office.retry("m")
    assert await heads(office) == [("z@x.com", "Hi")]


async def stand(store: Store, id: str, **fields: Any) -> None:
    await store.accounts.stand(id, lambda _: Account(id, **fields), NOW)


async def test_a_hold_that_is_over_is_not_told(
    store: Store, office: Office, clock: HandClock
) -> None:
    await store.submit([mail()])
    await stand(store, "default", paused_until=NOW + MINUTE)
    assert (await office.look.mails(Filter(), 9)).lines[0].mail.hold is not None
    assert (await office.look.present()).oldest == (await office.look.mails(Filter(), 9)).lines[0]
    clock.advance(MINUTE)
    assert (await office.look.mails(Filter(), 9)).lines[0].mail.hold is None
    oldest = (await office.look.present()).oldest
    assert oldest is not None
    assert oldest.mail.hold is None


async def test_the_door_looks_through_so_many(
    store: Store, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    found = await store.look.mails(Filter(), 5, MOST_LOOKED)

    async def mails(filter: Filter, limit: int, most: int) -> Any:
        asked.extend((limit, most))
        return found

    monkeypatch.setattr(store.look, "mails", mails)
    assert await office.look.mails(Filter(), 5) == found
    assert asked == [5, 20_000]


# -- figures


SLOTS = {Window.HOUR: (60, MINUTE), Window.DAY: (24, HOUR), Window.WEEK: (28, 6 * HOUR)}


async def told(store: Store, at: int, kind: str = "email_Sent", category: str = "") -> None:
    id = f"{at}.{kind}.{category}"
    body = {"error": {"category": category}}
    await store.submit([mail(id, event=Event(id, kind, id, None, at, body))])


@pytest.mark.parametrize("window", Window)
async def test_slots_follow_each_other_and_the_last_holds_now(
    office: Office, clock: HandClock, window: Window
) -> None:
    count, width = SLOTS[window]
    for _ in range(3):
        figures = await office.look.figures(window)
        assert (figures.window, figures.width_ms, len(figures.slots)) == (window, width, count)
        assert {b - a for a, b in zip(figures.slots, figures.slots[1:], strict=False)} == {width}
        assert 0 <= clock.now() - figures.slots[-1] < width
        assert figures.slots[0] % width == 0
        clock.advance(width - clock.now() % width - 1 if _ == 0 else 1)


async def test_a_window_without_events_has_all_its_counts(office: Office) -> None:
    figures = await office.look.figures(Window.DAY)
    assert figures.counts == dict.fromkeys(WHATS, (0,) * 24)
    assert (figures.categories, figures.totals) == ({}, dict.fromkeys(WHATS, 0))


@pytest.mark.parametrize("window", Window)
async def test_what_happened_is_in_its_slot(store: Store, office: Office, window: Window) -> None:
    count, width = SLOTS[window]
    first = (await office.look.figures(window)).slots[0]
    for at in (first - 1, first, first + width - 1, first + width, NOW, NOW + width):
        await told(store, at)
    sent = (await office.look.figures(window)).counts["sent"]
    assert sent == (2, 1, *[0] * (count - 3), 1)


@pytest.mark.parametrize("window", Window)
async def test_all_windows_count_the_same(store: Store, office: Office, window: Window) -> None:
    for n in range(2):
        await told(store, NOW - n)
        await told(store, NOW - n, "email_Rate_Limited", "send_limit")
        await told(store, NOW - n, "email_Error", "outcome_unknown")
    for n, category in enumerate(["full", "gone", "gone", "gone", "bad", "bad"]):
        await told(store, NOW - n, "email_Error", category)
    figures: Figures = await office.look.figures(window)
    assert figures.totals == {"sent": 2, "failed": 6, "in_doubt": 2, "limited": 2}
    totals = [(category, sum(row)) for category, row in figures.categories.items()]
    assert totals == [("gone", 3), ("bad", 2), ("outcome_unknown", 2), ("full", 1)]
    assert {len(row) for row in figures.categories.values()} == {len(figures.slots)}


# -- how things stand


async def test_an_empty_store_stands_empty(office: Office) -> None:
    present = await office.look.present()
    assert (present.stock, present.oldest, present.expected) == (Stock(), None, None)
    assert (present.held, present.outbox) == ((), OutboxCounts())


async def test_how_things_stand(store: Store, office: Office) -> None:
    await store.submit([mail("a", event=event("e", "t1")), mail("b", account="B", due_at=NOW - 1)])
    await stand(store, "B", state=AccountState.DISCONNECTED)
    present = await office.look.present()
    assert present.stock == Stock(waiting=2, disconnected=1)
    assert present.oldest is not None
    assert present.oldest.mail.id == "b"
    assert present.expected == Expectation(None, ACCOUNT_DISCONNECTED)
    assert [one.id for one in present.held] == ["B"]
    assert (present.outbox.waiting, present.outbox.parked) == (1, 0)


async def test_what_is_expected_is_of_the_oldest(store: Store, office: Office) -> None:
    await store.submit([mail("a", due_at=NOW + HOUR)])
    assert (await office.look.present()).expected == Expectation(NOW + HOUR)
    await store.submit([mail("b")])
    assert (await office.look.present()).expected == Expectation(NOW)
    found = await claimed(store)
    assert await office.look.expected(found.mail) is None


async def test_only_so_many_held_accounts_are_told(store: Store, office: Office) -> None:
    for n in range(MOST_HELD + 2):
        await stand(store, f"p{n}", paused_until=NOW + 1)
    present = await office.look.present()
    assert (len(present.held), present.stock.paused) == (20, 22)


async def test_the_pulse_is_the_stores(store: Store, office: Office) -> None:
    before = await office.look.pulse()
    assert await office.look.pulse() == before == await store.look.pulse()
    await store.submit([mail()])
    assert await office.look.pulse() != before
