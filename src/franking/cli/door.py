"""What a command needs of franking, whichever way it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from franking.stores.base import Filter

Document = dict[str, Any]


class Refusal(msgspec.Struct, frozen=True):
    """One of several documents was not taken; the text says why."""

    text: str


class Door(Protocol):
    """What commands need; documents are as REST shows them, with `id` and `delivery`.

    `place` names the store behind it, the same by whichever way it is reached; `sends` tells
    whether a worker is there. Every call raises `Ended` with words where it can't be done.
    """

    place: str
    sends: bool

    async def submit(self, documents: Sequence[Document], key: str) -> list[Document | Refusal]:
        """Hand in up to 1,000 new mails at once, under an Idempotency-Key."""

    async def put(self, id: str, document: Document) -> Document:
        """Write a mail under an id of the caller's; a repeat sends nothing."""

    async def read(self, id: str) -> Document: ...

    async def page(self, filter: Filter, limit: int) -> list[Document]:
        """The newest mails that match."""

    async def timeline(self, id: str) -> list[Document]:
        """Every attempt at a mail, oldest first."""

    async def retry(self, id: str, force: bool) -> Document: ...
