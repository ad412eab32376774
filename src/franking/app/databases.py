"""From settings to the store, and what version its file is of."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from franking.config import Settings
from franking.stores.base import StoreRefused
from franking.stores.sqlite import SqliteStore


class Versions(msgspec.Struct, frozen=True):
    """The version that a database is of (None: there is none yet), and the newest known."""

    found: int | None
    known: int


def store(settings: Settings, *, restoring: bool = False) -> SqliteStore:
    """The store that the settings name, not opened yet; `restoring` it, it may be a backup."""
    return SqliteStore(settings.database_path, restoring=restoring)


def versions(settings: Settings) -> Versions:
    """Read without changing anything. Raises `StoreRefused` for what is no database."""
    path = settings.database_path
    found = _version(path) if path.exists() else None
    return Versions(found, store(settings).version)


def _version(path: Path) -> int:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreRefused(f"{path} can't be read as a database: {error}.") from error
