"""The outbox of a process: each touchpoint in order, many at a time, and nobody's event lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.clock import HandClock
from franking.core.event import Event
from franking.core.reporting import (
    FIRST_WAIT_MS,
    PAUSE_MS,
    SPREAD,
    Down,
    Heard,
    Later,
    Never,
    Verdict,
)
from franking.engine import outbox as engine_outbox
from franking.engine.outbox import CLAIM_MS, EACH, Outbox
from franking.stores.base import Change, Store, StoredEvent, StoreUnavailable
from stored import new_store
from stores.contract import MEMORY
from stores.mails import changed, mail

DAY = 24 * 3_600_000
Script = Callable[[], Verdict]


def broken() -> Verdict:
    """A bug of the outlet's."""
    raise RuntimeError("a bug")


class Scripted:
    """`franking.outlets.base.Outlet`: `answers` by event or touchpoint, used up one by one, the
    last one again and again; `always` answers for all. It is called `a` up to the first dash."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.answers: dict[str, list[Verdict | Script]] = {}
        self.always: Verdict | None = None
        self.at_once = 0
        self.most_at_once = 0
        self._gate = asyncio.Event()
        self._gate.set()

    def side(self, event: StoredEvent) -> str:
        return (event.touchpoint_id or "").partition("-")[0]

    async def tell(self, event: StoredEvent) -> Verdict:
        self.told.append(event.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            await self._gate.wait()
        finally:
            self.at_once -= 1
        if self.always is not None:
            return self.always
        names = (event.id, event.touchpoint_id or "")
        return self._answer(next((name for name in names if name in self.answers), ""))

    async def close(self) -> None:
        """There is nothing to hang up."""

    def hold(self) -> None:
        """Whoever is told now waits for `let_go`."""
        self._gate.clear()

    def let_go(self) -> None:
        self._gate.set()

    def of(self, touchpoint: str) -> list[str]:
        """What was told of one touchpoint."""
        return [id for id in self.told if id.startswith(f"{touchpoint}.")]

    def _answer(self, name: str) -> Verdict:
        script = self.answers.get(name, [Heard()])
        found = script.pop(0) if len(script) > 1 else script[0]
        return found() if callable(found) else found


class Scene:
    """`outbox` tells `outlet` what `store` has; its parts are called one by one."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.store = store
        self.clock = clock
        self.outlet = Scripted()
        self.outbox = self.another()
        self._numbers: dict[str, int] = defaultdict(int)

    def another(self, **given: Any) -> Outbox:
        """As another process has it."""
        return Outbox(self.store, self.clock, self.outlet, **given)

    async def happens(self, *touchpoints: str) -> None:
        """An event each, `t.1`, `t.2` and so on."""
        for name in touchpoints:
            if await self.store.read(name) is None:
                await self.store.submit([mail(name, touchpoint=name)])
            self._numbers[name] += 1
            id = f"{name}.{self._numbers[name]}"
            event = Event(id, "email_Error", name, name, self.clock.now(), {"eventId": id})
            await changed(self.store, Change(event=event), name)

    async def turn(self, outbox: Outbox | None = None) -> list[str]:
        """All that is due is claimed once and told; what was told."""
        before = len(self.outlet.told)
        teller = outbox or self.outbox
        await teller._claim(teller._connections)
        await asyncio.gather(*teller._tellers)
        return self.outlet.told[before:]

    async def parked(self) -> list[tuple[str, str | None]]:
        found = await self.store.outbox.page("parked", None, None, 100)
        return [(one.event_id, one.error) for one in reversed(found)]

    async def waiting(self) -> int:
        return (await self.store.outbox.counts()).waiting

    async def all_told(self) -> None:
        """Until nothing waits; the clock goes on meanwhile."""

        async def look() -> bool:
            self.clock.advance(1_000)
            self.outbox.wake()
            return not await self.waiting()

        await eventually(look)

    @asynccontextmanager
    async def running(self, outbox: Outbox | None = None) -> AsyncIterator[None]:
        """Its loop runs."""
        teller = outbox or self.outbox
        task = asyncio.create_task(teller.run())
        yield
        await teller.stop(5)
        await asyncio.wait_for(task, 5)


class Trouble:
    """Makes calls of a store's outbox fail: so many of a name, before or after they were done."""

    def __init__(self, scene: Scene, patch: pytest.MonkeyPatch) -> None:
        self._outbox = scene.store.outbox
        self._patch = patch
        patch.setattr(engine_outbox, "STORE_PAUSE_SECONDS", 0.001)

    def meets(self, name: str, times: int, *, done: bool = False) -> None:
        call: Callable[..., Awaitable[Any]] = getattr(self._outbox, name)
        left = times

        async def troubled(*given: Any) -> Any:
            nonlocal left
            if left <= 0:
                return await call(*given)
            left -= 1
            if done:
                await call(*given)
            raise StoreUnavailable("the disk is away")

        self._patch.setattr(self._outbox, name, troubled)

    def over(self) -> None:
        self._patch.undo()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        store = new_store(Path(folder))
        await store.open()
        yield Scene(store, HandClock())
        await store.close()


@pytest.fixture
def trouble(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    return Trouble(scene, monkeypatch)


# -- the order


async def test_a_touchpoints_events_are_told_one_after_the_other(scene: Scene) -> None:
    await scene.happens("a", "b", "a", "b", "a")
    await scene.turn()
    assert scene.outlet.of("a") == ["a.1", "a.2", "a.3"]
    assert scene.outlet.of("b") == ["b.1", "b.2"]
    assert scene.outlet.most_at_once == 2
    assert await scene.waiting() == 0


async def test_what_happens_while_another_is_told_comes_after_it(scene: Scene) -> None:
    await scene.happens("a")
    scene.outlet.hold()
    first = asyncio.create_task(scene.turn())
    await eventually(lambda: _is(scene.outlet.told == ["a.1"]))
    await scene.happens("a")
    assert await scene.store.outbox.claim(scene.clock.now(), 9, 9, 0) == []
    scene.outlet.let_go()
    await first
    assert await scene.turn() == ["a.2"]


async def test_no_more_than_each_are_claimed_of_one_touchpoint(scene: Scene) -> None:
    await scene.happens(*["a"] * (EACH + 1))
    assert len(await scene.turn()) == EACH
    assert await scene.turn() == [f"a.{EACH + 1}"]


async def test_one_that_always_fails_delays_no_other(scene: Scene) -> None:
    scene.outlet.answers["a"] = [Later("locked")]
    await scene.happens("a", "b")
    assert sorted(await scene.turn()) == ["a.1", "b.1"]
    for _ in range(5):
        await scene.happens("a", "b")
        assert (await scene.turn())[-1:] == scene.outlet.of("b")[-1:]
    assert scene.outlet.of("b") == [f"b.{n}" for n in range(1, 7)]
    assert set(scene.outlet.of("a")) == {"a.1"}


# -- not now


async def test_the_steps_grow_and_later_events_wait_behind(scene: Scene) -> None:
    scene.outlet.answers["a.1"] = [*[Later("locked")] * 4, Heard()]
    await scene.happens("a", "a")
    for tries in range(4):
        assert await scene.turn() == ["a.1"]
        least = int(FIRST_WAIT_MS * 2**tries * (1 - SPREAD))
        due = await scene.store.outbox.next_due()
        assert due is not None
        assert least <= due - scene.clock.now() <= FIRST_WAIT_MS * 2**tries
        scene.clock.advance(due - scene.clock.now() - 1)
        assert await scene.turn() == []
        scene.clock.advance(1)
    assert await scene.turn() == ["a.1", "a.2"]


async def test_a_time_that_is_asked_for_is_kept_to(scene: Scene) -> None:
    scene.outlet.answers["a"] = [Later("busy", after_ms=60_000), Heard()]
    await scene.happens("a")
    await scene.turn()
    assert await scene.store.outbox.next_due() == scene.clock.now() + 60_000


async def test_most_tries_end_in_parking_and_later_events_pass(scene: Scene) -> None:
    scene.outlet.answers["a.1"] = [Later("locked", most_tries=3)]
    await scene.happens("a", "a")
    for _ in range(2):
        assert await scene.turn() == ["a.1"]
        scene.clock.advance(60_000)
    assert await scene.turn() == ["a.1", "a.2"]
    assert await scene.parked() == [("a.1", "locked")]


async def test_what_will_never_be_taken_is_parked_and_passed(scene: Scene) -> None:
    scene.outlet.answers["a.1"] = [Never("NOT_FOUND: no such touchpoint")]
    await scene.happens("a", "a")
    assert await scene.turn() == ["a.1", "a.2"]
    assert await scene.parked() == [("a.1", "NOT_FOUND: no such touchpoint")]
    assert await scene.store.outbox.next_due() is None


async def test_a_parked_event_is_sent_again_and_tried_as_the_first_time(scene: Scene) -> None:
    scene.outlet.answers["a.1"] = [Never("no"), Later("locked", most_tries=2), Heard()]
    await scene.happens("a", "a")
    await scene.turn()
    assert await scene.store.outbox.resend(None, "a", scene.clock.now(), 10) == 1
    assert await scene.turn() == ["a.1"]
    assert await scene.parked() == []
    scene.clock.advance(60_000)
    assert await scene.turn() == ["a.1"]
    assert await scene.waiting() == 0


async def test_a_bug_is_a_try_and_parks_in_the_end(scene: Scene) -> None:
    scene.outlet.answers["a.1"] = [broken]
    await scene.happens("a", "a", "b")
    async with scene.running():
        await scene.all_told()
    assert scene.outlet.of("a") == ["a.1"] * 5 + ["a.2"]
    assert scene.outlet.of("b") == ["b.1"]
    assert await scene.parked() == [("a.1", engine_outbox.BROKEN)]


# -- the outlet's own trouble


async def test_a_side_that_is_down_is_left_in_peace_with_its_reason(scene: Scene) -> None:
    scene.outlet.answers["a-1"] = [Down("invalid_grant")]
    await scene.happens("a-1", "a-1", "b-1")
    assert sorted(await scene.turn()) == ["a-1.1", "b-1.1"]
    await scene.happens("a-2", "b-1")
    assert await scene.turn() == ["b-1.2"]
    paused = await scene.store.outbox.paused()
    assert (paused.reason, paused.since) == ("a: invalid_grant", scene.clock.now())
    assert paused.paused_until is not None
    assert PAUSE_MS * (1 - SPREAD) <= paused.paused_until - scene.clock.now() <= PAUSE_MS
    assert await scene.store.outbox.next_due() == paused.paused_until
    assert (await scene.parked(), await scene.waiting()) == ([], 3)


async def test_after_the_pause_one_asks_first_and_then_all(scene: Scene) -> None:
    names = [f"a-{n}" for n in range(6)]
    scene.outlet.always = Down("away")
    await scene.happens(*names)
    assert len(await scene.turn()) == 6  # they had begun
    for _ in range(3):  # it grows
        await _pause_over(scene)
        assert len(await scene.turn()) == 1
    scene.outlet.always = None
    await _pause_over(scene)
    assert len(await scene.turn()) == 1
    assert (await scene.store.outbox.paused()).reason is None
    scene.clock.advance(engine_outbox.PROBE_MS)
    assert len(await scene.turn()) == 5
    assert (await scene.parked(), await scene.waiting()) == ([], 0)


async def test_the_pauses_grow(scene: Scene) -> None:
    scene.outlet.always = Down("away")
    await scene.happens("a-1")
    waits = []
    for _ in range(5):
        await scene.turn()
        waits.append(await _pause_over(scene))
    for failures, wait_ms in enumerate(waits):
        step = min(PAUSE_MS * 2**failures, 300_000)
        assert step * (1 - SPREAD) <= wait_ms <= step


async def test_what_was_asked_before_a_pause_does_not_end_it(scene: Scene) -> None:
    scene.outlet.answers = {"a-1": [Down("away")], "a-2": [Heard()]}
    await scene.happens("a-1", "a-2")
    await scene.turn()
    assert (await scene.store.outbox.paused()).reason == "a: away"


async def test_a_side_that_answers_again_leaves_anothers_pause_in_sight(scene: Scene) -> None:
    scene.outlet.answers = {"a-1": [Down("away"), Heard()], "b-1": [Down("gone", after_ms=DAY)]}
    await scene.happens("a-1", "b-1")
    await scene.turn()
    scene.clock.advance(PAUSE_MS)
    assert await scene.turn() == ["a-1.1"]
    assert (await scene.store.outbox.paused()).reason == "b: gone"


async def test_a_pause_of_the_process_before_is_over_with_the_first_answer(scene: Scene) -> None:
    await scene.store.outbox.pause(scene.clock.now() - 1, "a: away", scene.clock.now() - DAY)
    await scene.happens("a-1")
    await scene.turn()
    assert (await scene.store.outbox.paused()).reason is None


async def test_a_day_of_outage_drains_at_a_bounded_rate(scene: Scene) -> None:
    """120 touchpoints, three connections: none parked, never more than three at once."""
    names = [f"a-{n}" for n in range(120)]
    scene.outbox = scene.another(connections=3)
    scene.outlet.always = Down("maintenance")
    await scene.happens(*names)
    asked = 0
    for _ in range(24):
        asked += len(await scene.turn())
        scene.clock.advance(DAY // 24)
    assert asked <= 3 + 23
    scene.outlet.always = None
    scene.outlet.most_at_once = 0
    async with scene.running():
        await scene.all_told()
    assert scene.outlet.most_at_once <= 3
    assert {scene.outlet.of(name)[-1] for name in names} == {f"{name}.1" for name in names}
    assert await scene.parked() == []


# -- stopping and dying


async def test_stop_finishes_what_is_being_told_and_leaves_the_rest(scene: Scene) -> None:
    await scene.happens("a", "a", "b")
    scene.outlet.hold()
    running = asyncio.create_task(scene.outbox.run())
    await eventually(lambda: _is(len(scene.outlet.told) == 2))
    stopping = asyncio.create_task(scene.outbox.stop(5))
    await asyncio.sleep(0)
    scene.outlet.let_go()
    await stopping
    await running
    assert sorted(scene.outlet.told) == ["a.1", "b.1"]
    assert await scene.waiting() == 1
    assert await scene.turn(scene.another()) == ["a.2"]


async def test_stop_waits_so_long_and_leaves_no_claim_behind(scene: Scene) -> None:
    await scene.happens("a", "a")
    scene.outlet.answers["a.1"] = [Heard()]
    async with scene.running():
        await eventually(lambda: _is(len(scene.outlet.told) == 2))
    await scene.happens("a", "b")
    scene.outlet.hold()
    again = scene.another()
    running = asyncio.create_task(again.run())
    await eventually(lambda: _is(scene.outlet.at_once == 2))
    await again.stop(0.01)
    await running
    scene.outlet.let_go()
    assert sorted(await scene.turn(scene.another())) == ["a.3", "b.1"]


async def test_a_claim_that_stop_finds_under_way_is_given_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.happens("a")
    claim, claimed, gate = scene.store.outbox.claim, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> Any:
        found = await claim(*given)
        claimed.set()
        await gate.wait()
        return found

    monkeypatch.setattr(scene.store.outbox, "claim", slow)
    running = asyncio.create_task(scene.outbox.run())
    await claimed.wait()
    stopping = asyncio.create_task(scene.outbox.stop(5))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not stopping.done()
    gate.set()
    await stopping
    await running
    assert scene.outlet.told == []
    assert await scene.turn(scene.another()) == ["a.1"]


async def test_a_dead_tellers_claim_is_taken_over_once_it_is_over(scene: Scene) -> None:
    await scene.happens("a")
    now = scene.clock.now()
    assert len(await scene.store.outbox.claim(now, 1, EACH, now + CLAIM_MS)) == 1
    scene.clock.advance(CLAIM_MS - 1)
    assert await scene.turn() == []
    scene.clock.advance(1)
    assert await scene.turn() == ["a.1"]


# -- the store's trouble


@pytest.mark.parametrize("done", [False, True], ids=["not written", "written all the same"])
@pytest.mark.parametrize("verdict", [Heard(), Never("no"), Later("locked")], ids=["t", "p", "w"])
async def test_reports_are_written_once_the_store_is_back(
    scene: Scene, trouble: Trouble, verdict: Verdict, done: bool
) -> None:
    scene.outlet.answers["a.1"] = [verdict, Heard()]
    await scene.happens("a")
    trouble.meets("settle", 3, done=done)
    assert await scene.turn() == ["a.1"]
    state = {Heard: (0, 0), Never: (0, 1), Later: (1, 0)}[type(verdict)]
    assert (await scene.waiting(), len(await scene.parked())) == state


async def test_touchpoints_are_freed_once_the_store_is_back(scene: Scene, trouble: Trouble) -> None:
    scene.outlet.answers["a-1.2"] = [Down("away"), Heard()]
    await scene.happens("a-1", "a-1")
    trouble.meets("free", 2)
    assert await scene.turn() == ["a-1.1", "a-1.2"]
    scene.clock.advance(PAUSE_MS)
    assert await scene.turn() == ["a-1.2"]


async def test_a_pause_that_can_not_be_written_holds_up_nothing(
    scene: Scene, trouble: Trouble
) -> None:
    scene.outlet.answers["a-1.2"] = [Down("away"), Heard()]
    await scene.happens("a-1", "a-1", "a-1")
    trouble.meets("pause", 3)  # when it begins to tell, at the pause, and after it
    assert await scene.turn() == ["a-1.1", "a-1.2"]
    scene.clock.advance(PAUSE_MS)
    assert await scene.turn() == ["a-1.2", "a-1.3"]
    assert (await scene.store.outbox.paused()).reason is None
    assert await scene.waiting() == 0


async def test_the_end_of_a_pause_is_written_once_the_store_is_back(
    scene: Scene, trouble: Trouble
) -> None:
    scene.outlet.answers["a-1.1"] = [Down("away"), Heard()]
    await scene.happens("a-1")
    await scene.turn()
    assert (await scene.store.outbox.paused()).reason == "a: away"
    trouble.meets("pause", 1)
    scene.clock.advance(PAUSE_MS)
    assert await scene.turn() == ["a-1.1"]
    await scene.happens("a-1")
    assert await scene.turn() == ["a-1.2"]
    assert (await scene.store.outbox.paused()).reason is None


@pytest.mark.parametrize("name", ["claim", "next_due"])
async def test_the_loop_outlives_a_store_that_is_out_of_reach(
    scene: Scene, trouble: Trouble, name: str
) -> None:
    await scene.happens("a", "a")
    trouble.meets(name, 3)
    async with scene.running():
        await scene.all_told()
    assert scene.outlet.told == ["a.1", "a.2"]


async def test_what_was_told_and_never_written_is_told_once_more(
    scene: Scene, trouble: Trouble
) -> None:
    """The process ends while its reports wait for the store."""
    await scene.happens("a", "a")
    trouble.meets("settle", 1_000_000)
    running = asyncio.create_task(scene.outbox.run())
    await eventually(lambda: _is(len(scene.outlet.told) == 2))
    await scene.outbox.stop(0.01)
    await running
    trouble.over()
    scene.clock.advance(CLAIM_MS)
    assert await scene.turn(scene.another()) == ["a.1", "a.2"]
    assert await scene.waiting() == 0


async def _pause_over(scene: Scene) -> int:
    """Let its time pass; how long it was."""
    until = (await scene.store.outbox.paused()).paused_until or scene.clock.now()
    wait_ms = until - scene.clock.now()
    scene.clock.advance(max(wait_ms, engine_outbox.PROBE_MS))
    return wait_ms


async def _is(found: bool) -> bool:
    return found
