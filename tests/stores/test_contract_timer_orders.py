"""Timers in many orders: people, workers and the clock on a real store, against a small model.

The model follows the machine's table; what it says of each timer and of its earlier lives, the
store must say after every step, and nothing may be stuck.
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
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from franking.core.machine import NOTHING, Refused, follow
from franking.core.timer import TABLE, Life, Timer, TimerEnd, TimerState, Try
from franking.core.timer.calls import WORKER_LOST
from franking.stores.base import AlreadyExists, FreshTimer, TimerChange

from .contract import MEMORY, YARDS
from .mails import HOUR, LEASE_MS, NOW
from .timers import executed, failed, lease, put_off, timer

C, V, X, F, D = TimerState
IDS = ("t1", "t2", "t3")
ORDERS = settings(max_examples=30, stateful_step_count=40, deadline=None, derandomize=True)
# Each costs a database there.
FEWER = settings(ORDERS, max_examples=12)


class Orders(RuleBasedStateMachine):
    """`model` has each timer by its id, `past` its earlier lives."""

    database = "sqlite"
    holds: Bundle[Timer] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.epoch = 0
        self.model: dict[str, Timer] = {}
        self.past: dict[str, list[Life]] = {id: [] for id in IDS}
        self.leases: dict[str, int | None] = {}
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.runner = asyncio.Runner()
        self.store = YARDS[self.database](Path(self.folder.name)).store()
        self.runner.run(self.store.open())

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def may(self, id: str, event: str) -> bool:
        state = self.model[id].state if id in self.model else NOTHING
        try:
            follow(TABLE, state, event)
        except Refused:
            return False
        return True

    @rule(ms=st.sampled_from([1, LEASE_MS // 2, LEASE_MS, HOUR]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule(id=st.sampled_from(IDS), after=st.sampled_from([0, HOUR]), host=st.sampled_from("ab"))
    def create(self, id: str, after: int, host: str) -> None:
        fresh = self.fresh(id, after, host)
        [found] = self.runner.run(self.store.timers.create([fresh]))  # type: ignore[misc]
        if not self.may(id, "created"):
            assert isinstance(found, AlreadyExists)
        elif id in self.model:
            self.begin(fresh, "created")
        else:
            self.model[id] = self.made(fresh, Timer(id, C, fresh.callback, 0, 0))
            self.leases[id] = None

    @rule(id=st.sampled_from(IDS), after=st.sampled_from([0, HOUR]), host=st.sampled_from("ab"))
    def replace(self, id: str, after: int, host: str) -> None:
        fresh = self.fresh(id, after, host)
        if self.asked(id, TimerChange("replaced", self.now, fresh=fresh), "replaced"):
            self.begin(fresh, "replaced")

    @rule(id=st.sampled_from(IDS))
    def delete(self, id: str) -> None:
        if self.asked(id, TimerChange("deleted", self.now), "deleted"):
            gone = replace(self.model[id], state=D, deleted_at=self.now, next_at=None)
            self.model[id], self.leases[id] = gone, None

    @rule(id=st.sampled_from(IDS))
    def retry(self, id: str) -> None:
        if self.asked(id, TimerChange("retried", self.now), "retried"):
            old = self.lived(id, "retried")
            self.model[id] = replace(
                old,
                state=C,
                due_at=self.now,
                next_at=self.now,
                served_at=None,
                executed_at=None,
                deleted_at=None,
                error=None,
                previous_served_at=old.served_at,
                previous_executed_at=old.executed_at,
                previous_deleted_at=old.deleted_at,
                previous_error=old.error,
                retry_count=old.retry_count + 1,
                tries=(),
            )

    def fresh(self, id: str, after: int, host: str) -> FreshTimer:
        return timer(id, f"http://{host}/", due_at=self.now + after, created_at=self.now)

    def asked(self, id: str, change: TimerChange, event: str) -> bool:
        """Was it done? It is, just where the table has an arrow."""
        if id in self.model and not self.may(id, event):
            with pytest.raises(Refused):
                self.runner.run(self.store.timers.change(id, lambda *_: change))
            return False
        found = self.runner.run(self.store.timers.change(id, lambda *_: change))
        assert (found is None) is (id not in self.model)
        return found is not None

    def lived(self, id: str, ended_by: str) -> Timer:
        old = self.model[id]
        times = (old.served_at, old.executed_at, old.deleted_at)
        life = Life(ended_by, old.due_at, old.created_at, *times, old.error, old.retry_count)
        self.past[id].append(life)
        return old

    def begin(self, fresh: FreshTimer, ended_by: str) -> None:
        old = self.lived(fresh.id, ended_by)
        kept = old if ended_by == "replaced" else Timer(old.id, C, fresh.callback, 0, 0)
        self.model[old.id] = self.made(fresh, replace(kept, revision=old.revision + 1))
        self.leases[old.id] = None

    def made(self, fresh: FreshTimer, kept: Timer) -> Timer:
        return replace(
            kept,
            state=C,
            callback=fresh.callback,
            due_at=fresh.due_at,
            next_at=fresh.due_at,
            created_at=self.now,
            served_at=None,
            executed_at=None,
            deleted_at=None,
            error=None,
            attempt=0,
            tries=(),
        )

    @rule(target=holds, limit=st.integers(1, 3), share=st.integers(1, 2))
    def claim(self, limit: int, share: int) -> Any:
        due = [t for t in self.model.values() if t.next_at is not None and t.next_at <= self.now]
        hosts = [t.callback.uri for t in due]
        able = sum(min(share, hosts.count(host)) for host in {*hosts})
        found = self.runner.run(self.store.timers.claim(self.now, limit, LEASE_MS, {}, share))
        assert len(found) == min(limit, able)
        assert {t.id for t in found} <= {t.id for t in due}
        for held in found:
            self.serve(held)
        return multiple(*found)

    def serve(self, held: Timer) -> None:
        old, ends = self.model[held.id], self.leases[held.id]
        assert held.epoch > self.epoch or held.epoch not in (t.epoch for t in self.model.values())
        lost = () if ends is None else (Try(old.attempt, ends, WORKER_LOST),)
        self.leases[held.id] = self.now + LEASE_MS
        self.model[held.id] = replace(
            old,
            state=V,
            attempt=old.attempt + 1,
            served_at=self.now if old.served_at is None else old.served_at,
            next_at=self.now + LEASE_MS,
            tries=old.tries + lost,
            epoch=held.epoch,
        )

    def held(self, hold: Timer) -> bool:
        now = self.model[hold.id]
        same = (now.epoch, now.revision) == (hold.epoch, hold.revision)
        return now.state is V and same

    @rule(hold=holds)
    def renew(self, hold: Timer) -> None:
        end = self.now + LEASE_MS
        found = self.runner.run(self.store.timers.renew([lease(hold)], end))
        assert found == [self.held(hold) and self.leases[hold.id] is not None]
        if found == [True]:
            self.leases[hold.id] = end
            self.model[hold.id] = replace(self.model[hold.id], next_at=end)

    @rule(hold=consumes(holds), how=st.sampled_from([executed, failed, put_off]))
    def end(self, hold: Timer, how: Any) -> None:
        later = self.now + HOUR
        end: TimerEnd = put_off(hold, later, self.now) if how is put_off else how(hold, self.now)
        held = self.held(hold)
        assert self.runner.run(self.store.timers.end([end])) == [held]
        if held:
            now = self.model[hold.id]
            self.leases[hold.id] = None
            self.model[hold.id] = replace(
                now,
                state=end.state,
                executed_at=None if end.state is V else self.now,
                error=end.error,
                next_at=end.next_at,
                tries=now.tries if end.tried is None else (*now.tries, end.tried),
            )

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        for id, wanted in self.model.items():
            found = self.runner.run(self.store.timers.read(id))
            assert found is not None
            kept, lives = found
            assert replace(kept, seq=0, epoch=0) == replace(wanted, seq=0, epoch=0)
            assert [*lives] == self.past[id]

    @invariant()
    def the_next_is_known_in_time(self) -> None:
        dues = [t.next_at for t in self.model.values() if t.next_at is not None]
        found = self.runner.run(self.store.timers.next_due([]))
        assert not dues or (found is not None and found <= min(dues))

    @invariant()
    def nothing_is_stuck(self) -> None:
        assert self.runner.run(self.store.counts(self.now, 30 * 24 * HOUR)).stuck == []


@pytest.mark.parametrize("database", sorted(YARDS))
def test_timers_in_many_orders(database: str) -> None:
    machine = type("OrdersOf", (Orders,), {"database": database})
    run_state_machine_as_test(machine, settings=ORDERS if database == "sqlite" else FEWER)
