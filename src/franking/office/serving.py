"""A timer handed over as a mail: what is written when it is due.

Policy. The mail has the timer's id. The first time it is written as by PUT; after a retry it is
that document as it stands now, and goes again only if it is still ERROR: where it was sent by
then, nothing is. A timer that was replaced, or whose id was used again, has a new document, which
is sent from scratch. A mail under that id which no timer made is not touched: the timer fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core import smtp_message
from franking.core.delivery import State
from franking.core.expiry import NEVER, Expiry
from franking.core.timer import SMTP, Timer
from franking.office import drafts
from franking.office.drafts import Document, Draft
from franking.stores.base import Change, Stored, Unserved

FOREIGN = "Error: A mail with id {} already exists, and this timer did not make it."
NO_DOCUMENT = "Error: The timer's data is no mail document."


class Server:
    """Says what is written for a due timer; the store calls it inside its transaction."""

    def __init__(self, now: int, new_id: Callable[[], str], expiry: Expiry = NEVER) -> None:
        self._now = now
        self._new_id = new_id
        self._expiry = expiry

    def __call__(self, timer: Timer, stored: Stored | None) -> Change | Unserved:
        draft = Draft(timer.id, self._now, self._new_id, self._expiry)
        if stored is not None and not stored.mail.timed:
            return Unserved(FOREIGN.format(timer.id))
        if stored is not None and stored.mail.timed == timer.revision:
            return _again(draft, stored)
        document = document_of(timer)
        if document is None:
            return Unserved(NO_DOCUMENT)
        if stored is None:
            return Change(insert=replace(drafts.written(draft, document), timed=timer.revision))
        drafts.at_rest(stored.mail)  # what is sent now ends as the earlier life's
        return replace(drafts.begun_anew(draft, stored, document), timed=timer.revision)


def document_of(timer: Timer) -> Document | None:
    """The mail document in a timer's data; None where there is none."""
    value: Any = None if timer.data is None else msgspec.json.decode(timer.data)
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
    if not isinstance(value, Mapping):
        return None
    return smtp_message.document(value) if timer.callback.transport == SMTP else dict(value)


def _again(draft: Draft, stored: Stored) -> Change:
    """What a retry sends: the mail as it stands, if it has not been sent."""
    delivery = stored.mail.delivery
    if delivery.state is not State.ERROR:
        return Change()
    return drafts.tried_again(draft, stored)
