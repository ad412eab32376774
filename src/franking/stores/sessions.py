"""Sessions of the console in a database: what a store promises of them, the same on every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from franking.stores.queries import Db

# How many browsers may be signed in with one key; the oldest is signed out.
MOST_OF_KEY = 100

Run = Callable[[Callable[[Db], Any]], Awaitable[Any]]


class SessionRows:
    """The sessions of a store, whose `write` and `read` run a script in one transaction.

    What returns has been committed. Each raises `StoreUnavailable` where the store does.
    """

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read

    async def secret(self, fresh: bytes) -> bytes:
        """What every process signs with; `fresh` is taken for it where there is none yet."""
        found = await self._read(lambda db: db.value("session_secret"))
        if found is None:
            found = await self._write(lambda db: _made(db, fresh))
        return bytes.fromhex(found)

    async def add(self, hash: str, key: str, signed_in_at: int, ends_at: int) -> None:
        """Keep a new session, and drop those that are over, and of its key all but the newest
        MOST_OF_KEY. Raises `AlreadyExists`."""

        def script(db: Db) -> None:
            db.run("forget_sessions", now=signed_in_at)
            db.run("add_session", hash=hash, key=key, signed_in_at=signed_in_at, ends_at=ends_at)
            db.run("trim_sessions", key=key, most=MOST_OF_KEY)

        await self._write(script)

    async def find(self, hash: str) -> tuple[str, int] | None:
        """The id of a session's key, and when the session is over; None where it was ended."""
        row: tuple[str, int] | None = await self._read(lambda db: db.row("find_session", hash=hash))
        return row

    async def end(self, hash: str) -> bool:
        """End a session for good; false where there is none."""
        ended: int = await self._write(lambda db: db.run("end_session", hash=hash))
        return ended > 0


def _made(db: Db, fresh: bytes) -> str:
    db.run("make_session_secret", secret=fresh.hex())
    made: str = db.value("session_secret")
    return made
