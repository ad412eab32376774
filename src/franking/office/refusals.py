"""What the door refuses, with words for the caller."""

from __future__ import annotations

from franking.stores.base import NotFound


class Invalid(Exception):
    """The document can't be taken; the text is the contract's."""


class Conflict(Exception):
    """The mail's state does not allow it now; `reason` is a word for programs."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class Changed(Exception):
    """If-Match named another version than the one that is stored."""


class NoAccount(NotFound):
    """There is no such account."""


class NoWebhook(NotFound):
    """There is no such webhook."""


class NoTemplate(NotFound):
    """There is no such template."""


class NoUser(NotFound):
    """There is no such user."""


class TooLarge(Exception):
    """What is to be kept has more bytes than it may have."""
