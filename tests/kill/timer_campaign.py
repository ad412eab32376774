"""Kills in a row on one database of timers: some more, some retried, a kill, a restart, and again.

Half of the timers call the receiver, half make mails. A creation or a retry whose answer never
came is repeated after the restart where it had an Idempotency-Key; without one it may have been
done or not. Where a kill falls, and what is asked, is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any, NamedTuple

from eventually import eventually
from franking.clock import SystemClock
from kill.campaign import END_SECONDS, Strike, arm, struck
from kill.documents import Documents
from kill.installed import Installed
from kill.ledger import Ledger
from kill.sink import Sink
from kill.timer_calls import Calls, Death
from kill.timer_ledger import Asked, Retries, TimerLedger
from kill.timer_strikes import LATEST_KILL_SECONDS
from kill.webhooks import Receiver

LEASE_SECONDS = 2
# Between a webhook's tries.
WAITS_MS = (400, 600, 800, 1000)
PATIENCE_SECONDS = 4.0
# How many timers are due at once, and how many are asked for under a key.
AT_ONCE, KEYED = 0.5, 0.9
RETRIED_AT_ONCE = 6
MOST_RETRIES = 3

# How often each kind is drawn: what a receiver does with a call, what the sink does with a mail.
WEBHOOKS = {
    "quick": 50,
    "slow": 15,
    "late": 3,
    "cut": 6,
    "fickle": 8,
    "failing": 4,
    "gone": 6,
    "mended": 8,
}
MAILS = {"plain": 75, "dropped": 6, "unknown": 7, "mended": 12}


class Question(NamedTuple):
    """A request that is repeated under its key until it is answered, or asked once without one.

    `doubted` is a retry that must be answered with a question.
    """

    id: str
    path: str
    body: dict[str, Any]
    key: str | None
    doubted: bool = False


class TimerCampaign:
    """`strike` again and again, then `end`; what was broken is in `broken`."""

    def __init__(
        self, process: Installed, sink: Sink, receiver: Receiver, chance: random.Random
    ) -> None:
        self.asked: dict[str, Asked] = {}
        self.accepted: set[str] = set()
        self.retries: dict[str, Retries] = {}
        self.deaths: list[Death] = []
        self.missed: list[Strike] = []
        self.wrong: list[str] = []
        self._process = process
        self._sink = sink
        self._receiver = receiver
        self._chance = chance
        self._clock = SystemClock()
        self._documents = Documents()
        self._recipients: dict[str, str] = {}
        self._waiting: list[Question] = []
        self._failed: list[str] = []
        self._doubted: set[str] = set()
        self._put: set[str] = set()
        self._keys = 0

    async def strike(self, strike: Strike, count: int) -> None:
        """So many more timers, some retries, and a kill in the middle of it."""
        self._sink.disarm()
        await self._receiver.disarm()
        late = strike.disk.startswith("timer_renew")
        new = [self._timer("late" if late else None) for _ in range(count)]
        if await self._process.start(strike.spot):
            arm(strike, self._process, self._sink)
            if strike.call is not None:
                await self._receiver.trap(strike.call, strike.nth, self._process.pids)
            asking = asyncio.create_task(self._ask([*new, *self._some_retries()]))
            if not await struck(self._process, PATIENCE_SECONDS):
                self.missed.append(strike)
            self._look()
            await asking
        else:
            self._waiting += [question for question in new if question.key]
            self._look()

    async def end(self) -> TimerLedger:
        """Start once more and let everything end; then stop gracefully."""
        self._sink.disarm()
        await self._receiver.disarm()
        await self._process.start()
        while self._waiting:
            await self._ask([])
        await eventually(self._all_ended, END_SECONDS)
        code, words = await self._process.doctor()
        assert (code, "0 stuck" in words) == (0, True), words
        assert await self._process.stop() == 0, self._process.log[-2000:]
        return TimerLedger(self._process.database)

    def broken(self, ledger: TimerLedger, calls: Calls) -> list[str]:
        """Every promise that was not kept."""
        found = self.wrong + ledger.broken(self.asked, self.accepted, self.retries)
        found += calls.broken(ledger.rows, self.asked)
        mails = {a for id, a in self._recipients.items() if id in ledger.rows}
        found += Ledger(self._process.database).broken(set(), mails, self._sink)
        for recipient in set(self._recipients.values()) - mails:
            if self._sink.times(recipient):
                found.append(f"{recipient} got a mail of a timer that is not on disk")
        return found

    def calls(self, lease_ms: int = 0, clock_ms: int = 0) -> Calls:
        """What the receiver heard."""
        return Calls(self._receiver.calls(), self.deaths, WAITS_MS[0], lease_ms, clock_ms)

    def summary(self, ledger: TimerLedger, calls: Calls) -> str:
        """One line: what happened."""
        of = [row for row in ledger.rows.values() if row.transport == "http"]
        executed = sum(row.state == "executed" for row in ledger.rows.values())
        doubted = sum(mail.outcome == "unknown" for mail in ledger.mails.values())
        return (
            f"{len(self.deaths)} kills, {len(ledger.rows)} timers, {len(of)} of webhooks: "
            f"{executed} executed, {len(ledger.rows) - executed} failed, {doubted} of them in "
            f"doubt; called again {calls.by_kill} after a kill, {calls.by_rule} by rule, "
            f"{calls.by_retry} after a retry; {sum(self._sink.taken.values())} mails taken; "
            f"{sum(row.retry_count for row in ledger.rows.values())} retries; "
            f"{len(self.asked) - len(self.accepted)} not answered, "
            f"{len(self.asked) - len(ledger.rows)} of them not there; "
            f"{len(self.missed)} points were not reached and killed by time"
        )

    async def _all_ended(self) -> bool:
        assert self._process.running, self._process.log[-2000:]
        return not TimerLedger(self._process.database).unended

    def _look(self) -> None:
        """What the kill left behind."""
        ledger = TimerLedger(self._process.database)
        left = frozenset((r.id, r.attempt) for r in ledger.rows.values() if r.under_way)
        self.deaths.append(Death(self._clock.now(), left, self._process.crashed_at))
        self.wrong += [f"{id} waits in a lane that sleeps longer" for id in ledger.asleep]
        self._failed = [r.id for r in ledger.rows.values() if r.state == "failed"]
        self._doubted = {id for id, mail in ledger.mails.items() if mail.outcome == "unknown"}

    def _timer(self, answered: str | None) -> Question:
        """The next timer; every other one makes a mail, and most have a key."""
        number = len(self.asked)
        id = f"timer-{number}"
        at_once = self._chance.random() < AT_ONCE
        timeout = 1 if at_once else self._chance.randint(1, int(LATEST_KILL_SECONDS * 1500))
        transport = "mail" if number % 2 else "http"
        kind = self._drawn(MAILS) if transport == "mail" else answered or self._drawn(WEBHOOKS)
        self.asked[id] = Asked(id, transport, kind, self._clock.now() + timeout)
        if transport == "mail":
            data = self._documents.one(kind)
            [self._recipients[id]] = data["to"]
            callback = {"transport": "mail", "method": "post", "uri": ""}
        else:
            data = {"number": number}
            method = "put" if kind == "cut" else "post"
            callback = {"transport": "http", "method": method, "uri": self._receiver.url(kind, id)}
        body = {"timeout": timeout, "data": data, "callback": callback}
        keyed = self._chance.random() < KEYED
        return Question(id, "/timer", body, self._key() if keyed else None)

    def _some_retries(self) -> list[Question]:
        """Of what has failed some is retried, one in three times twice at the same moment."""
        waiting = {question.id for question in self._waiting}
        known = [
            id for id in self._failed if self._retries(id) < MOST_RETRIES and id not in waiting
        ]
        found = []
        for id in self._chance.sample(known, min(RETRIED_AT_ONCE, len(known))):
            path = f"/timer/{id}/retry"
            if id not in self._doubted:
                keys = self._chance.choice([(self._key(),), (None,), (None, None)])
                found += [Question(id, path, {}, key) for key in keys]
            elif id not in self._put:
                # Asked a second time it would be sent again.
                self._put.add(id)
                found.append(Question(id, path, {}, None, doubted=True))
        return found

    def _retries(self, id: str) -> int:
        return sum(self.retries.get(id, Retries()))

    async def _ask(self, more: list[Question]) -> None:
        """Ask what is new and what has no answer yet, all at once."""
        questions, self._waiting = [*self._waiting, *more], []
        await asyncio.gather(*(self._question(question) for question in questions))

    async def _question(self, asked: Question) -> None:
        answer = await self._process.ask(
            "POST", asked.path, asked.body, asked.key, timer_id=asked.id
        )
        creates = asked.path == "/timer"
        if answer is None:
            if asked.key:
                self._waiting.append(asked)
            elif not creates:
                self._remember(asked.id, perhaps=1)
            return
        if creates and answer.status_code == 201:
            self.accepted.add(asked.id)
        elif not creates and answer.status_code == 200:
            self._remember(asked.id, done=1)
            if asked.doubted:
                self.wrong.append(f"{asked.id} is in doubt and was retried without a question")
        elif creates or answer.status_code != 400:
            self.wrong.append(f"{asked.id} was answered {answer.status_code}: {answer.text}")

    def _remember(self, id: str, done: int = 0, perhaps: int = 0) -> None:
        before = self.retries.get(id, Retries())
        self.retries[id] = Retries(before.done + done, before.perhaps + perhaps)

    def _drawn(self, kinds: dict[str, int]) -> str:
        [kind] = self._chance.choices(list(kinds), list(kinds.values()))
        return kind

    def _key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"
