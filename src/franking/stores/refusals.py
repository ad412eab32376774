"""What a store refuses, and why."""

from __future__ import annotations


class NotFound(Exception):
    """No such mail."""


class StoreUnavailable(Exception):
    """The database can't be used now. Nothing was written, but where the message says that this is
    not known; it says what to do."""


class StoreRefused(Exception):
    """The database can't be used by this franking at all: newer, read-only, or in use."""


class AlreadyExists(Exception):
    """A mail with that id exists."""


class KeyReused(Exception):
    """The Idempotency-Key came before with another body."""
