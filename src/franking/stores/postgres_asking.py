"""What is asked of a PostgreSQL database without working on it: its version, and who is there."""

from __future__ import annotations

import msgspec
import psycopg

from franking.stores.base import StoreRefused
from franking.stores.postgres_link import connect, explain, target
from franking.stores.postgres_migration import version
from franking.stores.postgres_session import PostgresDb, unreachable
from franking.stores.queries import load
from franking.stores.versions import Version


class Asked(msgspec.Struct, frozen=True):
    """The version of the schema (None: there is none yet), and the names of frankings that are
    connected, as they gave them; only those that our role may see."""

    version: Version | None
    present: tuple[str, ...]


def asked(url: str, name: str) -> Asked:
    """Ask, as `name`, and change nothing. Raises `StoreRefused`."""
    place = target(url, name)
    db = PostgresDb(load("postgres", "own"))
    try:
        db.link = connect(msgspec.structs.replace(place, prepare=False))
    except psycopg.Error as error:
        raise StoreRefused(unreachable(place, error)) from error
    try:
        return Asked(version(db), tuple(db.value("present")))
    except psycopg.Error as error:
        raise StoreRefused(f"{place.name}: {explain(error)}") from error
    finally:
        db.link.close()


def refusal(url: str) -> str | None:
    """Why libpq can't read the URL, in its own words unless they would show a password."""
    place = target(url)
    for one in (place.url, place.listen):
        try:
            psycopg.conninfo.conninfo_to_dict(one or "")
        except psycopg.ProgrammingError as error:
            words = str(error).strip()
            return words if words.startswith("invalid URI query parameter") else "it is no URL"
    return None
