"""What a row of the inbox comes to: as PUT writes it, and never an error of who inserted it.

Policy. The document goes the way of PUT: new, or over the mail that has its id. What PUT would
refuse is told on a mail in ERROR instead, for nobody waits for an answer: on the id's own where
there was none, else on one of its own, and the mail that is there stays as it is. Such a mail keeps
the beginning of what was inserted. While the mail is being sent, the row waits.
"""

from __future__ import annotations

from collections.abc import Callable

from franking.core import reading
from franking.core.delivery import State
from franking.core.expiry import NEVER, Expiry
from franking.core.ids import MOST_CHARACTERS, unfit
from franking.core.machine import Refused
from franking.core.reading import MAX_DOCUMENT_BYTES, Unreadable
from franking.office import drafts
from franking.office.contents import without_own_id
from franking.office.drafts import BEING_SENT, Document, Draft
from franking.office.refusals import Conflict, Invalid
from franking.stores.base import Change, InboxRow, NewMail, Stored

DOCUMENT = "The document"
TOO_LARGE = "{} has more than {} bytes."
STAYS = "The mail with its id stays as it is."
GIVEN_UP = "It could not be taken in: {}"
# So much of what can't be taken in is kept.
HEAD_CHARACTERS = 2_000


class Taker:
    """`franking.stores.base.TakeIn`, at `now`; a document may have `most_bytes`."""

    def __init__(
        self,
        now: int,
        new_id: Callable[[], str],
        expiry: Expiry = NEVER,
        most_bytes: int = MAX_DOCUMENT_BYTES,
    ) -> None:
        self._now = now
        self._new_id = new_id
        self._expiry = expiry
        self._most_bytes = most_bytes

    def __call__(self, row: InboxRow, stored: Stored | None) -> NewMail | Change:
        """Raises `Conflict` and `Invalid` as PUT does."""
        id = self._new_id() if row.id is None else row.id
        barred = unfit(id, "A mail")
        if barred is not None:
            return self._told(self._new_id(), row, barred)
        try:
            document = without_own_id(id, self._read(row))
        except Unreadable as error:
            if stored is None:
                return self._told(id, row, error.detail)
            return self._told(self._new_id(), row, f"{error.detail} {STAYS}")
        if stored is None:
            return drafts.written(self._draft(id), document)
        return drafts.replaced(self._draft(id), stored, document)

    def refused(self, row: InboxRow, error: Exception) -> NewMail:
        if not isinstance(error, (Conflict, Invalid, Refused)) or _being_sent(error):
            raise error
        return self._told(self._new_id(), row, f"{error} {STAYS}")

    def given_up(self, row: InboxRow, why: str) -> NewMail:
        return self._told(self._new_id(), row, GIVEN_UP.format(why))

    def _read(self, row: InboxRow) -> Document:
        if row.bytes > self._most_bytes:
            raise Unreadable("too_large", TOO_LARGE.format(DOCUMENT, self._most_bytes))
        return reading.mapping(row.document, DOCUMENT)

    def _told(self, id: str, row: InboxRow, words: str) -> NewMail:
        """A mail in ERROR that keeps what was inserted, and belongs to nothing."""
        kept = {
            "id": None if row.id is None else row.id[:MOST_CHARACTERS],
            "document": row.document[: 4 * HEAD_CHARACTERS].decode("utf-8", "replace"),
        }
        kept["document"] = (kept["document"] or "")[:HEAD_CHARACTERS]
        return drafts.submitted(self._draft(id), {"inbox": kept}, f"Error: {words}")

    def _draft(self, id: str) -> Draft:
        return Draft(id, self._now, self._new_id, self._expiry)


def _being_sent(error: Exception) -> bool:
    if isinstance(error, Refused):
        return error.state == State.PROCESSING
    return str(error) == BEING_SENT
