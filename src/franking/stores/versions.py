"""Which schemas a franking can work on: the promise between versions, and where it is written.

Policy. A migration adds, and takes nothing away that the version before it needs: a table, a column
that may be left out, an index. It says so by its first line, `-- least: N`: frankings that know the
schema N work on this one too. One without that line is for nobody older. So a process that runs
goes on while a newer one migrates, and one that starts on a newer schema looks at what is the least
that it must know. The number never falls: what one migration has taken away stays away.
"""

from __future__ import annotations

import re

import msgspec

from franking.stores.base import StoreRefused

_LEAST = re.compile(r"-- least: (\d+)\n")


class Version(msgspec.Struct, frozen=True):
    """The number of the newest migration that a schema has had, and the least that must be known to
    work on it."""

    number: int
    least: int


def after(before: Version | None, number: int, text: str) -> Version:
    """What a schema is of once it has had a migration."""
    said = _LEAST.match(text)
    least = number if said is None else min(int(said[1]), number)
    return Version(number, max(least, 0 if before is None else before.least))


def usable(found: Version, known: int) -> bool:
    """Can a franking work on it that knows so much, once it has migrated it?"""
    return found.least <= known


def check(found: Version | None, known: int) -> None:
    """Raises `StoreRefused` for a schema that is too new."""
    if found is None or usable(found, known):
        return
    raise StoreRefused(
        f"The database is of version {found.number}, this franking knows up to {known}."
        " Start the newer franking, or restore an older database."
    )
