"""Templates and users, in every store: kept whole, versioned, paged, and templates bounded."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from franking.stores import collections
from franking.stores.base import Collection, Full, Kept, NewDocument, Store, StoreUnavailable

from .contract import Yard

NAMES = ["templates", "users"]
# What JSON can hold and a database must not touch: the order of keys, numbers, escapes, spaces.
WHOLE = b'{ "b":1.50, "a":12345678901234567890, "c":"\\u0000\\ud83d\\ude00\xc3\xa9\\/", "b":2 }'


@pytest.fixture(params=NAMES)
def collection(request: pytest.FixtureRequest, store: Store) -> Collection:
    found: Collection = getattr(store, request.param)
    return found


def anything(before: Kept | None) -> None:
    """Whatever was there before is well."""


def new(id: str, name: str | None = None, document: bytes = b"{}") -> NewDocument:
    return NewDocument(id, name, document)


async def saved(collection: Collection, *ids: str, now: int = 1) -> list[Kept]:
    return [(await collection.save(new(id), anything, now))[0] for id in ids]


async def ids(collection: Collection, after: str = "", q: str | None = None) -> list[str]:
    return [kept.id for kept in await collection.page(after, q, 100)]


async def test_what_was_never_kept_is_not_there(collection: Collection) -> None:
    assert await collection.read("a") is None
    assert await collection.page("", None, 10) == []
    assert await collection.names(["a"]) == {}
    assert not await collection.delete("a", anything)


async def test_a_document_is_kept_as_it_was_written(collection: Collection) -> None:
    kept, created = await collection.save(new("a", "n", WHOLE), anything, 5)
    assert (created, kept.id, kept.created_at, kept.updated_at) == (True, "a", 5, 5)
    assert bytes(kept.document) == WHOLE
    [read, paged] = await collection.read("a"), (await collection.page("", None, 9))[0]
    assert read is not None
    assert [bytes(one.document) for one in (read, paged)] == [WHOLE, WHOLE]
    assert (read.version, read.created_at, read.updated_at) == (kept.version, 5, 5)


async def test_another_document_takes_its_place_and_keeps_its_beginning(
    collection: Collection,
) -> None:
    first, _ = await collection.save(new("a", "old"), anything, 5)
    second, created = await collection.save(new("a", "new", b"[]"), anything, 9)
    assert not created
    read = await collection.read("a")
    assert read is not None
    assert (read.created_at, read.updated_at, bytes(read.document)) == (5, 9, b"[]")
    assert read.version == second.version > first.version
    assert await collection.names(["a"]) == {"a": "new"}
    assert await ids(collection, q="old") == []


async def test_no_two_states_have_the_same_version(collection: Collection) -> None:
    versions = [kept.version for kept in await saved(collection, "a", "b", "a")]
    await collection.delete("a", anything)
    versions += [kept.version for kept in await saved(collection, "a")]
    assert versions == sorted(set(versions))
    assert versions[-1] > versions[-2] + 1


async def test_what_a_check_raises_changes_nothing(collection: Collection) -> None:
    await collection.save(new("a", "old"), anything, 5)
    seen: list[Kept | None] = []

    def refuse(before: Kept | None) -> None:
        seen.append(before)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await collection.save(new("a", "new", b"[]"), refuse, 9)
    with pytest.raises(LookupError):
        await collection.save(new("b"), refuse, 9)
    with pytest.raises(LookupError):
        await collection.delete("a", refuse)
    assert [one and one.id for one in seen] == ["a", None, "a"]
    read = await collection.read("a")
    assert read is not None
    assert (read.updated_at, bytes(read.document)) == (5, b"{}")
    assert await ids(collection) == ["a"]


async def test_a_deleted_document_is_gone_at_once(collection: Collection) -> None:
    await collection.save(new("a", "n"), anything, 1)
    assert await collection.delete("a", anything)
    assert not await collection.delete("a", anything)
    assert await collection.read("a") is None
    assert (await ids(collection), await collection.names(["a"])) == ([], {})


async def test_pages_follow_the_ids(collection: Collection) -> None:
    await saved(collection, "b", "a", "d", "ä", "c", "A")
    assert await ids(collection) == ["A", "a", "b", "c", "d", "ä"]
    assert [kept.id for kept in await collection.page("a", None, 2)] == ["b", "c"]
    assert await ids(collection, after="ä") == []


async def test_some_are_found_by_how_their_id_begins_or_by_their_name(
    collection: Collection,
) -> None:
    for id, name in (
        ("ab", None),
        ("abc", "x"),
        ("b", "ab"),
        ("c", "abc"),
        ("a", "ab"),
        ("%", None),
    ):
        await collection.save(new(id, name), anything, 1)
    assert await ids(collection, q="ab") == ["a", "ab", "abc", "b"]
    assert await ids(collection, q="ab", after="ab") == ["abc", "b"]
    assert await ids(collection, q="ab", after="aa") == ["ab", "abc", "b"]
    assert await ids(collection, q="ab", after="b") == []
    assert [kept.id for kept in await collection.page("", "ab", 2)] == ["a", "ab"]
    assert await ids(collection, q="%") == ["%"]
    assert await ids(collection, q="B") == []


async def test_names_are_those_of_the_ids_that_have_one(collection: Collection) -> None:
    for id, name in (("a", "A"), ("b", None), ("c", "C\n'\"")):
        await collection.save(new(id, name), anything, 1)
    found = await collection.names(["c", "a", "a", "b", "none", "a' OR 1"])
    assert found == {"a": "A", "c": "C\n'\""}
    assert await collection.names([]) == {}


async def test_the_collections_know_nothing_of_each_other(store: Store) -> None:
    await store.templates.save(new("a", "template"), anything, 1)
    [user] = await saved(store.users, "a")
    assert await store.users.names(["a"]) == {}
    version = await store.templates.version()
    await saved(store.users, "b")
    assert await store.templates.version() == version
    assert user.version == 1
    assert await store.templates.delete("a", anything)
    assert await ids(store.users) == ["a", "b"]


async def test_the_templates_version_is_another_one_after_any_change(store: Store) -> None:
    seen = [await store.templates.version()]
    for change in (saved(store.templates, "a"), saved(store.templates, "a")):
        await change
        seen.append(await store.templates.version())
    await store.templates.delete("a", anything)
    seen.append(await store.templates.version())
    assert seen == [0, 1, 2, 3]
    await store.templates.delete("a", anything)
    assert await store.templates.version() == 3


async def test_what_changed_is_told_with_what_there_is(store: Store) -> None:
    nothing = await store.templates.since(0)
    assert (nothing.version, nothing.ids, nothing.changed) == (0, [], [])
    await saved(store.templates, "b", "a", "c")
    whole = await store.templates.since(0)
    assert (whole.version, sorted(whole.ids)) == (3, ["a", "b", "c"])
    assert sorted(kept.id for kept in whole.changed) == ["a", "b", "c"]
    await store.templates.delete("b", anything)
    await store.templates.save(new("a", None, WHOLE), anything, 1)
    later = await store.templates.since(whole.version)
    assert (later.version, sorted(later.ids)) == (5, ["a", "c"])
    assert [(kept.id, bytes(kept.document)) for kept in later.changed] == [("a", WHOLE)]
    assert (await store.templates.since(5)).changed == []
    await saved(store.users, "u")
    assert (await store.templates.since(0)).version == 5


async def test_more_templates_than_are_kept_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "MOST_TEMPLATES", 2)
    await saved(store.templates, "a", "b")
    with pytest.raises(Full, match="There are 2 templates; more than 2 are not kept"):
        await saved(store.templates, "c")
    assert await ids(store.templates) == ["a", "b"]
    assert await store.templates.version() == 2
    await saved(store.templates, "b")  # it is there already
    await saved(store.users, "a", "b", "c")  # who are not bounded


async def test_more_bytes_than_are_kept_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "MOST_TEMPLATE_BYTES", 10)
    await store.templates.save(new("a", None, '"é34"'.encode()), anything, 1)  # 6 bytes
    with pytest.raises(Full, match="10 bytes at most"):
        await store.templates.save(new("b", None, b"12345"), anything, 1)
    await store.templates.save(new("b", None, b"1234"), anything, 1)
    await store.templates.save(new("a", None, b"123456"), anything, 1)
    with pytest.raises(Full):
        await store.templates.save(new("a", None, b"1234567"), anything, 1)


async def test_one_that_is_refused_fails_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "MOST_TEMPLATES", 3)
    saves: list[Any] = [store.templates.save(new(f"{n}"), anything, 1) for n in range(5)]
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert [type(result) for result in results].count(Full) == 2
    assert len(await ids(store.templates)) == 3


async def test_it_is_there_after_the_store_was_closed(yard: Yard) -> None:
    first, second = yard.store(), yard.store()
    await first.open()
    await saved(first.templates, "a", "b")
    await first.templates.delete("b", anything)
    await first.close()
    with pytest.raises(StoreUnavailable):
        await saved(first.templates, "c")
    await second.open()
    shelf = await second.templates.since(0)
    assert (shelf.version, shelf.ids, [k.id for k in shelf.changed]) == (3, ["a"], ["a"])
    await second.close()


async def test_a_document_of_many_levels_and_bytes_is_read_as_it_is(store: Store) -> None:
    deep = b"[" * 900 + b"]" * 900
    large = msgspec.json.encode({"html": "x" * 1_000_000})
    await store.templates.save(new("deep", None, deep), anything, 1)
    await store.templates.save(new("large", None, large), anything, 1)
    found = {kept.id: bytes(kept.document) for kept in (await store.templates.since(0)).changed}
    assert found == {"deep": deep, "large": large}


async def test_a_name_that_no_index_holds_is_kept_and_found(collection: Collection) -> None:
    letters = random.Random(1)
    name = "".join(chr(letters.randrange(0x4E00, 0x9FA5)) for _ in range(20_000))
    await collection.save(new("a", name), anything, 1)
    await collection.save(new("b", name[:-1]), anything, 1)
    assert await ids(collection, q=name) == ["a"]
    assert await collection.names(["a"]) == {"a": name}
