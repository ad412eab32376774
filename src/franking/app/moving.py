"""`franking db copy`: an installation moved from its SQLite file to PostgreSQL.

Policy. Nobody serves the file while it is moved: what were sent meanwhile would be sent again from
the copy. Every secret is opened before anything is copied, with the key that all processes will
have. The file is marked, then PostgreSQL commits: whatever ends in between, only one of the two can
be served. A rehearsal does all of it beside a `serve`, and commits nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg

from franking.app import databases, hooks
from franking.app.lock import Lock
from franking.app.vault import SETTING, key_file, vault
from franking.clock import SystemClock
from franking.config import PREFIX, SettingRefused, Settings
from franking.core.sender import SecretLost
from franking.stores import sqlite_session
from franking.stores.base import StoreRefused
from franking.stores.copying import Told, copy, tables
from franking.stores.postgres_link import explain, target
from franking.stores.postgres_target import PostgresTarget
from franking.stores.secrets import Vault
from franking.stores.sqlite_source import Sealed, SqliteSource, unmark

__all__ = ["Moved", "Told", "move", "reopen"]

COMMAND = "db copy"
UNSURE = (
    "The connection was lost as the copy was committed: whether it was is not known, so {path}"
    " stays marked as moved. Run the same command again: it copies where nothing was committed, and"
    " where all was it says that the database is not empty; then serve that one."
)


class Moved(msgspec.Struct, frozen=True):
    """How many rows of how many tables went, and how many milliseconds it took."""

    rows: int
    tables: int
    took_ms: int


def move(settings: Settings, path: Path, rehearse: bool, ready: Callable[[int], Told]) -> Moved:
    """Copy the file to the database of the settings, and mark it; `ready` hears how many rows there
    are. Raises `SettingRefused` and `StoreRefused`, after which nothing was copied."""
    if not path.exists():
        raise StoreRefused(f"There is no database {path}.")
    _check_target(settings)
    if rehearse:
        return _copied(settings, path, ready, moving=False)
    with Lock(path, COMMAND):
        return _copied(settings, path, ready, moving=True)


def reopen(settings: Settings) -> str | None:
    """Let a file be served again; where it had been moved to. Raises `StoreRefused`."""
    if settings.postgresql or not settings.database_path.exists():
        raise StoreRefused(f"{settings.database_name} is no SQLite file that was moved.")
    with Lock(settings.database_path, "db reopen"):
        return unmark(settings.database_path)


def _check_target(settings: Settings) -> None:
    versions = databases.versions(settings)
    if versions.found != versions.known:
        raise StoreRefused(
            f"{settings.database_name} has no schema of version {versions.known}. Make it first:"
            f" {PREFIX}DATABASE_URL=postgresql://… franking db migrate."
        )
    serving = [one.process for one in databases.present(settings) if one.serves]
    if serving:
        raise StoreRefused(
            f"{settings.database_name} is in use by franking serve (processes"
            f" {', '.join(serving)}). Stop them first."
        )


def _copied(settings: Settings, path: Path, ready: Callable[[int], Told], *, moving: bool) -> Moved:
    clock = SystemClock()
    begun = clock.steady_ms()
    source = SqliteSource(path, settings.database_name, moving=moving)
    try:
        _check_secrets(settings, path, source.sealed())
        there = PostgresTarget(target(settings.database_url, databases.called()))
        try:
            names = [table.name for table in tables(source, there)]
            rows = copy(source, there, ready(sum(source.count(name) for name in names)))
            if moving:
                source.leave(clock.now())
                _commit(there, path)
        except psycopg.Error as error:
            raise StoreRefused(f"{settings.database_name}: {explain(error)}") from error
        except sqlite3.Error as error:
            raise StoreRefused(f"{path}: {sqlite_session.explain(error)}") from error
        finally:
            there.close()
    finally:
        source.close()
    return Moved(rows, len(names), clock.steady_ms() - begun)


def _commit(there: PostgresTarget, path: Path) -> None:
    """The file says already where all of it is; it is not so only where that is known."""
    try:
        there.commit()
    except psycopg.Error as error:
        if there.lost:
            raise StoreRefused(UNSURE.format(path=path)) from error
        unmark(path)
        raise


def _check_secrets(settings: Settings, path: Path, sealed: list[Sealed]) -> None:
    """Every secret opens with the key that the processes will have. Raises `SettingRefused`."""
    if not sealed:
        return
    if settings.secret_key is None:
        file = key_file(path)
        where = f"what stands in {file}" if file.exists() else "the key that they are sealed with"
        raise SettingRefused(
            f"{SETTING} is not set, and {len(sealed)} secrets need it: beside a database in"
            f" PostgreSQL there is no file for a key. Set it to {where}, here and in every process."
        )
    keys = vault(settings)
    for one in sealed:
        _check_opens(keys, one)


def _check_opens(keys: Vault, one: Sealed) -> None:
    try:
        keys.open(hooks.place(one.id) if one.kind == "webhook" else one.id, one.secret)
    except SecretLost as error:
        words = str(error).replace("of an account", f'of the {one.kind} "{one.id}"')
        raise SettingRefused(f"{words} Nothing was copied.") from None
