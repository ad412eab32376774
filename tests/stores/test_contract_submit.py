"""Submit and Idempotency-Key: in order, all or none, and done once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.delivery import State
from franking.stores.base import (
    AlreadyExists,
    Change,
    KeyReused,
    Mail,
    Once,
    Replay,
    Store,
    StoreUnavailable,
)

from .contract import Yard
from .mails import HOUR, NOW, changed, event, kinds, mail, raw, stored, together


async def test_mails_are_answered_in_order(store: Store) -> None:
    answer = await store.submit([mail("b"), mail("a"), mail("c")])
    assert isinstance(answer, list)
    assert [m.id for m in answer] == ["b", "a", "c"]
    assert [m.seq for m in answer] == sorted(m.seq for m in answer)


async def test_a_mail_is_read_as_it_was_submitted(store: Store) -> None:
    new = mail(account="A", priority=-2, touchpoint="t1", due_at=NOW + 5, on_unknown="resend")
    [answer] = await store.submit([new])  # type: ignore[misc]
    found = await stored(store)
    assert isinstance(answer, Mail)
    assert (found.mail, bytes(found.document)) == (answer, bytes(new.document))
    assert (answer.delivery, answer.links, answer.revision) == (new.delivery, new.links, 1)


@pytest.mark.parametrize(
    "value",
    ['"', "\\", "a\nb", "\u2028", "héé", "😀", "", "x" * 200_000, "'); DROP TABLE mail; --"],
)
async def test_a_document_comes_back_as_it_is(store: Store, value: str) -> None:
    document = raw({"to": value, "deep": [{"n": 1.5, "big": 2**60, "none": None, "yes": True}]})
    await store.submit([mail(document=document)])
    assert bytes((await stored(store)).document) == bytes(document)


async def test_no_mails_are_no_trouble(store: Store) -> None:
    assert await store.submit([]) == []


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_all_are_inserted_or_none(store: Store, place: int) -> None:
    await store.submit([mail("old")])
    batch = [mail("x"), mail("y", event=event("e"))]
    batch.insert(place, mail("old"))
    with pytest.raises(AlreadyExists):
        await store.submit(batch)
    assert (await store.read("x"), await store.read("y")) == (None, None)
    assert await kinds(store) == []


async def test_one_id_twice_in_a_batch_is_refused(store: Store) -> None:
    with pytest.raises(AlreadyExists):
        await store.submit([mail("x"), mail("x")])
    assert await store.read("x") is None


async def test_a_callers_bad_row_fails_alone(store: Store) -> None:
    await store.submit([mail("old")])
    batches = [[mail(f"a{n}")] if n != 7 else [mail("b"), mail("old")] for n in range(20)]
    answers = await together(store, [store.submit(batch) for batch in batches])
    assert [n for n, a in enumerate(answers) if isinstance(a, AlreadyExists)] == [7]
    assert [await store.read(f"a{n}") is not None for n in range(20)].count(False) == 1


async def test_a_refused_mail_is_stored_with_its_event(store: Store) -> None:
    await store.submit([mail(state=State.ERROR, end_at=NOW, event=event("e1"))])
    assert await kinds(store) == ["email_Sent"]
    assert await store.claim(NOW, 10, 1) == []


def once(key: str = "k", fingerprint: str = "f", scope: str = "s", at: int = NOW) -> Once:
    def answer(result: Any) -> bytes:
        return b",".join(str(getattr(r, "id", r)).encode() for r in result)

    return Once(scope=scope, key=key, fingerprint=fingerprint, at=at, answer=answer)


async def test_a_repeat_gets_the_first_answer_and_does_nothing(store: Store) -> None:
    await store.submit([mail("x")], once())
    assert await store.submit([mail("y")], once()) == Replay(b"x")
    assert await store.read("y") is None


@pytest.mark.parametrize("other", [once(key="k2"), once(scope="s2")])
async def test_a_key_belongs_to_its_scope(store: Store, other: Once) -> None:
    await store.submit([mail("x")], once())
    assert isinstance(await store.submit([mail("y")], other), list)


async def test_a_key_with_another_body_is_refused(store: Store) -> None:
    await store.submit([mail("x")], once())
    with pytest.raises(KeyReused):
        await store.submit([mail("y")], once(fingerprint="g"))
    assert await store.read("y") is None


async def test_two_callers_at_once_have_one_effect(store: Store) -> None:
    answers = await asyncio.gather(*(store.submit([mail(f"m{n}")], once()) for n in range(8)))
    assert sum(isinstance(answer, Replay) for answer in answers) == 7
    assert [await store.read(f"m{n}") is not None for n in range(8)].count(True) == 1


async def test_a_change_under_a_key_is_done_once(store: Store) -> None:
    await store.submit([mail()])
    for _ in range(3):
        await store.change(["m1"], lambda _: Change(document=raw({})), once())
    assert (await stored(store)).mail.revision == 2


async def test_what_failed_under_a_key_may_be_tried_again(store: Store) -> None:
    await store.submit([mail("old")])
    with pytest.raises(AlreadyExists):
        await store.submit([mail("old")], once())
    assert isinstance(await store.submit([mail("new")], once()), list)


async def test_an_answer_that_cannot_be_made_undoes_its_effect(store: Store) -> None:
    def answer(result: Any) -> bytes:
        raise LookupError(result)

    with pytest.raises(LookupError):
        await store.submit([mail("x")], replace(once(), answer=answer))
    assert await store.read("x") is None


async def test_answers_are_forgotten_when_old_and_their_mails_are_gone(
    store: Store, yard: Yard
) -> None:
    await store.submit([mail("gone")], once("old"))
    await store.submit([mail("kept")], once("kept"))
    await store.submit([mail("new")], once("new", at=NOW + HOUR))
    await changed(store, Change(delete=True), "gone", "new")
    assert await store.forget_answers(NOW + 1, 10) == 1
    assert yard.count("idempotency") == 2


async def test_few_answers_are_forgotten_at_a_time(store: Store) -> None:
    for n in range(5):
        await store.submit([], once(f"k{n}"))
    assert [await store.forget_answers(NOW + 1, 2) for _ in range(4)] == [2, 2, 1, 0]


async def test_many_callers_share_few_commits(store: Store) -> None:
    await store.submit([mail("first")])
    before = store.commits
    answers = await together(store, [store.submit([mail(f"m{n}")]) for n in range(64)])
    assert all(isinstance(answer, list) for answer in answers)
    assert store.commits - before <= 2


async def test_a_store_that_closes_answers_every_caller(yard: Yard) -> None:
    store = yard.store()
    await store.open()
    gate = threading.Event()

    def held_up(found: object) -> None:
        gate.wait(10)

    early: list[asyncio.Task[Any]] = [asyncio.create_task(store.change(["m1"], held_up))]
    await asyncio.sleep(0)
    early += [asyncio.create_task(store.submit([mail(f"m{n}")])) for n in range(9)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    await asyncio.to_thread(int)  # the close is under way, and waits for the gate
    late = [asyncio.create_task(store.submit([mail(f"n{n}")])) for n in range(9)]
    await asyncio.sleep(0)
    gate.set()
    _, unanswered = await asyncio.wait([*early, closing, *late], timeout=10)
    assert unanswered == set()
    assert [task.exception() for task in early] == [None] * 10
    assert all(isinstance(task.exception(), StoreUnavailable) for task in late)


async def test_a_closed_store_says_so(yard: Yard) -> None:
    await (store := yard.store()).open()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.submit([mail()])
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.read("m1")
