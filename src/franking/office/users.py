"""The door to users, whom mails name by their ids: any JSON object, with an `email` or without.

Policy (contract trigger-email, section 1). Only an `email` that is a text and not empty counts;
what is in it is looked at when a mail is composed, as any address that a mail has.
"""

from __future__ import annotations

from franking.clock import Clock
from franking.office.documents import Document, Documents
from franking.office.refusals import NoUser, TooLarge
from franking.stores.base import Kept, Store

# It may name several addresses; a mail may name a thousand users.
EMAIL_CHARACTERS = 65_536


class Users(Documents):
    """The door to a store's users."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store.users, clock, "user", NoUser)

    async def set(self, id: str, document: Document, match: str | None = None) -> tuple[Kept, bool]:
        """Keep a user's document; was there none before? Raises `TooLarge`, `Changed`."""
        email = document.get("email")
        name = email if isinstance(email, str) and email else None
        if name is not None and len(name) > EMAIL_CHARACTERS:
            words = f"A user's email may have {EMAIL_CHARACTERS} characters; this has {len(name)}."
            raise TooLarge(words)
        return await self.keep(id, document, name, match)
