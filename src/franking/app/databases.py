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

# psycopg takes a while to import, and most commands are for a file.
if TYPE_CHECKING:
    from franking.stores.postgres import PostgresStore

COMMAND = "command"
ALL = "all"


class Versions(msgspec.Struct, frozen=True):
    """The version that a database is of (None: there is none yet), and the newest known."""

    found: int | None
    known: int


class Present(msgspec.Struct, frozen=True):
    """A franking that is connected: which process where, and the roles that it has, or
    `command`."""

    process: str
    doing: tuple[str, ...]

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
        found = asked(settings.database_url, _called(COMMAND)).version
        return Versions(found, migrations("postgres")[-1][0])
    path = settings.database_path
    return Versions(_version(path) if path.exists() else None, migrations("sqlite")[-1][0])


def present(settings: Settings) -> list[Present]:
    """Who else works on a database in PostgreSQL, as far as it says. Raises `StoreRefused`."""
    from franking.stores.postgres_asking import asked

    check(settings)
    names = asked(settings.database_url, _called(COMMAND)).present
    found = (name.split(" ") for name in names)
    return [Present(words[1], tuple(words[2].split(","))) for words in found if len(words) == 3]


def _postgres(settings: Settings, doing: str) -> PostgresStore:
    from franking.stores.postgres import PostgresStore

    check(settings)
    return PostgresStore(settings.database_url, _called(doing))


def check(settings: Settings) -> None:
    """libpq can read the URL. Raises `SettingRefused`."""
    if not settings.postgresql:
        return
    from franking.stores.postgres_asking import refusal

    if (why := refusal(settings.database_url)) is not None:
        raise SettingRefused(f"{PREFIX}DATABASE_URL can't be used: {why}.")


def _called(doing: str) -> str:
    """Our name in the database's lists; it keeps 63 bytes of it, so the roles come last."""
    host = socket.gethostname().partition(".")[0][:12]
    return f"franking {os.getpid()}@{host} {doing}"


def _version(path: Path) -> int:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreRefused(f"{path} can't be read as a database: {error}.") from error
