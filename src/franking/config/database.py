"""Where the database is: a SQLite file, or a database in PostgreSQL."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")


class DatabaseUrl(str):
    """A DATABASE_URL, whose password shows only to who uses it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"DatabaseUrl({database_name(self)!r})"


def database_name(url: str) -> str:
    """What a DATABASE_URL names, without user, password and options."""
    if not url.startswith(POSTGRESQL):
        return url.removeprefix(SQLITE)
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"the database {parts.path[1:]} at {host}" if host else f"the database {parts.path[1:]}"


def database_url(value: str) -> DatabaseUrl:
    """The reader of DATABASE_URL; its ValueError completes "it must …"."""
    if value.startswith(("postgresql:", "postgres:")):
        return _postgresql(value)
    path = value.removeprefix(SQLITE)
    if path == value or path in ("", ":memory:") or path.endswith("/") or not path.isprintable():
        raise ValueError(
            "must be sqlite:///franking.db (relative), sqlite:////var/lib/franking.db (absolute) or"
            " postgresql://user:password@host:5432/franking"
        )
    if "?" in path:
        raise ValueError("must be a path without options: '?' is not taken")
    return DatabaseUrl(value)


def _postgresql(value: str) -> DatabaseUrl:
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if not value.startswith(POSTGRESQL) or not value.isprintable() or " " in value:
        raise ValueError("must be postgresql://user:password@host:5432/franking")
    if len(parts.path) < 2 or "/" in parts.path[1:] or parts.fragment:
        raise ValueError("must name one database: postgresql://user:password@host:5432/franking")
    for name, given in parse_qsl(parts.query, keep_blank_values=True):
        if name == "prepare" and given not in ("on", "off"):
            raise ValueError("must have prepare=on or prepare=off")
        if name == "listen" and given != "off" and not given.startswith(POSTGRESQL):
            raise ValueError("must have listen=off, or listen= and another postgresql:// URL")
    return DatabaseUrl(value)
