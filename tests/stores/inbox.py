"""What an application writes into the inbox, and the door that it goes through."""

from __future__ import annotations

import itertools
import json
from typing import Any

from msgspec.structs import replace

from franking.core.reading import MAX_DOCUMENT_BYTES
from franking.office.inbox import Taker
from franking.stores.base import Change, InboxRow, NewMail, Store, Stored

from .contract import Yard
from .mails import NOW

DOCUMENT = {"to": "a@example.com", "message": {"subject": "Hello", "text": "Hi"}}
FULL = 200


def door(now: int = NOW) -> Taker:
    """The door at a time; ids that it makes are m-1, m-2 and so on."""
    numbers = itertools.count(1)
    return Taker(now, lambda: f"m-{next(numbers)}-{now}")


async def taken(store: Store, take: Any = None, now: int = NOW, limit: int = FULL) -> int:
    """One batch."""
    return await store.inbox.take_in(now, limit, MAX_DOCUMENT_BYTES, take or door(now))


async def all_taken(store: Store, now: int = NOW) -> None:
    """Batch after batch, until nothing is due."""
    while await taken(store, now=now):
        pass


def write(yard: Yard, document: Any, id: str | None = None) -> None:
    """Insert as an application does; what is no text is made JSON."""
    text = document if isinstance(document, str) else json.dumps(document)
    quoted = text.replace("'", "''")
    if id is None:
        yard.plant(f"INSERT INTO inbox (document) VALUES ('{quoted}')")
    else:
        given = id.replace("'", "''")
        yard.plant(f"INSERT INTO inbox (id, document) VALUES ('{given}', '{quoted}')")


def now_written(yard: Yard) -> None:
    """All rows are of NOW, and not of the database's own time."""
    yard.plant(f"UPDATE inbox SET created_at = {NOW}")


class Seeing:
    """A door that remembers the rows."""

    def __init__(self) -> None:
        self._door = door()
        self.rows: list[InboxRow] = []

    def __call__(self, row: InboxRow, stored: Stored | None) -> NewMail | Change:
        self.rows.append(row)
        return self._door(row, stored)

    def refused(self, row: InboxRow, error: Exception) -> NewMail:
        return self._door.refused(row, error)

    def given_up(self, row: InboxRow, why: str) -> NewMail:
        return self._door.given_up(row, why)


class Tripping:
    """A door that trips over the rows of some ids, so often."""

    def __init__(self, *ids: str, times: int = 1_000) -> None:
        self._door = door()
        self._ids = ids
        self.times = times

    def __call__(self, row: InboxRow, stored: Stored | None) -> NewMail | Change:
        if row.id in self._ids and self.times > 0:
            self.times -= 1
            raise LookupError(f"row {row.id} is odd\nand long")
        return self._door(row, stored)

    def refused(self, row: InboxRow, error: Exception) -> NewMail:
        return self._door.refused(row, error)

    def given_up(self, row: InboxRow, why: str) -> NewMail:
        return self._door.given_up(row, why)


class Doubling(Tripping):
    """A door whose mail of one id has what the database refuses."""

    def __call__(self, row: InboxRow, stored: Stored | None) -> NewMail | Change:
        wanted = self._door(row, stored)
        if row.id in self._ids and isinstance(wanted, NewMail):
            return replace(wanted, on_unknown="nonsense")
        return wanted
