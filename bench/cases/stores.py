"""The store that a child of a bench is to work on."""

from __future__ import annotations

from pathlib import Path

from franking.stores.postgres import PostgresStore
from franking.stores.sqlite import SqliteStore


async def opened(where: str) -> SqliteStore | PostgresStore:
    """A store, by the path of a SQLite file or a URL of PostgreSQL."""
    store = PostgresStore(where) if where.startswith("postgres") else SqliteStore(Path(where))
    await store.open()
    return store
