"""The queue of webhooks in all orders: nothing lost, nothing twice, order kept for each mail."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from franking.core.delivery import State
from franking.core.lifecycle import FROM_SCRATCH, Told, begun
from franking.core.webhook import HookReport, Webhook
from franking.stores.base import Change, Queued
from stored import new_store
from stores.mails import NOW, mail

HOOKS = {"all": tuple(Told), "some": (Told.PENDING, Told.ERROR)}
MAILS = ("m1", "m2", "m3")
CLAIM_MS = 100
STEP_MS = 40


class Queue(RuleBasedStateMachine):
    """Two webhooks, a few mails, and tellers that take their time or die."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.store = new_store(Path(self.folder.name))
        self.runner.run(self.store.open())
        self.now = NOW
        # What each webhook must hear of each mail, in order; what it has; what is parked.
        self.due: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.parked: dict[str, set[int]] = defaultdict(set)
        self.told: dict[str, set[int]] = defaultdict(set)
        self.held: list[tuple[str, int, list[Queued]]] = []
        self.last = 0
        self.seen: dict[int, str] = {}

    def teardown(self) -> None:
        self.settle_all()
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        for id, kinds in HOOKS.items():
            fresh = Webhook(id, "http://x/", kinds, "doc", b"x", "ok", NOW)
            self.runner.run(self.store.webhooks.save(id, lambda _, fresh=fresh: fresh))  # type: ignore[misc]
        self.runner.run(self.store.submit([mail(id, created_at=self.now) for id in MAILS]))
        self.written()

    def written(self) -> None:
        """What the store wrote since, each webhook must hear."""
        for event in self.runner.run(self.store.events(self.last, 1_000)):
            self.last = event.seq
            for id, kinds in HOOKS.items():
                if event.kind in kinds:
                    self.due[id, event.mail].append(event.seq)

    @rule(id=st.sampled_from(MAILS), state=st.sampled_from([State.PENDING, State.RETRY, "scratch"]))
    def happens(self, id: str, state: str) -> None:
        asked = FROM_SCRATCH if state == "scratch" else str(state)
        came_to = State.PENDING if state == "scratch" else State(state)
        delivery = mail(id, state=came_to).delivery
        expected = len(begun(delivery)) if state == "scratch" else 1
        before = self.last
        self.runner.run(self.store.change([id], lambda _: Change(delivery=delivery, asked=asked)))
        self.written()
        assert self.last - before == expected

    @rule(milliseconds=st.sampled_from([1, STEP_MS, CLAIM_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.now += milliseconds

    @rule(hook=st.sampled_from(sorted(HOOKS)), limit=st.integers(1, 3), each=st.integers(1, 3))
    def claim(self, hook: str, limit: int, each: int) -> None:
        until = self.now + CLAIM_MS
        queued = self.runner.run(self.store.webhooks.claim(hook, self.now, limit, each, until))
        busy = {
            one.mail
            for name, end, held in self.held
            if name == hook and end > self.now
            for one in held
        }
        for id in {one.mail for one in queued}:
            assert id not in busy
            own = [one.seq for one in queued if one.mail == id]
            waiting = [seq for seq in self.due[hook, id] if seq not in self.gone(hook)]
            assert own == waiting[: len(own)]
            assert len(own) == min(each, len(waiting))
            for one in queued:
                assert self.seen.setdefault(one.seq, one.id) == one.id
            self.held.append((hook, until, [one for one in queued if one.mail == id]))

    def gone(self, hook: str) -> set[int]:
        return self.told[hook] | self.parked[hook]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["told", "waiting", "parked"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        """All but the last of them were told."""
        hook, until, queued = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if until <= self.now:
            return  # too late: a teller does not take longer than its claim
        next_at = self.now + (STEP_MS if how == "waiting" else 0)
        reports = [HookReport(one.seq, one.mail, "told", self.now, self.now) for one in queued]
        last = queued[-1]
        reports[-1] = HookReport(last.seq, last.mail, how, self.now, next_at, "no")  # type: ignore[arg-type]
        self.runner.run(self.store.webhooks.settle(hook, reports))
        for one in queued[:-1]:
            self.told[hook].add(one.seq)
        if how == "told":
            self.told[hook].add(last.seq)
        elif how == "parked":
            self.parked[hook].add(last.seq)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_teller_dies(self, data: st.DataObject) -> None:
        self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

    @rule(hook=st.sampled_from(sorted(HOOKS)), id=st.sampled_from((*MAILS, None)))
    def resend(self, hook: str, id: str | None) -> None:
        own = {
            seq
            for (name, mail_id), seqs in self.due.items()
            for seq in seqs
            if name == hook and id in (None, mail_id)
        }
        wanted = own & self.parked[hook]
        resent = self.runner.run(self.store.webhooks.resend(hook, None, id, self.now, 100))
        assert resent == len(wanted)
        self.parked[hook] -= wanted

    @rule()
    def forget(self) -> None:
        self.runner.run(self.store.webhooks.forget(0, self.now + 1, 1_000))

    @invariant()
    def what_waits_is_what_is_due_and_not_told(self) -> None:
        for hook in HOOKS:
            wanted = {seq for (name, _), seqs in self.due.items() for seq in seqs if name == hook}
            page = self.runner.run(self.store.webhooks.page(hook, None, None, 1_000))
            assert {one.seq for one in page} == wanted - self.told[hook]
            assert {one.seq for one in page if one.state == "parked"} == self.parked[hook]

    @invariant()
    def nothing_is_stuck(self) -> None:
        assert self.runner.run(self.store.counts(self.now, 0)).stuck == []

    def settle_all(self) -> None:
        """In the end everything is told, once what was claimed is over."""
        self.held.clear()
        for _ in range(1_000):
            self.now += CLAIM_MS
            left = False
            for hook in HOOKS:
                self.runner.run(self.store.webhooks.resend(hook, None, None, self.now, 1_000))
                self.parked[hook].clear()
                self.claim(hook, 3, 3)
            while self.held:
                hook, _, queued = self.held.pop()
                left = True
                reports = [
                    HookReport(one.seq, one.mail, "told", self.now, self.now) for one in queued
                ]
                self.runner.run(self.store.webhooks.settle(hook, reports))
                self.told[hook] |= {one.seq for one in queued}
            if not left:
                break
        for (hook, _), seqs in self.due.items():
            assert set(seqs) <= self.told[hook]


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
