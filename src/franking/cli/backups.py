"""`franking db backup` and `db after-restore`: a copy of the database, and its way back."""

from __future__ import annotations

from pathlib import Path

from franking.app import backup as copies
from franking.app import databases
from franking.app.lock import lock
from franking.cli.exits import Code, Ended
from franking.clock import Clock
from franking.config import Settings
from franking.core.expiry import Expiry, Unit
from franking.office.restoring import Restoring

COMMAND = "db after-restore"
POSTGRESQL = (
    "A database in PostgreSQL is backed up with PostgreSQL's own: pg_basebackup and WAL archiving,"
    " or pg_dump. After going back to a copy run `franking db after-restore`."
)


def backup(settings: Settings, target: Path) -> None:
    """Copy the database; a `serve` on it goes on. Raises `StoreRefused`."""
    if settings.postgresql:
        raise Ended(Code.FAILED, POSTGRESQL)
    size = copies.back_up(settings.database_path, target)
    print(f"{target} is a backup of {settings.database_path}, {size / 1e6:,.1f} MB.")
    print("To go back to it: put it in the database's place, and run `franking db after-restore`.")


async def after_restore(settings: Settings, clock: Clock, keep_later: bool) -> None:
    """End in doubt what had not ended. Raises `InUse` while a `serve` runs."""
    if databases.versions(settings).found is None:
        raise Ended(Code.DATABASE_REFUSED, f"There is no database {settings.database_name}.")
    _check_nobody_serves(settings)
    with lock(settings, COMMAND):
        store = databases.store(settings, restoring=True)
        await store.open()
        try:
            expiry = Expiry(Unit(settings.ttl_expire_type), settings.ttl_expire_value)
            there = await databases.followed(store, clock)
            done = await Restoring(store, there, expiry).run(keep_later)
        finally:
            await store.close()
        if not settings.postgresql:
            copies.unmark(settings.database_path)
    print(f"{done.mails} mails and {done.timers} emails of timers may have been sent since: ERROR.")
    print("`franking mail list --category outcome_unknown` lists them; nothing is sent by itself.")
    print("`franking mail retry --category outcome_unknown --force` sends all of them again.")


def _check_nobody_serves(settings: Settings) -> None:
    """A file is locked; of a database in PostgreSQL those who are connected are asked for."""
    if not settings.postgresql:
        return
    serving = [one.process for one in databases.present(settings) if one.serves]
    if serving:
        found = ", ".join(serving)
        raise Ended(
            Code.DATABASE_REFUSED,
            f"{settings.database_name} is in use by franking serve (processes {found})."
            " Stop them, then run this, then start them again.",
        )
