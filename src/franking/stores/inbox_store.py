"""What every store promises of the inbox: where applications write documents with INSERT.

An application's commit is all it needs: what it wrote is there until an intake has made it a mail,
which happens in one transaction, and what it rolled back never was.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from franking.stores.values import Change, NewMail, Stored

# How far the rows are counted.
MOST_COUNTED = 10_000


class InboxRow(msgspec.Struct, frozen=True):
    """A row as somebody wrote it: `document` is what was given, or its beginning where it has more
    `bytes` than were asked for; `id` the mail's, None where none was wanted."""

    seq: int
    id: str | None
    document: bytes
    bytes: int
    created_at: int
    tries: int = 0


class InboxCounts(msgspec.Struct, frozen=True):
    """How many rows wait and how many are put off, counted to MOST_COUNTED, and when the oldest was
    written, in milliseconds since 1970 UTC."""

    waiting: int = 0
    put_off: int = 0
    oldest_at: int | None = None


class TakeIn(Protocol):
    """Says what a row comes to; the store asks inside its transaction, about nobody else's."""

    def __call__(self, row: InboxRow, stored: Stored | None) -> NewMail | Change:
        """A new mail, or what it changes in the one that has its id. May raise what it refuses."""

    def refused(self, row: InboxRow, error: Exception) -> NewMail:
        """The mail that tells of a refusal. Raises the error again where the row must wait."""

    def given_up(self, row: InboxRow, why: str) -> NewMail:
        """The mail that tells of a row which could not be taken in for too long."""


class InboxStore(Protocol):
    """The inbox of a store. Each call raises `StoreUnavailable` where the store does."""

    async def take_in(self, now: int, limit: int, most_bytes: int, take: TakeIn) -> int:
        """Make mails of up to `limit` rows, in the order of their insertion, and delete the rows,
        in one transaction; how many rows were looked at.

        Rows of one id are taken one after the other. Of a document with more than `most_bytes` the
        beginning is told. A row that trips over an error alone is put off, for longer each time;
        after GIVE_UP_MS it ends as the mail that `take.given_up` says.
        """

    async def next_at(self) -> int | None:
        """From when on there is a row to take in; None where there is none."""

    async def standing(self, now: int) -> InboxCounts:
        """How the inbox stands."""
