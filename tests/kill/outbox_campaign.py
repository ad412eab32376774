"""Kills in a row on one database of touchpoints: some more, some retried or completed, a kill.

What has no answer is asked again after the restart. A retry or a completion may have been done all
the same, so that a repeat is refused; a creation is repeated under its own id.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psycopg

from eventually import eventually
from kill.cadence_ledger import CadenceLedger
from kill.campaign import END_SECONDS, Strike, arm, struck
from kill.documents import Documents, seconds_ahead
from kill.installed import Installed
from kill.sink import Sink

CLAIM_MS = 1_500
PATIENCE_SECONDS = 1.8
LIMITED_SECONDS = 3.0
AHEAD_SECONDS = 0.4
ASKED_AGAIN_AT_ONCE = 6
# What the sink does with a mail, and how often each is drawn.
KINDS = {"plain": 50, "unknown": 20, "mended": 15, "limited": 5, "dropped": 5}
TOUCHPOINTS = "/cadence/touchpoints"


class OutboxCampaign:
    """`strike` again and again, then `end`; what was broken is in `broken`."""

    def __init__(self, process: Installed, sink: Sink, chance: random.Random) -> None:
        self.accepted: set[str] = set()
        self.missed: list[Strike] = []
        self.wrong: list[str] = []
        self.kills = 0
        self._process = process
        self._sink = sink
        self._chance = chance
        self._documents = Documents()
        self._wanted: dict[str, dict[str, Any]] = {}
        self._recipients: dict[str, list[str]] = {}
        self._completed: set[str] = set()

    async def prepare(self) -> None:
        """A mailbox beside the first one: its limit holds up nobody else."""
        await self._process.start()
        await self._process.set_account("rep")
        await self._process.kill()

    async def strike(self, strike: Strike, count: int) -> None:
        """So many more touchpoints, some retries and completions, and a kill in the middle."""
        self._sink.disarm()
        for _ in range(count):
            self._think_of_one()
        if await self._process.start(strike.spot):
            arm(strike, self._process, self._sink)
            asking = asyncio.create_task(self._ask())
            if not await struck(self._process, PATIENCE_SECONDS):
                self.missed.append(strike)
            await asking
        self.kills += 1

    async def end(self) -> CadenceLedger:
        """Start once more and let everything end, be told, and be finished."""
        self._sink.disarm()
        await self._process.start()
        await eventually(self._all_asked, END_SECONDS)
        try:
            await eventually(self._quiet, END_SECONDS)
        except AssertionError:
            left = CadenceLedger(self._process.database).restless
            raise AssertionError(f"{left}: {await self._process.doctor()}") from None
        code, words = await self._process.doctor()
        assert code == 0, words
        assert "0 stuck" in words, words
        return CadenceLedger(self._process.database)

    def broken(self, ledger: CadenceLedger) -> list[str]:
        """Every promise that was not kept."""
        found = self.wrong + ledger.broken(self.accepted)
        for id, recipients in self._recipients.items():
            times = sum(self._sink.times(address) for address in recipients)
            sent = id in ledger.rows and ledger.rows[id].status == "Sent"
            # After an unknown outcome a second press sends it anyway, as a person asked.
            if times > 1 + ledger.doubts.get(id, 0) or (sent and not times):
                found.append(f"{id} was sent {times} times")
        return found

    def summary(self, ledger: CadenceLedger) -> str:
        """One line: what happened."""
        statuses = [row.status for row in ledger.rows.values()]
        again = sum(mail.retry_count or 0 for mails in ledger.mails.values() for mail in mails)
        anew = sum(max(len(mails) - 1, 0) for mails in ledger.mails.values())
        return (
            f"{self.kills} kills, {len(ledger.rows)} touchpoints, "
            f"{statuses.count('Sent')} Sent, {statuses.count('Error')} Error; "
            f"{sum(map(len, ledger.events.values()))} events, "
            f"{sum(map(len, ledger.children.values()))} conquer errors; "
            f"{again} retries, {anew} completed again; "
            f"{len(self.missed)} points were not reached and killed by time"
        )

    def _think_of_one(self) -> None:
        """The next touchpoint; every other one is manual."""
        id = f"touchpoint-{len(self._wanted)}"
        self._recipients[id] = []
        body: dict[str, Any] = {"id": id, "cadenceMemberId": "member", "type": "manual"}
        if len(self._wanted) % 2:
            ahead = self._chance.uniform(0, AHEAD_SECONDS)
            body |= {"type": "automated", "dueAt": seconds_ahead(ahead), "mail": self._mail(id)}
        self._wanted[id] = body

    def _mail(self, id: str) -> dict[str, Any]:
        [kind] = self._chance.choices(list(KINDS), list(KINDS.values()))
        options: dict[str, Any] = {}
        if kind == "limited":
            options = {"account": "rep", "sendBefore": seconds_ahead(LIMITED_SECONDS)}
        document = self._documents.one(kind, **options)
        self._recipients[id] += document["to"]
        return document

    async def _ask(self) -> None:
        """Create what is not there, and press buttons of what has failed, all at once."""
        ledger = await eventually(self._seen)
        new = [body for id, body in self._wanted.items() if id not in self.accepted]
        await asyncio.gather(
            *(self._create(body) for body in new),
            *(self._retry(id) for id in self._some(ledger.failed("automated"))),
            *(self._complete(id) for id in self._some(ledger.failed("manual"))),
            *(self._complete(id) for id in self._untouched()),
        )

    async def _seen(self) -> CadenceLedger | None:
        """What is on disk; None while the database is away."""
        try:
            return CadenceLedger(self._process.database)
        except psycopg.OperationalError:
            return None

    def _some(self, ids: list[str]) -> list[str]:
        """Some of them, one in three pressed twice at the same moment."""
        chosen = self._chance.sample(ids, min(ASKED_AGAIN_AT_ONCE, len(ids)))
        return [id for id in chosen for _ in range(1 + (self._chance.random() < 1 / 3))]

    def _untouched(self) -> list[str]:
        """Manual ones that nobody has completed for sure."""
        manual = {id for id in self.accepted if self._wanted[id]["type"] == "manual"}
        return sorted(manual - self._completed)

    async def _create(self, body: dict[str, Any]) -> None:
        answer = await self._process.ask("POST", TOUCHPOINTS, body)
        if answer is None or answer.status_code == 503:
            return
        if answer.status_code not in (201, 409):
            self.wrong.append(f"{body['id']} was answered {answer.status_code}: {answer.text}")
        self.accepted.add(body["id"])
        if body["type"] == "manual":
            await self._complete(body["id"])

    async def _complete(self, id: str) -> None:
        answer = await self._press(id, "complete", {"mail": self._mail(id)}, 202)
        if answer is not None and (answer == 202 or id in self._completed):
            self._completed.add(id)

    async def _retry(self, id: str) -> None:
        mended = {"to": self._documents.one()["to"]}
        body = {"mail": mended} if self._chance.random() < 0.5 else {}
        if body:
            self._recipients[id] += mended["to"]
        await self._press(id, "retry", body, 200)

    async def _press(self, id: str, call: str, body: Any, done: int) -> int | None:
        """Its answer; a refusal in words is one, for it may have been pressed before."""
        answer = await self._process.ask("POST", f"{TOUCHPOINTS}/{id}/{call}", body)
        if answer is None:
            return None
        if answer.status_code not in (done, 400, 502, 503):
            self.wrong.append(f"{id}, {call}: {answer.status_code}, {answer.text}")
        return answer.status_code

    async def _all_asked(self) -> bool:
        """Everything is there, and every manual one was completed."""
        for id, body in self._wanted.items():
            if id not in self.accepted:
                await self._create(body)
        mails = CadenceLedger(self._process.database).mails
        self._completed |= {id for id, found in mails.items() if found}
        for id in self._untouched():
            await self._complete(id)
        return self.accepted == self._wanted.keys() and not self._untouched()

    async def _quiet(self) -> bool:
        assert self._process.running, self._process.log[-2000:]
        return not CadenceLedger(self._process.database).restless
