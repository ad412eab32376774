"""Touchpoints in many orders: reps, workers, outages and the clock; then the package must say what
the mails' own record says.

Whenever all is quiet each touchpoint is what its events, folded in order, make of it; and once
every mail has ended, it says how, with each retry counted, and each of its children once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec import json
from msgspec.structs import replace

from franking.core import times
from franking.core.delivery import FINAL, Delivery, State
from franking.core.endings import SEND_LIMIT
from franking.core.timer import TimerState
from franking.core.touchpoint import AUTOMATED, ConquerError, Status, Touchpoint
from franking.core.touchpoint.applying import WITH_CHILD, apply, retried
from franking.core.touchpoint.head import headed
from franking.outlets.package.taking import read as told_by
from franking.stores.base import Filter, Stored, TouchpointFilter

from .world import DOUBT, LEASE_MS, World

T = TypeVar("T")
HOUR = 3_600_000
MOMENTS = (1, 3_000, 30_000, LEASE_MS, HOUR, 6 * HOUR)
MANUAL = ("m1", "m2")
IDS = st.sampled_from(["a1", "a2", *MANUAL])
Troubles = Sequence[str]
CUTS = st.sampled_from(["gone", "lost", "died", "died after"])
# On most days there is none, or one before the first call or the second.
TROUBLES = st.one_of(
    st.just(()), st.just(()), st.tuples(CUTS), st.tuples(st.just(""), CUTS), st.tuples(CUTS, CUTS)
)
OUTAGES = st.lists(st.sampled_from(["gone", "lost", "forbidden", ""]), min_size=1, max_size=4)
DISK = st.lists(st.sampled_from(["away", "written", ""]), min_size=1, max_size=3)
REPLY = st.sampled_from(["unknown", "unknown", "limited", "busy", DOUBT, "", ""])
ANSWERS = st.lists(REPLY, min_size=1, max_size=4)
STORIES = settings(max_examples=36, stateful_step_count=40, deadline=None, derandomize=True)


class Stories(RuleBasedStateMachine):
    """`reordered` are touchpoints that were told of an event past the outbox, or whose button was
    pressed while one waited there."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = World()
        self.run(self.world.open())
        self.reordered: set[str] = set()
        self.deleted: dict[str, int] = {}
        self.generations: dict[str, int] = {}

    def teardown(self) -> None:
        try:
            self.all_ends()
        finally:
            self.run(self.world.close())
            self.runner.close()

    def run(self, awaited: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(awaited)

    @initialize(first=ANSWERS)
    def begin(self, first: list[str]) -> None:
        """Some touchpoints are there, and something has been tried."""
        for id, after in (("a1", 0), ("a2", HOUR), ("m1", 0), ("m2", 0)):
            self.create(id, after, ())
        self.press("m1", 1, False, ())
        self.deliver(first)

    # -- what people do

    @rule(id=IDS, after=st.sampled_from([0, HOUR]), troubles=TROUBLES)
    def create(self, id: str, after: int, troubles: Troubles) -> None:
        given: dict[str, Any] = {"type": "manual", "cadenceMemberId": "m"}
        if id not in MANUAL:
            due = times.text(self.world.clock.now() + after)
            given |= {"type": "automated", "dueAt": due, "mail": mail(self.own(id))}
        self.asked(troubles, self.world.package.create(given, self.own(id)))

    @rule(id=IDS, clicks=st.integers(1, 2), mend=st.booleans(), troubles=TROUBLES)
    def press(self, id: str, clicks: int, mend: bool, troubles: Troubles) -> None:
        """The button that a touchpoint has: it is retried, or completed."""
        name, package = self.own(id), self.world.package
        self.overtakes(name)
        given = mail(f"{name}+mended" if mend else name)
        if id in MANUAL:
            clicked = [package.complete(name, given, mend) for _ in range(clicks)]
        else:
            mended = {"to": given["to"]} if mend else None
            clicked = [package.retry(name, mended, False) for _ in range(clicks)]
        self.asked(troubles, *clicked)

    @rule(troubles=TROUBLES)
    def retry_many(self, troubles: Troubles) -> None:
        self.overtakes(*map(self.own, ("a1", "a2")))
        self.asked(troubles, self.world.package.retry_many({"status": "Error"}, 10))

    @rule(id=IDS, troubles=TROUBLES)
    def delete(self, id: str, troubles: Troubles) -> None:
        name = self.own(id)
        [found] = self.asked(troubles, self.world.package.delete(name))
        if found is None:
            self.deleted[name] = self.world.server.taken[name]
            self.generations[id] = self.generations.get(id, 0) + 1

    # -- what goes wrong

    @rule(troubles=OUTAGES)
    def the_outlet_fails(self, troubles: Troubles) -> None:
        self.world.endpoint.troubles.extend(troubles)

    @rule(troubles=DISK)
    def the_store_fails(self, troubles: Troubles) -> None:
        self.world.store_troubles.extend(troubles)

    @rule(at_the_dot=st.booleans())
    def a_worker_dies(self, at_the_dot: bool) -> None:
        self.run(self.world.worker_died(at_the_dot))

    @rule()
    def a_teller_dies(self) -> None:
        self.run(self.world.teller_died())

    @rule(id=IDS, which=st.integers(0, 9))
    def an_event_is_told_out_of_turn(self, id: str, which: int) -> None:
        events = self.run(self.world.events(self.own(id)))
        if events:
            self.reordered.add(self.own(id))
            self.run(self.world.again(events[which % len(events)]))

    # -- what goes on by itself

    @rule(ms=st.sampled_from(MOMENTS))
    def time_passes(self, ms: int) -> None:
        self.world.clock.advance(ms)

    @rule(answers=ANSWERS)
    def deliver(self, answers: list[str]) -> None:
        """What is due is tried, and the server answers so."""
        self.world.server.script.extend(answers)
        self.run(self.world.served())
        self.run(self.world.delivered())

    @rule()
    def sweep(self) -> None:
        self.run(self.world.swept())

    @rule()
    def tell(self) -> None:
        self.run(self.world.told())

    @rule()
    def finish(self) -> None:
        self.run(self.world.finished())

    @rule()
    def quiet(self) -> None:
        """Nothing new happens until everything that happened was told."""
        self.world.up()
        for _ in range(40):
            self.run(self.world.finished())
            self.run(self.world.told())
            if self.run(self.is_quiet()):
                break
            self.world.clock.advance(60_000)
        assert self.run(self.is_quiet())
        self.check(ended=False)

    # -- what must be so

    def all_ends(self) -> None:
        self.world.up()
        for _ in range(60):
            self.world.clock.advance(HOUR)
            for step in ("finished", "swept", "served", "delivered", "told"):
                self.run(getattr(self.world, step)())
            if self.run(self.has_ended()):
                break
        self.quiet()
        self.check(ended=True)

    async def is_quiet(self) -> bool:
        waiting = (await self.world.store.outbox.counts()).waiting
        return not waiting and not await self.world.store.cadence.unfinished(1)

    async def has_ended(self) -> bool:
        if await self.world.store.timers.next_mail_due() is not None:
            return False
        mails = await self.world.store.page(Filter(), 100)
        return all(one.mail.delivery.state in FINAL for one in mails)

    def check(self, *, ended: bool) -> None:
        assert all(times <= 1 for times in self.world.server.taken.values())
        for touchpoint in self.run(self.world.store.cadence.page(TouchpointFilter(), 100)):
            found = self.run(self.world.store.cadence.read(touchpoint.id))
            assert found is not None
            self.equal_to_its_events(*found)
            self.equal_to_its_mail(found[0], ended)
        for id, taken in self.deleted.items():
            assert self.world.server.taken[id] == taken
            assert self.run(self.world.store.cadence.read(id)) is not None

    def equal_to_its_events(self, now: Touchpoint, newest: tuple[ConquerError, ...]) -> None:
        events = self.run(self.world.events(now.id))
        told = [told_by(event.body) for event in events]
        assert [one.sequence for one in told] == [*range(1, len(told) + 1)]
        folded, children = _begun(now), list[ConquerError]()
        for one in told:
            last = next((c for c in reversed(children) if c.status == Status.ERROR), None)
            applied = apply(folded, one, False, last, 0)
            assert applied.answer == "applied"
            folded = applied.touchpoint
            children += applied.children
        last = next((c for c in reversed(children) if c.status == Status.ERROR), None)
        applied = retried(folded, now.manual_retry_count, last, 0)
        children += applied.children
        late = told and told[-1].retry_count < now.manual_retry_count
        if not (late and now.id in self.reordered):
            assert _shown(applied.touchpoint) == _shown(now)
        wanted, found = [*map(_child, children)], [*map(_child, reversed(newest))]
        if now.id in self.reordered:
            assert sorted(c[:2] for c in wanted) == sorted(c[:2] for c in found)
        else:
            assert wanted == found
        assert now.status not in WITH_CHILD or newest

    def equal_to_its_mail(self, now: Touchpoint, ended: bool) -> None:
        mails, again = self.run(self.mails(now.id)), False
        if now.kind != AUTOMATED:
            assert now.manual_retry_count == 0
            assert now.mail_id == (mails[-1].mail.id if mails else None)
            assert headed(now, json.decode(mails[-1].document) if mails else {}) == now
        else:
            timer = self.run(self.world.store.timers.read(now.id))
            assert timer is not None
            again = timer[0].state is TimerState.SCHEDULED
            assert now.manual_retry_count <= timer[0].retry_count
            assert not ended or now.manual_retry_count == timer[0].retry_count
        if not mails:
            assert now.status in (Status.SCHEDULED, Status.PENDING_MANUAL_SEND)
            return
        delivery = mails[-1].mail.delivery
        assert not ended or delivery.state in FINAL
        wanted = None if again else _told_as(delivery)
        assert wanted is None or now.status == wanted
        assert (now.status == Status.SENT) == (delivery.state is State.SUCCESS)
        if wanted is Status.ERROR:
            assert (now.error_code, now.error_category) == (delivery.error_code, delivery.category)
        under_way = [one for one in mails if one.mail.delivery.state not in FINAL]
        assert len(under_way) <= 1

    async def mails(self, id: str) -> list[Stored]:
        """The touchpoint's mails, oldest first."""
        found = await self.world.store.page(Filter(touchpoint=id), 100)
        return found[::-1]

    def overtakes(self, *names: str) -> bool:
        """Buttons are pressed; what waits to be told of these touchpoints is told after that."""
        waits = self.run(self.world.store.outbox.page("waiting", None, None, 1_000))
        waiting = {*names} & {one.touchpoint_id for one in waits}
        self.reordered |= waiting
        return bool(waiting)

    def own(self, id: str) -> str:
        """Its name; where one was deleted, the next one's."""
        return f"{id}n{self.generations.get(id, 0)}"

    def asked(self, troubles: Troubles, *calls: Coroutine[Any, Any, Any]) -> list[Any]:
        self.world.services.troubles.extend(troubles)
        found = self.run(self.world.asked(*calls))
        self.world.services.troubles.clear()
        return found


def _told_as(delivery: Delivery) -> Status | None:
    """What a touchpoint says of a mail that stands so; None where no event tells that."""
    if delivery.state is State.RETRY and delivery.waiting_for == SEND_LIMIT:
        return Status.RATE_LIMITED
    return {State.SUCCESS: Status.SENT, State.ERROR: Status.ERROR}.get(delivery.state)


def _begun(now: Touchpoint) -> Touchpoint:
    """As it was created."""
    status = Status.SCHEDULED if now.kind == AUTOMATED else Status.PENDING_MANUAL_SEND
    return Touchpoint(
        id=now.id,
        kind=now.kind,
        status=status.value,
        status_updated_at=0,
        created_at=now.created_at,
        cadence_member_id=now.cadence_member_id,
        due_at=now.due_at,
        recipient=now.recipient,
        subject=now.subject,
    )


def _shown(touchpoint: Touchpoint) -> Touchpoint:
    """What its events make of it."""
    return replace(
        touchpoint,
        seq=0,
        status_updated_at=0,
        mail_id=None,
        timer_id=None,
        completions=0,
        asked_at=None,
    )


def _child(error: ConquerError) -> tuple[str, str, str | None, str | None]:
    return error.event_id, error.status, error.error_message, error.error_code


def mail(id: str) -> dict[str, Any]:
    return {"to": [f"{id}@example.com"], "message": {"subject": "Hi", "text": "Hello"}}


def test_the_package_is_equal_to_the_record_whenever_all_is_quiet() -> None:
    run_state_machine_as_test(Stories, settings=STORIES)
