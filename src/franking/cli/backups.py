"""`franking db backup` and `db after-restore`: a copy of the database, and its way back."""

from __future__ import annotations

from pathlib import Path

from franking.app import backup as copies
from franking.app import databases
from franking.app.lock import Lock
from franking.cli.exits import Code, Ended
from franking.clock import Clock
from franking.config import Settings
from franking.core.expiry import Expiry, Unit
from franking.office.restoring import Restoring

COMMAND = "db after-restore"


def backup(settings: Settings, target: Path) -> None:
    """Copy the database; a `serve` on it goes on. Raises `StoreRefused`."""
    size = copies.back_up(settings.database_path, target)
    print(f"{target} is a backup of {settings.database_path}, {size / 1e6:,.1f} MB.")
    print("To go back to it: put it in the database's place, and run `franking db after-restore`.")


async def after_restore(settings: Settings, clock: Clock, keep_later: bool) -> None:
    """End in doubt what had not ended. Raises `InUse` while a `serve` runs."""
    path = settings.database_path
    if databases.versions(settings).found is None:
        raise Ended(Code.DATABASE_REFUSED, f"There is no database {path}.")
    with Lock(path, COMMAND):
        store = databases.store(settings, restoring=True)
        await store.open()
        try:
            expiry = Expiry(Unit(settings.ttl_expire_type), settings.ttl_expire_value)
            done = await Restoring(store, clock, expiry).run(keep_later)
        finally:
            await store.close()
        copies.unmark(path)
    print(f"{done.mails} mails and {done.timers} emails of timers may have been sent since: ERROR.")
    print("`franking mail list --category outcome_unknown` lists them; nothing is sent by itself.")
    print("`franking mail retry --category outcome_unknown --force` sends all of them again.")
