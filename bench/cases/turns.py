"""In its own process: an engine drains accounts, some of which meet their sending limit.

The transport is in this process and answers at once, so that what is seen is who goes when.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from bench.cases import child
from bench.cases.documents import SENDER, short
from franking.clock import SystemClock
from franking.compose.envelope import Envelope, Form
from franking.core.fault import Failure
from franking.engine.loop import PLACES_FOR_EACH_CONNECTION, Engine, EngineSettings
from franking.office import Office
from franking.stores.sqlite import SqliteStore
from franking.transports.base import Answer, Gate, Receipt, Rejected, Withheld

CONNECTIONS = 64
PLACES = CONNECTIONS * PLACES_FOR_EACH_CONNECTION
LARGE = "large"
NEWCOMERS = 10
BETWEEN_SECONDS = 0.2
STALL_SECONDS = 600

_WORDS = "550 5.4.5 Daily user sending limit exceeded."
_LIMIT = Failure(
    step="rcpt",
    text=_WORDS,
    error=f"Error: Can't send mail - all recipients were rejected: {_WORDS}",
    reply_code=550,
    enhanced="5.4.5",
)
_WAITS = """
SELECT a.ended_at - :began FROM attempt a JOIN mail m ON m.id = a.mail
WHERE a.outcome = 'sent' AND m.account LIKE :whose ORDER BY 1
"""
_REFUSED = """
SELECT coalesce(max(1.0 * refused / max(pauses, 1)), 0) FROM (
    SELECT m.account, count(*) AS refused FROM attempt a JOIN mail m ON m.id = a.mail
    WHERE a.category = 'send_limit' GROUP BY m.account
) r JOIN account ON account.id = r.account
"""


async def turns(path: str, others: int | None, limited: bool) -> dict[str, Any]:
    """Drain until so many mails of the others went; without them, newcomers beside the large."""
    store, clock = SqliteStore(Path(path)), SystemClock()
    await store.open()
    routes = _Routes(others or NEWCOMERS, limited)
    settings = EngineSettings(default_from=SENDER, connections=CONNECTIONS)
    engine = Engine(store, routes, clock, settings)
    began = clock.now()
    engine.start()
    if others is None:
        await _newcomers(Office(store, clock, engine.wake))
    await asyncio.wait_for(routes.others.done.wait(), STALL_SECONDS)
    await engine.stop(10)
    await store.close()
    if others is None:
        return {"longest_ms": _longest_ms(path)}
    return _figures(path, began)


class _Routes:
    """Everybody's way goes through one of two transports."""

    def __init__(self, others: int, limited: bool) -> None:
        self.others = _Taking(others)
        self.marked = _Refusing() if limited else _Taking(-1)

    async def route(self, account: str) -> _Taking:
        return self.others if account.startswith("account") else self.marked


class _Taking:
    """Takes every mail; `done` once so many were."""

    wants: Form = "mime"

    def __init__(self, count: int) -> None:
        self.done = asyncio.Event()
        self._left = count

    async def send(self, envelope: Envelope, gate: Gate) -> Answer:
        if not gate.begins() or not await gate.transmitting() or not gate.held():
            return Withheld()
        self._left -= 1
        if self._left == 0:
            self.done.set()
        return Receipt(envelope.recipients, (), "250 2.0.0 Ok")

    async def close(self) -> None:
        """Nothing is kept."""


class _Refusing(_Taking):
    """Says of every mail that its sender's limit is reached."""

    def __init__(self) -> None:
        super().__init__(-1)

    async def send(self, envelope: Envelope, gate: Gate) -> Answer:
        if not gate.begins():
            return Withheld()
        # The reply to RCPT comes a turn later, so that others are past MAIL by then.
        await asyncio.sleep(0)
        return Rejected(_LIMIT)


async def _newcomers(office: Office) -> None:
    """One mail each, one after the other, while the large account's go."""
    for number in range(NEWCOMERS):
        await asyncio.sleep(BETWEEN_SECONDS)
        await office.submit([{**short(number), "account": f"account-{number}"}])


def _figures(path: str, began: int) -> dict[str, Any]:
    connection = sqlite3.connect(path)
    waits = [ms for (ms,) in connection.execute(_WAITS, {"began": began, "whose": "account-%"})]
    [refused] = connection.execute(_REFUSED).fetchone()
    sent = len(connection.execute(_WAITS, {"began": began, "whose": "limited-%"}).fetchall())
    connection.close()
    return {"p99_ms": waits[len(waits) * 99 // 100], "refused": refused, "sent": sent}


def _longest_ms(path: str) -> int:
    """From submitted to settled."""
    connection = sqlite3.connect(path)
    query = "SELECT max(a.ended_at - m.created_at) FROM attempt a JOIN mail m ON m.id = a.mail"
    [longest] = connection.execute(f"{query} WHERE m.account LIKE 'account-%'").fetchone()
    connection.close()
    return int(longest)


if __name__ == "__main__":
    child.answer(turns)
