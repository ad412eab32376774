"""A backup of the SQLite file while it is in use, and the mark that it carries.

Policy. The copy is one moment's: SQLite's own backup, in one step, beside a `serve` that goes on
writing. It is made under another name, looked through, put on disk, and only then renamed; an
existing file is never written over. It carries a mark, and a franking that is started on a marked
file refuses until `franking db after-restore` has run: what waited when the backup was made may
have been sent since.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from franking.stores import sqlite_source
from franking.stores.base import StoreRefused
from franking.stores.sqlite import BACKUP_MARK

PART = ".part"


def back_up(database: Path, target: Path) -> int:
    """Copy the database to a new file; its size in bytes. Raises `StoreRefused`."""
    if not database.exists():
        raise StoreRefused(f"There is no database {database}.")
    if target.exists():
        raise StoreRefused(f"{target} exists: a backup is never written over another file.")
    part = target.with_name(target.name + PART)
    try:
        _made(part)
        _copied(database, part)
        _rests(part, target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreRefused(f"{target} can't be written: {error}.") from error
    return target.stat().st_size


def _made(part: Path) -> None:
    """Empty, and for nobody else to read."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _copied(database: Path, part: Path) -> None:
    source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    copy = sqlite3.connect(part, isolation_level=None)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute(f"PRAGMA application_id = {BACKUP_MARK}")
        [found] = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged ({found}); so may be {database}")
    finally:
        copy.close()
        source.close()


def _rests(part: Path, target: Path) -> None:
    """On disk, under its name."""
    for path in (part, part.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path == part:
            os.link(part, target)  # fails where somebody was faster
            part.unlink()


def marked(database: Path) -> bool:
    """Is it a backup that `after-restore` has not seen yet?"""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        [mark] = connection.execute("PRAGMA application_id").fetchone()
        return bool(mark == BACKUP_MARK)
    finally:
        connection.close()


def unmark(database: Path) -> None:
    """It may be served from now on, also where it had been moved from."""
    sqlite_source.unmark(database)
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA application_id = 0")
    finally:
        connection.close()
