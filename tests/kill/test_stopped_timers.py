"""A worker that was stopped past its lease of a webhook: it calls nobody, and overwrites nothing.

While it is stopped another worker, which the test plays, has claimed the timer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eventually import eventually
from franking.core.timer import Timer, TimerEnd, TimerState
from franking.core.timer.calls import WORKER_LOST
from kill.scene import LONG_MS, Scene, scene
from kill.timer_ledger import Row, TimerLedger
from kill.webhooks import Call, Receiver

pytestmark = pytest.mark.kill


async def create(it: Scene, receiver: Receiver, id: str, kind: str) -> None:
    """A webhook that is due at once."""
    callback = {"transport": "http", "method": "post", "uri": receiver.url(kind, id)}
    body = {"timeout": 1, "callback": callback}
    await it.process.ask("POST", "/timer", body, timer_id=id)


async def claimed(it: Scene) -> Timer:
    """Another worker's claim, once the lease is over."""

    async def claim() -> list[Timer]:
        return await it.store.timers.claim(it.clock.now(), 10, LONG_MS, {}, 10)

    [timer] = await eventually(claim)
    return timer


async def goes_on(it: Scene, receiver: Receiver) -> None:
    """It goes on, and is through with what it held: it has served another timer."""

    async def look() -> bool:
        return row(it, "another").state == "executed"

    it.go_on()
    await create(it, receiver, "another", "quick")
    await eventually(look)


def row(it: Scene, id: str) -> Row:
    return TimerLedger(it.process.database).rows[id]


def calls(receiver: Receiver) -> list[Call]:
    return [call for call in receiver.calls() if call.of == "one"]


async def test_a_late_end_changes_nothing_of_what_another_serves(tmp_path: Path) -> None:
    async with Receiver(tmp_path) as receiver, scene(tmp_path) as it:

        async def called() -> bool:
            return bool(calls(receiver))

        async def answered() -> bool:
            return calls(receiver)[0].status == 204

        await create(it, receiver, "one", "late")
        await eventually(called)
        await it.stop()
        timer = await claimed(it)
        assert (timer.attempt, [one.error for one in timer.tries]) == (2, [WORKER_LOST])
        await eventually(answered)
        before = row(it, "one")
        await goes_on(it, receiver)
        assert row(it, "one") == before
        assert (before.state, before.attempt, before.under_way) == ("served", 2, True)
        end = TimerEnd(timer.seq, timer.epoch, TimerState.EXECUTED, it.clock.now())
        assert await it.store.timers.end([end]) == [True]
        assert row(it, "one").state == "executed"
        assert len(calls(receiver)) == 1


async def test_it_makes_no_call_under_a_lease_that_is_over(tmp_path: Path) -> None:
    async with Receiver(tmp_path) as receiver, scene(tmp_path, "timer_claim:after:1:stop") as it:
        await create(it, receiver, "one", "quick")
        await it.stopped()
        assert (await claimed(it)).attempt == 2
        before = row(it, "one")
        await goes_on(it, receiver)
        assert row(it, "one") == before
        assert calls(receiver) == []
