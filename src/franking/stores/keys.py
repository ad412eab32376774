"""Keys in a database: what a store promises of them, the same on every one.

A key is never deleted, so that what it did can still be told by its name; it is revoked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from franking.core.key import Key
from franking.stores.queries import Db

MOST_KEYS = 1_000

Run = Callable[[Callable[[Db], Any]], Awaitable[Any]]

_key = msgspec.json.Decoder(Key)
_keys = msgspec.json.Decoder(list[Key])


class KeyRows:
    """The keys of a store, whose `write` and `read` run a script in one transaction.

    What returns has been committed. Each raises `StoreUnavailable` where the store does.
    """

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read

    async def add(self, key: Key) -> None:
        """Keep a new key. Raises `AlreadyExists`."""
        await self._write(lambda db: db.run("add_key", key=_text(key)))

    async def find(self, id: str) -> Key | None:
        """One key, revoked or not."""
        row = await self._read(lambda db: db.value("find_key", id=id))
        return None if row is None else _key.decode(row)

    async def newest(self) -> list[Key]:
        """The newest MOST_KEYS keys; the revoked ones come last."""
        return _keys.decode(await self._read(lambda db: db.value("list_keys", limit=MOST_KEYS)))

    async def revoke(self, id: str, now: int) -> bool:
        """Let a key open nothing from `now` on, or from when it was revoked before.

        False where there is none.
        """
        revoked: int = await self._write(lambda db: db.run("revoke_key", id=id, now=now))
        return revoked > 0

    async def use(self, uses: Sequence[tuple[str, int]]) -> None:
        """Write when keys were last used, each id with its time."""
        await self._write(lambda db: db.run("use_keys", uses=_text(uses)))

    async def made(self) -> bool:
        """Was a key ever made?"""
        return bool(await self._read(lambda db: db.value("key_made")))

    async def valid(self) -> bool:
        """Is there a key that is not revoked?"""
        return bool(await self._read(lambda db: db.value("key_valid")))


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
