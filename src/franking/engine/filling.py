"""What a mail asks for and its document does not have: its users' addresses, its template's parts.

Policy. Both are looked up when the mail is composed, at each attempt anew: a user's address and a
template count as they are then. Users come first, for a mail to nobody need not be rendered. What
comes of it is checked as any document is, since neither a record nor a template's data was looked
at when the mail was taken. A mail that waits long for its template takes no place of those that are
sent: others' templates may want too much.
"""

from __future__ import annotations

from typing import Any

from franking.compose.envelope import Unsendable
from franking.core.message import Setup, trouble
from franking.core.message.filling import NOBODY, addressed, rendered, uids
from franking.core.template import PARTS
from franking.engine.waiting import Waiting, nobody_waits
from franking.office.rendering import Rendering
from franking.stores.base import Collection

PATIENCE_SECONDS = 0.25

Document = dict[str, Any]


class Filling:
    """Fills documents in; without `users` or `rendering` those who need them are refused before.

    Mails that wait long are counted in `waiting`.
    """

    def __init__(
        self, users: Collection | None, rendering: Rendering | None, waiting: Waiting
    ) -> None:
        self._users = users
        self._rendering = rendering
        self._waiting = waiting
        self.setup = Setup(users=users is not None, templates=rendering is not None)

    async def fill(self, document: Document) -> Document | Unsendable:
        """A document without trouble as it is to be composed. Raises `StoreUnavailable`."""
        filled: Document | Unsendable = document
        if asked := uids(document):
            filled = await self._addressed(document, asked)
        if "template" in document and not isinstance(filled, Unsendable):
            filled = await self._rendered(filled)
        if isinstance(filled, Unsendable):
            return filled
        error = trouble(filled)
        return filled if error is None else Unsendable(error)

    async def _addressed(self, document: Document, asked: list[str]) -> Document | Unsendable:
        assert self._users is not None
        found = addressed(document, await self._users.names(asked))
        return Unsendable(NOBODY) if found is None else found

    async def _rendered(self, document: Document) -> Document | Unsendable:
        assert self._rendering is not None
        wanted = document["template"]
        with self._waiting.counted(PATIENCE_SECONDS):
            found = await self._rendering.render(wanted["name"], wanted.get("data", {}))
        if isinstance(found, Unsendable):
            return found
        parts = {name: getattr(found, name) for name in PARTS}
        return rendered(document, parts, found.attachments)


NO_FILLING = Filling(None, None, nobody_waits())
