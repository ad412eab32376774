"""From settings to the store, and what version its database is of."""

from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from franking.clock import Clock, FollowingClock
from franking.config import PREFIX, SettingRefused, Settings
from franking.stores.base import Store, StoreRefused
from franking.stores.queries import migrations
from franking.stores.sqlite import SqliteStore
from franking.stores.sqlite_migration import version
from franking.stores.sqlite_source import moved_to
from franking.stores.versions import Version

# psycopg takes a while to import, and most commands are for a file.
if TYPE_CHECKING:
    from franking.stores.postgres import PostgresStore

COMMAND = "command"
ALL = "all"


class Versions(msgspec.Struct, frozen=True):
    """The version that a database is of (None: there is none yet), the newest known, and the least
    that must be known to work on it."""

    found: int | None
    known: int
    least: int = 0

    @property
    def usable(self) -> bool:
        """Can this franking work on it as it is?"""
        return self.found is not None and self.least <= self.known <= self.found


class Present(msgspec.Struct, frozen=True):
    """A franking that is connected: which process where, the roles that it has, or `command`, and
    the version that it knows."""

    process: str
    doing: tuple[str, ...]
    knows: int

    @property
    def serves(self) -> bool:
        """Is it a `serve`?"""
        return self.doing != (COMMAND,)

    @property
    def sends(self) -> bool:
        """Does it send mails?"""
        return bool({ALL, "worker"} & {*self.doing})


def store(settings: Settings, *, doing: str = COMMAND, restoring: bool = False) -> Store:
    """The store that the settings name, not opened yet; `restoring` it, it may be a backup. Others
    see what we are `doing`. Raises `SettingRefused`."""
    if settings.postgresql:
        return _postgres(settings, doing)
    return SqliteStore(settings.database_path, restoring=restoring)


def shared(store: Store) -> PostgresStore | None:
    """The store, where other processes work on its database too."""
    if isinstance(store, SqliteStore):
        return None
    from franking.stores.postgres import PostgresStore

    return store if isinstance(store, PostgresStore) else None


async def followed(store: Store, clock: Clock) -> Clock:
    """The time of the database, asked once. Raises `StoreUnavailable`."""
    found = shared(store)
    if found is None:
        return clock
    following = FollowingClock(clock)
    following.see(await found.time(clock))
    return following


def versions(settings: Settings) -> Versions:
    """Read without changing anything. Raises `StoreRefused` for what is no database."""
    if settings.postgresql:
        from franking.stores.postgres_asking import asked

        check(settings)
        found = asked(settings.database_url, called()).version
        return _versions(found, migrations("postgres")[-1][0])
    path = settings.database_path
    return _versions(_version(path) if path.exists() else None, migrations("sqlite")[-1][0])


def moved(settings: Settings) -> str | None:
    """Where the installation was moved from this file. Raises `StoreRefused`."""
    if settings.postgresql or not settings.database_path.exists():
        return None
    return moved_to(settings.database_path)


def present(settings: Settings) -> list[Present]:
    """Who else works on a database in PostgreSQL, as far as it says. Raises `StoreRefused`."""
    from franking.stores.postgres_asking import asked
    from franking.stores.postgres_migration import serving

    check(settings)
    names = asked(settings.database_url, called()).present
    return [Present(process, doing, knows) for knows, process, doing in serving([*names])]


def _postgres(settings: Settings, doing: str) -> PostgresStore:
    from franking.stores.postgres import PostgresStore

    check(settings)
    return PostgresStore(settings.database_url, called(doing))


def check(settings: Settings) -> None:
    """libpq can read the URL. Raises `SettingRefused`."""
    if not settings.postgresql:
        return
    from franking.stores.postgres_asking import refusal

    if (why := refusal(settings.database_url)) is not None:
        raise SettingRefused(f"{PREFIX}DATABASE_URL can't be used: {why}.")


def called(doing: str = COMMAND) -> str:
    """Our name in the database's lists; it keeps 63 bytes of it, so the roles come last."""
    host = socket.gethostname().partition(".")[0][:12]
    return f"franking/{migrations('postgres')[-1][0]} {os.getpid()}@{host} {doing}"


def _versions(found: Version | None, known: int) -> Versions:
    return Versions(None, known) if found is None else Versions(found.number, known, found.least)


def _version(path: Path) -> Version:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return version(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreRefused(f"{path} can't be read as a database: {error}.") from error
