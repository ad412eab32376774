"""Templates and users in a database: the scripts behind what a store promises of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from franking.stores.collections_store import Check, Full, Kept, NewDocument, Shelf
from franking.stores.queries import Db
from franking.stores.rows import text

MOST_TEMPLATES = 10_000
MOST_TEMPLATE_BYTES = 64 * 1024 * 1024

Run = Callable[[Callable[[Db], Any]], Awaitable[Any]]

_kept = msgspec.json.Decoder(Kept)
_page = msgspec.json.Decoder(list[Kept])
_names = msgspec.json.Decoder(dict[str, str])
_shelf = msgspec.json.Decoder(Shelf)


class CollectionRows:
    """`franking.stores.collections_store.Collection` by scripts that run in one transaction."""

    def __init__(self, write: Run, read: Run, collection: str) -> None:
        self._write = write
        self._read = read
        self._collection = collection

    async def save(self, new: NewDocument, check: Check, now: int) -> tuple[Kept, bool]:
        found: tuple[Kept, bool] = await self._write(
            lambda db: _save(db, self._collection, new, check, now)
        )
        return found

    async def delete(self, id: str, check: Check) -> bool:
        return bool(await self._write(lambda db: _delete(db, self._collection, id, check)))

    async def read(self, id: str) -> Kept | None:
        found: Kept | None = await self._read(lambda db: _one(db, self._collection, id))
        return found

    async def page(self, after: str, q: str | None, limit: int) -> list[Kept]:
        values = {"collection": self._collection, "after": after, "limit": limit}
        if q is None:
            found = await self._read(lambda db: db.value("page_collected", **values))
        else:
            found = await self._read(lambda db: db.value("page_collected_by", q=q, **values))
        return _page.decode(found)

    async def names(self, ids: Sequence[str]) -> dict[str, str]:
        values = {"collection": self._collection, "ids": text(ids)}
        return _names.decode(await self._read(lambda db: db.value("names_of", **values)))


class TemplateRows(CollectionRows):
    """`TemplateCollection`, which is bounded: MOST_TEMPLATES, and MOST_TEMPLATE_BYTES in all."""

    def __init__(self, write: Run, read: Run) -> None:
        super().__init__(write, read, "templates")
        self.changes = 0

    async def save(self, new: NewDocument, check: Check, now: int) -> tuple[Kept, bool]:
        def script(db: Db) -> tuple[Kept, bool]:
            found = _save(db, self._collection, new, check, now)
            _fits(db, new)
            return found

        try:
            kept: tuple[Kept, bool] = await self._write(script)
            return kept
        finally:
            self.changes += 1

    async def delete(self, id: str, check: Check) -> bool:
        try:
            return await super().delete(id, check)
        finally:
            self.changes += 1

    async def version(self) -> int:
        return int(await self._read(lambda db: _version(db, self._collection)))

    async def since(self, version: int) -> Shelf:
        """Decoded where it is read, beside the event loop: it may be all there is."""
        found: Shelf = await self._read(
            lambda db: _shelf.decode(db.value("templates_since", version=version))
        )
        return found


def _save(db: Db, collection: str, new: NewDocument, check: Check, now: int) -> tuple[Kept, bool]:
    db.value("lock_collection", collection=collection)
    before = _one(db, collection, new.id)
    check(before)
    db.run("grow_collection", collection=collection)
    db.run(
        "save_collected",
        collection=collection,
        id=new.id,
        called=new.name,
        bytes=len(new.document),
        now=now,
        document=new.document.decode(),
    )
    created_at = now if before is None else before.created_at
    version = _version(db, collection)
    kept = Kept(new.id, version, created_at, now, msgspec.Raw(new.document))
    return kept, before is None


def _delete(db: Db, collection: str, id: str, check: Check) -> bool:
    db.value("lock_collection", collection=collection)
    check(_one(db, collection, id))
    gone = db.run("delete_collected", collection=collection, id=id) > 0
    if gone:
        db.run("grow_collection", collection=collection)
    return gone


def _one(db: Db, collection: str, id: str) -> Kept | None:
    found = db.value("read_collected", collection=collection, id=id)
    return None if found is None else _kept.decode(found)


def _version(db: Db, collection: str) -> int:
    return int(db.value("collection_version", collection=collection))


def _fits(db: Db, new: NewDocument) -> None:
    """What was written is undone by what this raises: a caller's script is one savepoint."""
    row = db.row("template_room", id=new.id)
    assert row is not None
    count, size = row
    if count + 1 > MOST_TEMPLATES:
        raise Full(f"There are {count} templates; more than {MOST_TEMPLATES} are not kept.")
    if size + len(new.document) > MOST_TEMPLATE_BYTES:
        raise Full(f"All templates together may have {MOST_TEMPLATE_BYTES} bytes at most.")
