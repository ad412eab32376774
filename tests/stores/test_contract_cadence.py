"""The package's rows: one write a change, children once, deleted ones out of sight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.touchpoint import ConquerError, Touchpoint
from franking.stores.base import AlreadyExists, Found, Store, TouchpointFilter, Write

from .contract import Yard
from .mails import NOW

WHOLE = Touchpoint(
    id="t1",
    kind="automated",
    status="An odd “one”",
    status_updated_at=NOW + 1,
    created_at=NOW,
    cadence_member_id="m1",
    email_message_id="02s",
    due_at=NOW + 2,
    next_attempt_at=NOW + 3,
    error_message="Voll – 満杯 🎉",
    error_message_truncated="Voll",
    error_code="552",
    error_category="full",
    manual_retry_count=2,
    last_event_id="e7",
    last_sequence=7,
    mail_id="mail1",
    timer_id="timer1",
    completions=3,
    asked_at=NOW + 4,
    recipient="ada@example.com",
    subject="Grüße 🎉",
)


def touchpoint(id: str = "t1", **fields: Any) -> Touchpoint:
    return replace(Touchpoint(id, "automated", "Scheduled", NOW, NOW), **fields)


def child(number: int = 1, id: str = "t1", **fields: Any) -> ConquerError:
    return replace(ConquerError(f"{id}.e{number}", id, "Error", NOW + number), **fields)


def says(*children: ConquerError, **fields: Any) -> Callable[[Found | None], Write | None]:
    def decide(found: Found | None) -> Write | None:
        assert found is not None
        return Write(replace(found.touchpoint, **fields), children, found.unfinished)

    return decide


async def listed(store: Store, limit: int = 10, **filter: Any) -> list[str]:
    return [t.id for t in await store.cadence.page(TouchpointFilter(**filter), limit)]


async def test_a_change_is_read_as_it_was_written(store: Store) -> None:
    await store.cadence.create(touchpoint(), None)

    def decide(found: Found | None) -> Write:
        assert found is not None
        return Write(replace(WHOLE, seq=found.touchpoint.seq))

    written = await store.cadence.change("t1", decide)
    found = await store.cadence.read("t1")
    assert written is not None
    assert found is not None
    # What a touchpoint was made with stays; all else is written.
    made: dict[str, Any] = {"cadence_member_id": None, "email_message_id": None}
    assert found == (replace(WHOLE, seq=written.seq, **made), ())


async def test_what_it_is_created_with_is_kept(store: Store) -> None:
    made: dict[str, Any] = {"cadence_member_id": "m1", "email_message_id": "02s", "due_at": 5}
    head = {"recipient": "ada@example.com", "subject": "Hi"}
    new = touchpoint(mail_id="m", timer_id="x", **head, **made)
    await store.cadence.create(new, None)
    found = await store.cadence.read("t1")
    assert found is not None
    assert replace(found[0], seq=0) == new


async def test_an_id_is_there_once(store: Store) -> None:
    await store.cadence.create(touchpoint(), None)
    with pytest.raises(AlreadyExists):
        await store.cadence.create(touchpoint(status="Other"), None)
    assert [t.status for t in await store.cadence.page(TouchpointFilter(), 10)] == ["Scheduled"]


async def test_what_is_forgotten_was_never_there(store: Store, yard: Yard) -> None:
    await store.cadence.create(touchpoint(), b"{}")
    await store.cadence.forget("t1")
    await store.cadence.forget("t9")
    assert yard.count("touchpoint") == 0
    await store.cadence.create(touchpoint(), None)


async def test_nothing_is_written_where_nothing_is_said(store: Store) -> None:
    await store.cadence.create(touchpoint(), b'{"do":"x"}')
    seen: list[Found | None] = []
    found = await store.cadence.change("t1", seen.append)
    none = await store.cadence.change("t9", seen.append)
    assert (found is not None, none) == (True, None)
    assert seen[0] is not None
    assert (seen[0].unfinished, seen[1]) == (b'{"do":"x"}', None)
    assert len(await store.cadence.unfinished(10)) == 1


async def test_what_is_raised_changes_nothing(store: Store, yard: Yard) -> None:
    await store.cadence.create(touchpoint(), None)

    def decide(found: Found | None) -> Write:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.cadence.change("t1", decide)
    assert yard.count("conquer_error") == 0


async def test_children_are_newest_first_and_each_once(store: Store) -> None:
    await store.cadence.create(touchpoint(), None)
    await store.cadence.change("t1", says(child(1), child(2)))
    await store.cadence.change("t1", says(child(2, error_message="other"), child(3)))
    found = await store.cadence.read("t1")
    assert found is not None
    assert [c.event_id for c in found[1]] == ["t1.e3", "t1.e2", "t1.e1"]
    assert found[1][1].error_message is None
    assert found[1][0].id == "ce-t1.e3"


async def test_a_change_sees_the_newest_error_and_whether_its_event_is_known(
    store: Store,
) -> None:
    await store.cadence.create(touchpoint(), None)
    retry = child(3, status="Manual Retry")
    await store.cadence.change("t1", says(child(1), child(2), retry))
    for event, known in (("t1.e1", True), ("t1.e9", False), (None, False)):
        seen: list[Found | None] = []
        await store.cadence.change("t1", seen.append, event)
        assert seen[0] is not None
        assert seen[0].known is known
        assert seen[0].last_error is not None
        assert seen[0].last_error.event_id == "t1.e2"


async def test_changes_at_one_moment_are_one_after_the_other(store: Store) -> None:
    await store.cadence.create(touchpoint(), None)

    def more(found: Found | None) -> Write:
        assert found is not None
        count = found.touchpoint.completions + 1
        return Write(replace(found.touchpoint, completions=count))

    await asyncio.gather(*(store.cadence.change("t1", more) for _ in range(50)))
    found = await store.cadence.read("t1")
    assert found is not None
    assert found[0].completions == 50


async def test_a_page_is_narrowed_and_goes_on(store: Store) -> None:
    for number in range(1, 7):
        await store.cadence.create(
            touchpoint(f"t{number}", cadence_member_id=f"m{number % 2}"), None
        )
        error = {"status": "Error", "error_category": "full"} if number > 4 else {}
        await store.cadence.change(f"t{number}", says(**error))
    await store.cadence.change("t3", says(deleted_at=NOW))
    assert await listed(store) == ["t6", "t5", "t4", "t2", "t1"]
    assert await listed(store, status="Error") == ["t6", "t5"]
    assert await listed(store, category="full") == ["t6", "t5"]
    assert await listed(store, member="m1") == ["t5", "t1"]
    assert await listed(store, status="Error", category="full", member="m0") == ["t6"]
    assert await listed(store, status="Error", category="x") == []
    assert await listed(store, category="full", member="m1") == ["t5"]
    assert await listed(store, q="t5", status="Error", member="m1") == ["t5"]
    for wrong in ({"status": "Sent"}, {"category": "x"}, {"member": "m0"}, {"after": 1}):
        assert await listed(store, q="t5", **wrong) == []
    assert await listed(store, q="t3") == []
    first = await store.cadence.page(TouchpointFilter(), 2)
    assert await listed(store, 2, after=first[-1].seq) == ["t4", "t2"]


async def test_conquer_errors_are_narrowed_and_go_on(store: Store) -> None:
    for id in ("t1", "t2"):
        await store.cadence.create(touchpoint(id), None)
        limited = child(2, id, status="Rate Limited")
        await store.cadence.change(id, says(child(1, id), limited))

    async def found(of: str | None, status: str | None, after: int | None = None) -> list[str]:
        return [e.event_id for _, e in await store.cadence.errors(of, status, after, 10)]

    assert await found(None, None) == ["t2.e2", "t2.e1", "t1.e2", "t1.e1"]
    assert await found("t1", None) == ["t1.e2", "t1.e1"]
    assert await found(None, "Error") == ["t2.e1", "t1.e1"]
    assert await found("t1", "Error") == ["t1.e1"]
    [(seq, _)] = await store.cadence.errors(None, None, None, 1)
    assert await found(None, None, seq) == ["t2.e1", "t1.e2", "t1.e1"]
    assert await found("t2", None, seq) == ["t2.e1"]
    assert await found(None, "Rate Limited", seq) == ["t1.e2"]


async def test_what_is_unfinished_is_told_oldest_first_until_it_is_done(store: Store) -> None:
    for number in range(1, 4):
        await store.cadence.create(touchpoint(f"t{number}"), b'{"n":%d}' % number)
    found = await store.cadence.unfinished(2)
    assert [(t.id, raw) for t, raw in found] == [("t1", b'{"n":1}'), ("t2", b'{"n":2}')]
    await store.cadence.change("t1", says(status="Sent"))
    assert len(await store.cadence.unfinished(10)) == 3
    await store.cadence.change("t1", lambda found: Write(found.touchpoint) if found else None)
    assert [t.id for t, _ in await store.cadence.unfinished(10)] == ["t2", "t3"]


async def test_all_are_read_in_the_order_of_their_making(store: Store) -> None:
    for number in range(1, 4):
        await store.cadence.create(touchpoint(f"t{number}"), None)
    await store.cadence.change("t2", says(deleted_at=NOW))
    first = await store.cadence.after(0, 2)
    rest = await store.cadence.after(first[-1].seq, 10)
    assert [t.id for t in (*first, *rest)] == ["t1", "t2", "t3"]


async def test_what_was_written_outlives_the_process(yard: Yard) -> None:
    store = yard.store()
    await store.open()
    await store.cadence.create(touchpoint(), b"{}")
    await store.cadence.change("t1", says(child(1), status="Error"))
    await store.close()
    again = yard.store()
    await again.open()
    found = await again.cadence.read("t1")
    await again.close()
    assert found is not None
    assert (found[0].status, len(found[1])) == ("Error", 1)
