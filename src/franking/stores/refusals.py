"""What a store refuses, and why."""

from __future__ import annotations


class NotFound(Exception):
    """No such mail."""


class StoreUnavailable(Exception):
    """The database can't be used now. Nothing was written, unless it is `Unsure`; the message says
    what to do."""


class Unsure(StoreUnavailable):
    """COMMIT was sent and its answer never came: written or not, nobody knows."""


class StoreRefused(Exception):
    """The database can't be used by this franking at all: newer, read-only, or in use."""


class AlreadyExists(Exception):
    """A mail with that id exists."""


class KeyReused(Exception):
    """The Idempotency-Key came before with another body."""
