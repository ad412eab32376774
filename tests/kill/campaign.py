"""Kills in a row on one database: 20 more mails, a kill, a restart, and 20 more.

A submission whose answer never came is repeated with its Idempotency-Key after the restart, so
that every document is in the store once. Where a kill falls is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from eventually import eventually
from kill.documents import Documents, seconds_ahead
from kill.installed import Installed
from kill.ledger import Ledger
from kill.receiver import CallPoint
from kill.session import Point
from kill.sink import Sink

BATCHES = 4
PATIENCE_SECONDS = 6.0
END_SECONDS = 60.0
LATEST_KILL_SECONDS = 0.6
# Longer than the part of a lease after which it is renewed.
SLOW_ANSWER_SECONDS = 1.7
LIMITED_SECONDS = 4.0

# Around each durable write; a sweep comes last, for it needs a worker that died before.
WRITES = ("submit", "claim", "transmitting", "renew", "settle", "remainder", "change", "sweep")
DISK = tuple(f"{kind}:{when}" for kind in WRITES for when in ("before", "after"))


class Strike(NamedTuple):
    """One blow: at the `nth` passing of a point on disk, on the wire or in a call to a webhook,
    or `seconds` after. `act` is what is done there (`spots`)."""

    disk: str = ""
    wire: Point | None = None
    nth: int = 1
    seconds: float = 0.0
    call: CallPoint | None = None
    act: str = "kill"

    @property
    def spot(self) -> str:
        return f"{self.disk}:{self.nth}:{self.act}" if self.disk else ""


def every_point() -> list[Strike]:
    """A kill at each step of the way: around each durable write, at each step on the wire."""
    return [*(Strike(disk=point) for point in DISK), *(Strike(wire=point) for point in Point)]


def by_chance(chance: random.Random) -> Iterator[Strike]:
    """Kills for ever: a third by time, a third around a durable write, a third on the wire."""
    often = tuple(point for point in DISK if not point.startswith("renew"))
    while True:
        how = chance.randrange(3)
        if how == 0:
            yield Strike(seconds=chance.uniform(0.0, LATEST_KILL_SECONDS))
        elif how == 1:
            point = chance.choice(often)
            most = 2 if point.startswith(("sweep", "change", "remainder")) else 6
            yield Strike(disk=point, nth=chance.randint(1, most))
        else:
            yield Strike(wire=chance.choice(list(Point)), nth=chance.randint(1, 15))


def arm(strike: Strike, process: Installed, sink: Sink) -> None:
    """Have the process killed on the wire or after a time, if that is where the strike falls."""
    if strike.wire is not None:
        sink.trap(strike.wire, strike.nth, lambda: process.strike(strike.act, sink.speaker))
    if strike.seconds:
        asyncio.get_running_loop().call_later(strike.seconds, process.strike, strike.act)


async def struck(process: Installed, seconds: float) -> bool:
    """Until it was killed; false where it had to be killed by time."""
    try:
        await process.gone(seconds * process.patience)
    except TimeoutError:
        await process.kill()
        return False
    return True


class Submission(NamedTuple):
    key: str
    documents: list[dict[str, Any]]


class Campaign:
    """`strike` again and again, then `end`; what was broken is in `broken`."""

    def __init__(
        self, process: Installed, sink: Sink, chance: random.Random, batches: int = BATCHES
    ) -> None:
        self.kills = 0
        self.missed: list[Strike] = []
        self.accepted: set[str] = set()
        self._process = process
        self._sink = sink
        self._chance = chance
        self._documents = Documents()
        self._waiting: list[Submission] = []
        self._keys = 0
        self._batches = batches

    async def prepare(self) -> None:
        """Two mailboxes beside the first one: a limit of theirs holds up nobody else."""
        await self._process.start()
        for name in ("rep", "another"):
            await self._process.set_account(name)
        await self._process.kill()

    async def strike(self, strike: Strike) -> None:
        """Some more mails, five in a batch, and a kill in the middle of them."""
        self._sink.disarm()
        if strike.disk.startswith("renew"):
            self._sink.delay_seconds = SLOW_ANSWER_SECONDS
        self._waiting += [self._submission() for _ in range(self._batches)]
        if await self._process.start(strike.spot):
            arm(strike, self._process, self._sink)
            submitting = asyncio.create_task(self._submit())
            if not await struck(self._process, PATIENCE_SECONDS):
                self.missed.append(strike)
            await submitting
        self.kills += 1

    async def end(self) -> Ledger:
        """Start once more and let everything end; then stop gracefully."""
        self._sink.disarm()
        await self._process.start()
        while self._waiting:
            await self._submit()
        ledger = await eventually(self._all_ended, END_SECONDS)
        code, words = await self._process.doctor()
        assert (code, "0 stuck" in words) == (0, True), words
        return ledger

    def broken(self, ledger: Ledger) -> list[str]:
        """Every promise that was not kept."""
        return ledger.broken(self.accepted, self._documents.recipients, self._sink)

    def summary(self, ledger: Ledger) -> str:
        """One line: what happened."""
        again = sum(self._sink.times(a) > 1 for a in self._documents.recipients)
        unknown = sum(row.outcome == "unknown" for row in ledger.rows)
        sent = sum(row.state == "SUCCESS" for row in ledger.rows)
        failed = sum(row.state == "ERROR" and row.outcome == "not_sent" for row in ledger.rows)
        return (
            f"{self.kills} kills, {len(self._documents.recipients)} recipients, "
            f"{len(ledger.rows)} mails: {sent} sent, {unknown} unknown, {failed} not sent; "
            f"{sum(self._sink.taken.values())} taken, {again} more than once (resend); "
            f"{len(self.missed)} points were not reached and killed by time"
        )

    async def _all_ended(self) -> Ledger | None:
        assert self._process.running, self._process.log[-2000:]
        ledger = Ledger(self._process.database)
        return None if ledger.unended else ledger

    def _submission(self) -> Submission:
        self._keys += 1
        make = self._documents.one
        documents = [
            make(),
            make("plain", "later"),
            make(onUnknown="resend"),
            make("plain", "later", onUnknown="resend"),
            self._odd_one(self._keys % BATCHES),
        ]
        return Submission(f"key-{self._keys}", documents)

    def _odd_one(self, number: int) -> dict[str, Any]:
        """One of each four submissions has a document with a trouble of its own."""
        if number == 1:
            return self._documents.one("dropped", onUnknown="resend")
        if number == 2:
            before = seconds_ahead(LIMITED_SECONDS)
            return self._documents.one("limited", account="rep", sendBefore=before)
        if number == 3:
            return self._documents.one("dropped", "plain")
        return self._documents.one(account="another")

    async def _submit(self) -> None:
        """Hand in what has no answer yet, all at once; then edit one of them."""
        asked, self._waiting = self._waiting, []
        await asyncio.gather(*(self._hand_in(submission) for submission in asked))
        if self.accepted:
            id = self._chance.choice(sorted(self.accepted)[-20:])
            await self._process.ask("PATCH", f"/v1/mail/{id}", {"priority": self._keys % 3 - 1})

    async def _hand_in(self, given: Submission) -> None:
        answer = await self._process.ask("POST", "/v1/mail/batch", given.documents, given.key)
        if answer is None:
            self._waiting.append(given)
            return
        assert answer.status_code == 200, answer.text
        entries = answer.json()
        assert [entry["status"] for entry in entries] == [201] * len(entries), answer.text
        self.accepted.update(entry["id"] for entry in entries)
