"""The door to the documents of a collection: set, read, listed, removed.

A document is a JSON object of MOST_DOCUMENT_BYTES at most, kept whole. A write with `match` changes
only what still has one of these ETags, as a mail's does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from franking.clock import Clock
from franking.core.message.options import ID_CHARACTERS
from franking.office.refusals import Changed, Conflict, TooLarge
from franking.stores.base import Collection, Full, Kept, NewDocument, NotFound

MOST_DOCUMENT_BYTES = 1024 * 1024

Document = dict[str, Any]


class Documents:
    """The documents of `rows`, each of which is called a `noun`; one that is not there is told of
    by a `missing`."""

    def __init__(self, rows: Collection, clock: Clock, noun: str, missing: type[NotFound]) -> None:
        self._rows = rows
        self._clock = clock
        self._noun = noun
        self._missing = missing

    async def keep(
        self,
        id: str,
        document: Document,
        name: str | None,
        match: str | None,
        *,
        absent: bool = False,
    ) -> tuple[Kept, bool]:
        """Keep a document; was there none before? With `absent` only where there is none.

        Raises `TooLarge`, `Changed`, `Conflict`.
        """
        new = NewDocument(id, name, self.fitting(document))
        check = self._absent if absent else self._matching(match)
        try:
            return await self._rows.save(new, check, self._clock.now())
        except Full as full:
            raise Conflict(str(full), "full") from None

    async def read(self, id: str) -> Kept:
        """One document. Raises `NotFound`."""
        found = await self._rows.read(id)
        if found is None:
            raise self._none(id)
        return found

    async def page(self, after: str, q: str | None, limit: int) -> list[Kept]:
        """Documents after an id, by id; with `q` those whose id begins so, or whose name it is."""
        return await self._rows.page(after, q, limit)

    async def delete(self, id: str, match: str | None = None) -> None:
        """Remove one. Raises `NotFound`, `Changed`."""
        if not await self._rows.delete(id, self._matching(match)):
            raise self._none(id)

    def fitting(self, document: Document) -> bytes:
        """A document as it is kept. Raises `TooLarge`."""
        encoded = msgspec.json.encode(document)
        if len(encoded) > MOST_DOCUMENT_BYTES:
            words = f"A {self._noun} may have {MOST_DOCUMENT_BYTES} bytes; this has {len(encoded)}."
            raise TooLarge(words)
        return encoded

    def _none(self, id: str) -> NotFound:
        return self._missing(f"There is no {self._noun} with id {id[:ID_CHARACTERS]}.")

    def _absent(self, kept: Kept | None) -> None:
        if kept is not None:
            raise Changed(f"There is a {self._noun} with this id already.")

    def _matching(self, match: str | None) -> Callable[[Kept | None], None]:
        def check(kept: Kept | None) -> None:
            if match is None:
                return
            tags = [tag.strip() for tag in match.split(",")]
            if kept is None or not {"*", etag(kept)} & set(tags):
                raise Changed(f"The {self._noun} has changed since you read it.")

        return check


def etag(kept: Kept) -> str:
    """The entity tag of a document (RFC 9110, section 8.8.3)."""
    return f'"{kept.version}"'
