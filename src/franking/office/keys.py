"""Keys, made and revoked, and remembered for a moment so that a call need not ask the store.

Policy. A key that was found is believed for REMEMBERED_MS, so a revocation is seen everywhere
within that time, and at once by the process that made it. Once a key was made, calls need one for
good: revoking the last one closes the door and does not open it to everyone on the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from franking.clock import Clock
from franking.core.key import (
    SECRET_BYTES,
    Key,
    Presented,
    Scope,
    hashed,
    worth_writing,
    written,
)
from franking.stores.base import Store, StoreUnavailable

REMEMBERED_MS = 2_000
MOST_REMEMBERED = 1_000


class Keys:
    """The door to the keys of a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._rows = store.keys
        self._clock = clock
        self._seen: dict[str, tuple[Key, int]] = {}
        self._made = False
        self._none_made_until = 0
        self._last_uses: dict[str, int] = {}
        self._unwritten: dict[str, int] = {}
        self._writing: asyncio.Task[None] | None = None

    async def create(
        self, name: str, scopes: Sequence[Scope], per_minute: int | None
    ) -> tuple[Key, str]:
        """Make a key; what is kept of it, and its text, which nobody can read again."""
        id = self._clock.new_id()
        secret = written(id, self._clock.secret(SECRET_BYTES))
        key = Key(
            id=id,
            name=name,
            hash=hashed(Presented(id, secret.removeprefix(f"fk_{id}_"))),
            scopes=tuple(dict.fromkeys(scopes)),
            per_minute=per_minute,
            created_at=self._clock.now(),
        )
        await self._rows.add(key)
        self._made = True
        return key, secret

    async def newest(self) -> list[Key]:
        """The newest keys; the revoked ones come last."""
        return await self._rows.newest()

    async def revoke(self, id: str) -> bool:
        """Let a key open nothing from now on; false where there is none."""
        revoked = await self._rows.revoke(id, self._clock.now())
        self._seen.pop(id, None)
        return revoked

    async def find(self, id: str) -> Key | None:
        """The key as it was a moment ago at most, revoked or not."""
        now = self._clock.steady_ms()
        key, until = self._seen.get(id, (None, 0))
        return key if now < until else await self._read(id, now + REMEMBERED_MS)

    async def made(self) -> bool:
        """Was a key ever made?"""
        now = self._clock.steady_ms()
        if not self._made and now >= self._none_made_until:
            self._made = await self._rows.made()
            self._none_made_until = now + REMEMBERED_MS
        return self._made

    def used(self, key: Key) -> None:
        """Note that a key was used now; written down soon, once a minute at most."""
        now = self._clock.now()
        if not worth_writing(self._last_uses.get(key.id, key.last_used_at), now):
            return
        self._last_uses[key.id] = self._unwritten[key.id] = now
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_uses())

    async def _read(self, id: str, until: int) -> Key | None:
        key = await self._rows.find(id)
        if key is not None:
            if len(self._seen) >= MOST_REMEMBERED:
                self._seen.clear()
            self._seen[id] = key, until
        return key

    async def _write_uses(self) -> None:
        while self._unwritten:
            uses, self._unwritten = list(self._unwritten.items()), {}
            # A use that can't be written is worth no refusal: the next is noted in a minute.
            with suppress(StoreUnavailable):
                await self._rows.use(uses)
