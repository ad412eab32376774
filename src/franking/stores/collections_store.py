"""What every store promises of the two collections beside the mails: templates and users.

A document is kept whole, as it was written. Each collection has a counter that grows with every
change and every deletion, and a document has the count of its last change as its version: no two
states of a collection, nor of a document, ever have the same one. What returns has been committed,
on disk. Each call raises `StoreUnavailable` where the store does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One document of a collection, as JSON; times in milliseconds since 1970."""

    id: str
    version: int
    created_at: int
    updated_at: int
    document: msgspec.Raw


class NewDocument(msgspec.Struct, frozen=True):
    """A document to keep; `name` is what it is called by beside its id, where it is."""

    id: str
    name: str | None
    document: bytes


class Shelf(msgspec.Struct, frozen=True, array_like=True):
    """A collection at one moment: its version, all ids, and what changed since the one asked of."""

    version: int
    ids: list[str]
    changed: list[Kept]


class Full(Exception):
    """The collection has no room for this document beside the others."""


Check = Callable[[Kept | None], None]


class Collection(Protocol):
    """The documents of one collection."""

    async def save(self, new: NewDocument, check: Check, now: int) -> tuple[Kept, bool]:
        """Keep a document instead of the one with its id; was there none before?

        `check` is given the one that was there, and what it raises changed nothing. Raises `Full`.
        """

    async def delete(self, id: str, check: Check) -> bool:
        """Remove a document; false where there was none. `check` is as in `save`."""

    async def read(self, id: str) -> Kept | None:
        """One document."""

    async def page(self, after: str, q: str | None, limit: int) -> list[Kept]:
        """Documents whose id comes after `after`, by id; of those with `q` only whose id begins
        with it, or whose name it is."""

    async def names(self, ids: Sequence[str]) -> dict[str, str]:
        """What the documents of these ids are called; who is not there, or has no name, is not."""


class TemplateCollection(Collection, Protocol):
    """A collection that is small enough to be held in memory, and kept so: see `Full`."""

    changes: int
    """Grows with each change that this process makes."""

    async def version(self) -> int:
        """The version of the whole, which is cheap to ask."""

    async def since(self, version: int) -> Shelf:
        """The whole, with the documents that changed after `version`; 0 is before any change."""
