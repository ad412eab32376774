"""By which templates is rendered: the newest, seen in time, and looked at only where needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from franking.clock import HandClock
from franking.compose.envelope import Unsendable
from franking.core.template import Book, Template
from franking.office.rendering import LOOK_MS, Rendering
from franking.office.templates import Templates
from franking.stores.base import NewDocument, Store, StoreUnavailable
from stored import new_store


class Seen:
    """A renderer that renders nothing and remembers what it was to render by."""

    def __init__(self) -> None:
        self.books: list[Book] = []
        self.names: list[str] = []

    async def render(self, book: Book, name: str, data: Mapping[str, Any]) -> Any:
        self.books.append(book)
        self.names.append(name)
        return Unsendable(f"Error: {data}")


class World:
    """A store, the rendering of a process on it, and another process's store."""

    def __init__(self, here: Store, there: Store) -> None:
        self.clock = HandClock()
        self.seen = Seen()
        self.here, self.there = here, there
        self.rendering = Rendering(here.templates, self.clock, cast(Any, self.seen))
        self.templates = Templates(here, self.clock, self.rendering)
        self.elsewhere = Templates(there, self.clock, None)

    async def book(self) -> Book:
        await self.rendering.render("any", {})
        return self.seen.books[-1]

    async def texts(self) -> dict[str, str | None]:
        book = await self.book()
        return {key: one.text for key, one in (book.templates | book.partials).items()}


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    stores = [new_store(folder) for _ in range(2)]
    for store in stores:
        await store.open()
    yield World(*stores)
    for store in stores:
        await store.close()


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as found:
        yield found


async def test_without_templates_the_book_is_empty(it: World) -> None:
    assert await it.book() == Book(0, {}, {})


async def test_what_this_process_changed_is_seen_at_once(it: World) -> None:
    await it.templates.set("a", {"text": "1"})
    await it.templates.set("b", {"text": "b", "partial": True})
    assert await it.texts() == {"a": "1", "b": "b"}
    await it.templates.set("a", {"text": "2"})
    assert await it.texts() == {"a": "2", "b": "b"}
    await it.templates.delete("b")
    assert await it.texts() == {"a": "2"}


async def test_what_another_process_changed_is_seen_within_a_second(it: World) -> None:
    await it.elsewhere.set("a", {"text": "1"})
    first = await it.book()
    await it.elsewhere.set("a", {"text": "2", "name": "other"})
    await it.elsewhere.set("b", {"text": "b"})
    it.clock.advance(LOOK_MS - 1)
    assert await it.book() is first
    it.clock.advance(1)
    assert await it.texts() == {"other": "2", "b": "b"}
    await it.elsewhere.delete("a")
    it.clock.advance(LOOK_MS)
    assert await it.texts() == {"b": "b"}


async def test_a_book_is_another_one_only_after_a_change(it: World) -> None:
    await it.templates.set("a", {"text": "1"})
    first = await it.book()
    it.clock.advance(10 * LOOK_MS)
    assert await it.book() is first
    await it.here.users.save(NewDocument("u", None, b"{}"), lambda before: None, 1)
    it.clock.advance(LOOK_MS)
    assert await it.book() is first
    await it.templates.set("a", {"text": "1"})
    assert (await it.book()).version > first.version


async def test_who_asks_meanwhile_shares_one_look(
    it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    since = it.here.templates.since

    async def counted(version: int) -> Any:
        asked.append(version)
        return await since(version)

    monkeypatch.setattr(it.here.templates, "since", counted)
    await it.elsewhere.set("a", {"text": "1"})
    books = await asyncio.gather(*(it.book() for _ in range(20)))
    assert (len(asked), {book.version for book in books}) == (1, {1})
    it.clock.advance(LOOK_MS)
    await it.book()
    await it.elsewhere.set("b", {"text": "1"})
    it.clock.advance(LOOK_MS)
    await it.book()
    assert asked == [0, 1]


async def test_one_that_cannot_be_read_is_as_if_it_were_not_there(it: World) -> None:
    await it.templates.set("a", {"text": "1"})
    await it.templates.set("b", {"text": "1"})
    assert sorted(await it.texts()) == ["a", "b"]
    for id, document in (("a", b'{"text":5}'), ("c", b"[]"), ("d", b'{"text":"d"}')):
        await it.here.templates.save(NewDocument(id, None, document), lambda before: None, 1)
    assert await it.texts() == {"b": "1", "d": "d"}


async def test_of_two_with_one_name_the_later_id_counts(it: World) -> None:
    await it.templates.set("b", {"text": "b", "name": "n"})
    await it.templates.set("a", {"text": "a", "name": "n"})
    assert await it.texts() == {"n": "b"}
    await it.templates.set("a", {"text": "again", "name": "n"})
    assert await it.texts() == {"n": "b"}


async def test_the_store_out_of_reach_is_told_and_seen_again_later(it: World) -> None:
    await it.templates.set("a", {"text": "1"})
    await it.here.close()
    with pytest.raises(StoreUnavailable):
        await it.book()
    await it.there.close()


async def test_who_hangs_up_leaves_the_others_waiting_for_nothing(
    it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail that is given back while the templates are looked at stops no other."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    version = it.here.templates.version

    async def held() -> int:
        begun.set()
        await go_on.wait()
        return await version()

    monkeypatch.setattr(it.here.templates, "version", held)
    first = asyncio.create_task(it.book())
    await begun.wait()
    second = asyncio.create_task(it.book())
    first.cancel()
    go_on.set()
    assert (await second).version == 0


async def test_a_draft_is_tried_among_what_is_kept(it: World) -> None:
    await it.templates.set("a", {"text": "kept", "name": "old"})
    await it.templates.set("b", {"text": "b", "partial": True})
    document = {"text": "draft", "name": "new"}
    told = await it.templates.try_out("a", {"x": 1}, document)
    assert told == Unsendable("Error: {'x': 1}")
    [book] = it.seen.books
    assert it.seen.names == ["new"]
    assert {key: one.text for key, one in book.templates.items()} == {"new": "draft"}
    assert list(book.partials) == ["b"]
    assert await it.texts() == {"old": "kept", "b": "b"}


async def test_a_kept_one_is_tried_by_its_id_whoever_has_its_name(it: World) -> None:
    await it.templates.set("a", {"text": "a", "name": "n"})
    await it.templates.set("b", {"text": "b", "name": "n"})
    await it.templates.try_out("a", {})
    [book] = it.seen.books
    assert (it.seen.names, book.templates["n"].text) == (["n"], "a")


async def test_no_two_books_have_one_version(it: World) -> None:
    await it.templates.set("a", {"text": "1"})
    for text in ("1", "2"):
        await it.templates.try_out("a", {}, {"text": text})
    await it.book()
    versions = [book.version for book in it.seen.books]
    assert len(set(versions)) == 3
    assert isinstance(it.seen.books[0].templates["a"], Template)


async def test_many_templates_are_read_once_and_then_by_their_changes(it: World) -> None:
    page = msgspec.json.encode({"html": "x" * 100})

    async def keep(n: int) -> None:
        await it.here.templates.save(NewDocument(f"t{n:05}", None, page), lambda before: None, 1)

    await asyncio.gather(*map(keep, range(2_000)))
    first = await it.book()
    await it.templates.set("t00001", {"text": "new"})
    second = await it.book()
    same = [key for key in first.templates if second.templates[key] is first.templates[key]]
    assert (len(first.templates), len(same)) == (2_000, 1_999)
