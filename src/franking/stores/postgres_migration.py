"""Brings a PostgreSQL schema to the newest version, each step in one transaction.

Policy. Processes that start together wait for whoever migrates. A step waits for locks for a few
seconds only, so that it never holds up those who work for longer; it is then tried when franking is
started again. What is newer than we know is refused.
"""

from __future__ import annotations

from franking.stores.base import StoreRefused
from franking.stores.postgres_link import LOCK_MS
from franking.stores.postgres_session import PostgresDb
from franking.stores.queries import migrations

BEGIN = f"BEGIN; SET LOCAL lock_timeout = {LOCK_MS * 6}; SET LOCAL statement_timeout = 0"


def migrate(db: PostgresDb) -> None:
    """Bring the schema to the newest version. Raises `StoreRefused`."""
    known = migrations("postgres")
    while not _newest(db, known[-1][0]):
        db.say(BEGIN)
        try:
            db.value("migrating")
            found = version(db)
            if found is None:
                db.run("make_version")
                db.run("begin_version")
            for number, text in known:
                if number > (found or 0):
                    db.say(text)
                    db.run("raise_version", version=number)
                    break
        except BaseException:
            db.say("ROLLBACK")
            raise
        db.say("COMMIT")


def version(db: PostgresDb) -> int | None:
    """The version of the schema, None where there is none yet."""
    if not db.value("versioned"):
        return None
    found: int = db.value("version")
    return found


def _newest(db: PostgresDb, known: int) -> bool:
    found = version(db)
    if found is not None and found > known:
        raise StoreRefused(
            f"The database is of version {found}, this franking knows up to {known}."
            " Start the newer franking, or restore an older database."
        )
    return found == known
