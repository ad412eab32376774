"""Brings a PostgreSQL schema to the newest version, each step in one transaction.

Policy. Processes that start together wait for whoever migrates, for as long as that takes. A step
waits for a table for LOCK_MS only, since whoever comes after it waits too, and then tries again;
when it has a table, it has STEP_MS. What fails leaves the schema as it was. Others work on
meanwhile, older ones too, where the step says that they can (versions): one that takes away what a
connected process needs is refused until that has ended. What is too new for us is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import structlog

from franking.stores.base import StoreRefused
from franking.stores.postgres_link import unhurried
from franking.stores.postgres_session import PostgresDb
from franking.stores.queries import migrations
from franking.stores.versions import Version, after, check

log = structlog.get_logger()

LOCK_MS = 2_000
STEP_MS = 600_000
MOST_TRIES = 15
BEGIN = "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"
LIMITS = (
    "SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {step};"
    " SET LOCAL idle_in_transaction_session_timeout = 0"
)


def migrate(db: PostgresDb) -> None:
    """Bring the schema to the newest version. Raises `StoreRefused`."""
    known = migrations("postgres")
    with unhurried(db.link):
        tries = 0
        while not _newest(db, known[-1][0]):
            try:
                _step(db, known)
                tries = 0
            except psycopg.errors.LockNotAvailable:
                tries += 1
                if tries == MOST_TRIES:
                    raise
                log.warning("a migration waits for a table that somebody uses", tries=tries)
                db.value("rest")


def version(db: PostgresDb) -> Version | None:
    """The version of the schema, None where there is none yet."""
    if not db.value("versioned"):
        return None
    number, least = db.row("version") or (0, None)
    return Version(number, number if least is None else least)


def serving(names: list[str]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Of the names of connections: the version that each knows, its process and what it does."""
    for name in names:
        words = name.split(" ")
        known = words[0].rpartition("/")[2]
        if len(words) == 3 and known.isdecimal():
            yield int(known), words[1], tuple(words[2].split(","))


def _newest(db: PostgresDb, known: int) -> bool:
    found = version(db)
    check(found, known)
    return found is not None and found.number >= known


def _step(db: PostgresDb, known: list[tuple[int, str]]) -> None:
    """The next migration, unless somebody else has done it meanwhile."""
    db.say(BEGIN)
    try:
        db.value("migrating")
        db.say(LIMITS.format(lock=LOCK_MS, step=STEP_MS))
        found = version(db)
        if found is None:
            db.run("make_version")
            db.run("begin_version")
        for number, text in known:
            if number > (0 if found is None else found.number):
                _taken(db, found, number, text)
                break
    except BaseException:
        db.say("ROLLBACK")
        raise
    db.say("COMMIT")


def _taken(db: PostgresDb, found: Version | None, number: int, text: str) -> None:
    new = after(found, number, text)
    if found is not None and new.least > found.least:
        _check_nobody_older(db, new)
    db.say(text)
    least = None if new.least == number else new.least
    db.run("raise_version", version=number, least=least)


def _check_nobody_older(db: PostgresDb, new: Version) -> None:
    """Nobody who is connected needs what the step takes away."""
    older = [process for knows, process, _ in serving(db.value("present")) if knows < new.least]
    if older:
        raise StoreRefused(
            f"Version {new.number} of the database can't be used by processes that are connected:"
            f" {', '.join(older)} know less than {new.least}. Stop them, then migrate."
        )
