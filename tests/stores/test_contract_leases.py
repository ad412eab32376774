"""Leases in many orders: workers and a sweeper on a real store, against a model of it.

The model is what the core says of each mail, and after every step the store must say the same.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from franking.core import endings, proof, requests
from franking.core.attempt import Settlement
from franking.core.delivery import WAITING, Delivery, Outcome, Stage, State
from franking.core.machine import Refused
from franking.stores.base import Change, Claimed, Mail, Stored

from .contract import MEMORY, YARDS
from .mails import BOUNDS, HOUR, LEASE_MS, NOW, ended, mail

MAILS = ("m1", "m2", "m3")
RESENT = "m2"
ORDERS = settings(max_examples=30, stateful_step_count=40, deadline=None, derandomize=True)
# Each costs a database there.
FEWER = settings(ORDERS, max_examples=12)
HOWS = st.sampled_from(["sent", "failed", "deferred", "doubted", "returned"])


class Leases(RuleBasedStateMachine):
    """`model` has each mail's delivery by its id; attempts are known by (seq, epoch)."""

    database = "sqlite"
    holds: Bundle[Claimed] = Bundle("holds")
    ends: Bundle[Settlement] = Bundle("ends")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.epoch = 0
        self.model: dict[str, Delivery] = {}
        self.seqs: dict[str, int] = {}
        self.rounds: dict[str, int] = {}
        self.rows: dict[tuple[int, int], str] = {}  # who wrote each attempt: worker or sweeper
        self.doubts: set[tuple[int, int]] = set()
        self.dots: dict[str, set[int]] = {}  # epochs of this round that may have gone out
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.runner = asyncio.Runner()
        self.store = YARDS[self.database](Path(self.folder.name)).store()
        self.runner.run(self.store.open())

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        for id in MAILS:
            self.submit(id)

    def submit(self, id: str) -> None:
        new = mail(id, due_at=self.now, on_unknown="resend" if id == RESENT else "ask")
        [found] = self.runner.run(self.store.submit([new]))  # type: ignore[misc]
        assert isinstance(found, Mail)
        self.model[id], self.seqs[id] = new.delivery, found.seq
        self.rounds[id], self.dots[id] = self.rounds.get(id, 0) + 1, set()

    @rule(ms=st.sampled_from([1, LEASE_MS // 2, LEASE_MS, HOUR]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule(target=holds, limit=st.integers(1, 3))
    def claim(self, limit: int) -> Any:
        able = {id for id in MAILS if self.due(id) and self.model[id].releases < 3}
        found = self.runner.run(self.store.claim(self.now, limit, LEASE_MS))
        assert {c.mail.id for c in found} <= able
        assert len(found) == min(limit, len(able))
        return self.leased(found)

    @rule(target=holds)
    def claim_alone(self) -> Any:
        able = [id for id in MAILS if self.due(id) and self.model[id].releases >= 3]
        found = self.runner.run(self.store.claim_alone(self.now, LEASE_MS))
        assert (found is not None) is bool(able)
        return self.leased([found] if found is not None else [])

    def due(self, id: str) -> bool:
        return self.model[id].state in WAITING and self.model[id].due_at <= self.now

    def leased(self, found: list[Claimed]) -> Any:
        epochs = [c.lease.epoch for c in found]
        assert len(set(epochs)) == len(epochs)
        assert all(epoch > self.epoch for epoch in epochs)
        self.epoch = max([self.epoch, *epochs])
        for c in found:
            self.model[c.mail.id] = replace(
                self.model[c.mail.id],
                state=State.PROCESSING,
                epoch=c.lease.epoch,
                stage=Stage.CLAIMED,
                returns_to=self.model[c.mail.id].state,
                lease_expires_at=self.now + LEASE_MS,
                waiting_for=None,
            )
        return multiple(*found)

    def held(self, hold: Claimed) -> bool:
        now = self.model[hold.mail.id]
        return now.state is State.PROCESSING and now.epoch == hold.lease.epoch

    @rule(hold=holds)
    def transmitting(self, hold: Claimed) -> None:
        id, epoch = hold.mail.id, hold.lease.epoch
        may = self.held(hold) and (self.model[id].lease_expires_at or 0) > self.now
        assert self.runner.run(self.store.transmitting([hold.lease], self.now)) == [may]
        if may:
            self.model[id] = replace(self.model[id], stage=Stage.TRANSMITTING)
            # The promise: asked to ask, no second dot while a first one may have gone out.
            assert id == RESENT or self.dots[id] <= {epoch}
            self.dots[id].add(epoch)

    @rule(hold=holds)
    def renew(self, hold: Claimed) -> None:
        end = self.now + LEASE_MS
        assert self.runner.run(self.store.renew([hold.lease], end)) == [self.held(hold)]
        if self.held(hold):
            self.model[hold.mail.id] = replace(self.model[hold.mail.id], lease_expires_at=end)

    @rule(target=ends, hold=consumes(holds), how=HOWS)
    def settle(self, hold: Claimed, how: str) -> Settlement:
        id, epoch = hold.mail.id, hold.lease.epoch
        begun = epoch in self.dots[id]
        if not begun and how in ("sent", "doubted"):
            how = "returned"
        end = ended(hold, how, self.now)
        if begun:
            end = replace(end, attempt=replace(end.attempt, stage=Stage.TRANSMITTING))
        held = self.held(hold)
        assert self.runner.run(self.store.settle([end])) == [held]
        if how not in ("sent", "doubted"):
            self.dots[id].discard(epoch)
        if held:
            self.model[id] = replace(end.delivery, epoch=epoch)
            self.record(hold.lease.seq, epoch, "w1", end.attempt.outcome)
        elif self.seqs[id] == hold.lease.seq:
            self.prove(end)
        return end

    def record(self, seq: int, epoch: int, who: str, outcome: Outcome) -> None:
        self.rows.setdefault((seq, epoch), who)
        if outcome is Outcome.UNKNOWN:
            self.doubts.add((seq, epoch))
        else:
            self.doubts.discard((seq, epoch))

    def prove(self, end: Settlement) -> None:
        """What a lost lease's answer does by the rows for late proof."""
        key, id, attempt = (end.lease.seq, end.lease.epoch), end.attempt.mail, end.attempt
        others = {doubt for doubt in self.doubts if doubt[0] == key[0]} - {key}
        self.record(*key, "w1", attempt.outcome)
        now = self.model[id]
        try:
            if attempt.outcome is Outcome.SENT:
                self.model[id] = proof.proved_sent(now, end.delivery.info, self.now)
            elif attempt.outcome is Outcome.NOT_SENT:
                late = end.delivery
                self.model[id] = proof.proved_unsent(now, attempt.event, late, not others, self.now)
        except Refused:
            return

    @rule(end=ends)
    def settle_again(self, end: Settlement) -> None:
        here = self.seqs[end.attempt.mail] == end.lease.seq
        own = self.rows.get((end.lease.seq, end.lease.epoch)) == "w1"
        assert self.runner.run(self.store.settle([end])) == [here and own]

    @rule()
    def sweep(self) -> None:
        def lapse(found: Mail) -> Settlement:
            assert found.delivery == self.model[found.id]
            return ended(found, "lapsed", self.now, worker="sweeper")

        lost = [id for id in MAILS if self.lapsed(id)]
        assert self.runner.run(self.store.sweep(self.now, 10, lapse)) == len(lost)
        for id in lost:
            before, resend = self.model[id], id == RESENT
            event, self.model[id] = endings.lapsed(before, resend, self.now, 0.5, BOUNDS)
            unknown = Outcome.UNKNOWN if event == "expired" else Outcome.NOT_SENT
            self.record(self.seqs[id], before.epoch, "sweeper", unknown)

    def lapsed(self, id: str) -> bool:
        return (self.model[id].lease_expires_at or self.now + 1) <= self.now

    @rule(id=st.sampled_from(MAILS))
    def a_person_retries(self, id: str) -> None:
        def decide(found: Stored | None) -> Change:
            assert found is not None
            return Change(delivery=requests.retried(found.mail.delivery, self.now, None))

        [answer] = self.runner.run(self.store.change([id], decide))  # type: ignore[misc]
        try:
            self.model[id] = requests.retried(self.model[id], self.now, None)
            self.rounds[id], self.dots[id] = self.rounds[id] + 1, set()
        except Refused:
            assert isinstance(answer, Refused)

    @rule(id=st.sampled_from(MAILS))
    def a_person_writes_it_anew(self, id: str) -> None:
        [answer] = self.runner.run(self.store.change([id], lambda _: Change(delete=True)))  # type: ignore[misc]
        assert isinstance(answer, Refused) is (self.model[id].state is State.PROCESSING)
        if answer is None:
            self.submit(id)

    @invariant()
    def the_store_says_what_the_core_says(self) -> None:
        for id, delivery in self.model.items():
            found = self.runner.run(self.store.read(id))
            assert found is not None
            assert found.mail.delivery == delivery

    @invariant()
    def nothing_is_told_as_sent_twice_in_a_round(self) -> None:
        events = self.runner.run(self.store.events(0, 1000))
        for id in MAILS:
            told = [e for e in events if e.mail == id and e.kind == "email_Sent"]
            assert len(told) <= self.rounds[id]

    @invariant()
    def nothing_is_stuck(self) -> None:
        assert self.runner.run(self.store.counts(self.now, 30 * 24 * HOUR)).stuck == []


@pytest.mark.parametrize("database", sorted(YARDS))
def test_leases_in_many_orders(database: str) -> None:
    machine = type("LeasesOf", (Leases,), {"database": database})
    run_state_machine_as_test(machine, settings=ORDERS if database == "sqlite" else FEWER)
