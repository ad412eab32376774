"""Accounts in a database: the scripts behind what a store promises of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from franking.core import prediction
from franking.core.account import DAY_MS, SLOT_MS, Account, AccountState, Limits, Usage
from franking.core.prediction import Expectation
from franking.core.sender import Sender, Settled, Shown
from franking.stores import governor
from franking.stores.account_store import MOST_AHEAD, MOST_WAITING, Set, Stand
from franking.stores.queries import Db
from franking.stores.rows import text

Run = Callable[[Callable[[Db], Any]], Awaitable[Any]]

_shown = msgspec.json.Decoder(Shown)
_page = msgspec.json.Decoder(list[Shown])
_accounts = msgspec.json.Decoder(list[tuple[Account, list[Usage]]])
_sender = msgspec.json.Decoder(Sender)
_limits = msgspec.json.Decoder(Limits)
_names = msgspec.json.Decoder(list[str])
_headers = msgspec.json.Decoder(list[tuple[str, int]])


class AccountRows:
    """`franking.stores.account_store.AccountStore` by scripts that run in one transaction."""

    def __init__(self, write: Run, read: Run) -> None:
        self._write = write
        self._read = read

    async def save(self, id: str, decide: Set, now: int) -> bool:
        return bool(await self._write(lambda db: _save(db, id, decide, now)))

    async def forget(self, id: str) -> bool:
        return bool(await self._write(lambda db: db.run("forget_account", id=id) > 0))

    async def stand(self, id: str, decide: Stand, now: int) -> None:
        await self._write(lambda db: _stand(db, id, decide, now))

    async def settings(self, id: str) -> Settled | None:
        found: Settled | None = await self._read(lambda db: _settings(db, id))
        return found

    async def show(self, id: str, now: int) -> Shown | None:
        values = {"id": id, "since": _since(now), "most": MOST_WAITING}
        row = await self._read(lambda db: db.value("show_account", **values))
        return None if row is None else _shown.decode(row)

    async def page(self, after: str, limit: int, now: int) -> list[Shown]:
        values = {"after": after, "since": _since(now), "most": MOST_WAITING, "limit": limit}
        return _page.decode(await self._read(lambda db: db.value("show_accounts", **values)))

    async def expected(
        self, account: str, priority: int, due_at: int, now: int
    ) -> Expectation | None:
        turn = {"account": account, "priority": priority, "due_at": due_at}
        found: Expectation | None = await self._read(lambda db: _expected(db, turn, now))
        return found

    async def secret_headers(self) -> list[tuple[bytes, int]]:
        row = await self._read(lambda db: db.value("secret_headers"))
        return [(bytes.fromhex(header), count) for header, count in _headers.decode(row)]

    async def sealed_otherwise(self, header: bytes, limit: int) -> list[str]:
        values = {"header": header, "limit": limit}
        row = await self._read(lambda db: db.value("sealed_otherwise", **values))
        return _names.decode(row)

    async def reseal(self, id: str, old: bytes, new: bytes) -> bool:
        values = {"id": id, "old": old, "new": new}
        return bool(await self._write(lambda db: db.run("reseal_account", **values) > 0))


def _save(db: Db, id: str, decide: Set, now: int) -> bool:
    _lock(db, id)
    before = _settings(db, id)
    after = decide(before or Settled(0))
    db.run(
        "save_account",
        id=id,
        settings=text(after.sender),
        limits=text(after.limits),
        secret=after.secret,
        now=now,
    )
    # Other limits may let it send sooner.
    _stand(db, id, lambda account: account, now)
    return before is None or before.sender is None


def _stand(db: Db, id: str, decide: Stand, now: int) -> None:
    db.run("know_account", id=id)
    _lock(db, id)
    [(account, _)] = _governed(db, id, now)
    governor.write(db, decide(account))


def _lock(db: Db, id: str) -> None:
    """Let nobody else write it until the transaction ends, so that what is read stays."""
    db.value("lock_account", id=id)


def _settings(db: Db, id: str) -> Settled | None:
    row = db.row("account_secret", id=id)
    if row is None:
        return None
    secret, version, settings, limits = row
    return Settled(
        version=version,
        sender=_sender.decode(settings) if settings is not None else None,
        limits=_limits.decode(limits) if limits is not None else None,
        secret=bytes(secret) if secret is not None else None,
    )


def _expected(db: Db, turn: dict[str, Any], now: int) -> Expectation | None:
    [(account, usage)] = _governed(db, turn["account"], now) or [(Account(turn["account"]), [])]
    ahead = 0
    if account.limits is not None and account.state is AccountState.OK:
        ahead = db.value("ahead", **turn, limit=MOST_AHEAD)
    if ahead >= MOST_AHEAD:
        return None
    return prediction.expected(account, usage, ahead, turn["due_at"], now)


def _governed(db: Db, id: str, now: int) -> list[tuple[Account, list[Usage]]]:
    return _accounts.decode(db.value("read_accounts", ids=text([id]), since=_since(now)))


def _since(now: int) -> int:
    """Slots from here on count for a rolling day."""
    return now - DAY_MS - SLOT_MS
