"""A worker that was stopped past its lease: it sends nothing more under it, and overwrites nothing.

While it is stopped another worker has the file. When it goes on, the mail's state moves only as
its late evidence proves.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eventually import eventually
from kill.scene import LONG_MS, Scene, scene
from kill.session import Point

pytestmark = pytest.mark.kill

# The sweeper's clock: right, so that the worker's own count is over too, or ahead, so that only
# the fence on disk knows that the lease is lost.
CLOCKS = {"right": 0, "ahead": LONG_MS}


async def stopped_before_the_dot(it: Scene, ahead_ms: int) -> None:
    """It waits for 354 and is stopped; its lease is swept; it goes on, and gets its 354."""
    it.sink.withholding = True
    await it.submit()
    await eventually(lambda: reached(it, Point.DATA))
    await it.stop()
    await it.sweep(ahead_ms)


async def stopped_after_the_dot(it: Scene, on_unknown: str = "ask") -> None:
    """The server has the mail and is about to say so; the worker is stopped, and swept."""
    it.sink.delay_seconds = 0.3
    await it.submit(on_unknown)
    await eventually(lambda: reached(it, Point.DOT))
    await it.stop()
    await it.sweep(LONG_MS)


async def reached(it: Scene, point: Point) -> bool:
    return it.sink.seen[point] > 0


@pytest.mark.parametrize("clock", CLOCKS)
async def test_it_sends_nothing_under_a_lease_that_is_over(tmp_path: Path, clock: str) -> None:
    async with scene(tmp_path) as it:
        await stopped_before_the_dot(it, CLOCKS[clock])
        assert (it.row.state, it.row.attempts) == ("RETRY", 0)
        it.go_on()
        it.sink.withheld()()
        row = await it.ended()
        assert (row.state, row.attempts, it.times, it.sink.seen[Point.DOT]) == ("SUCCESS", 1, 1, 1)
        assert [a.event for a in it.attempts] == ["released", "sent"]
        assert (await it.late())["event"] == "returned"


async def test_it_does_not_renew_a_lease_that_is_over(tmp_path: Path) -> None:
    """Nobody else is there: it lets go by itself, and begins anew."""
    async with scene(tmp_path) as it:
        it.sink.withholding = True
        await it.submit()
        await eventually(lambda: reached(it, Point.DATA))
        await it.stop()
        await it.over()
        give = it.sink.withheld()
        it.go_on()
        await it.ended()
        give()
        assert (await it.late())["event"] == "returned"
        assert [a.event for a in it.attempts] == ["released", "sent"]
        assert (it.row.state, it.times) == ("SUCCESS", 1)


@pytest.mark.parametrize("clock", CLOCKS)
async def test_what_another_has_sent_meanwhile_stays_as_it_is(tmp_path: Path, clock: str) -> None:
    async with scene(tmp_path) as it:
        await stopped_before_the_dot(it, CLOCKS[clock])
        give = it.sink.withheld()
        async with it.another():
            before = await it.ended()
        it.go_on()
        give()
        assert (await it.late())["event"] == "returned"
        assert (it.row, it.row.state, it.times) == (before, "SUCCESS", 1)


async def test_stopped_at_its_last_look_it_tells_that_nothing_was_sent(tmp_path: Path) -> None:
    async with scene(tmp_path, "transmitting:after:1:stop") as it:
        await it.submit()
        await it.stopped()
        await it.sweep()
        assert (it.row.state, it.row.outcome) == ("ERROR", "unknown")
        it.go_on()
        await it.late()
        assert (it.row.state, it.row.outcome, it.row.attempts) == ("ERROR", "not_sent", 1)
        assert it.row.error
        assert it.times == 0


async def test_a_late_answer_turns_the_doubt_into_success(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await stopped_after_the_dot(it)
        assert (it.row.state, it.row.outcome) == ("ERROR", "unknown")
        it.go_on()
        assert (await it.late())["event"] == "sent"
        assert (it.row.state, it.row.outcome, it.row.attempts) == ("SUCCESS", "sent", 1)
        assert it.times == 1


async def test_a_late_answer_never_overwrites_a_later_attempt(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await stopped_after_the_dot(it)
        await it.retry()
        await it.transmitting(await it.claim())
        before = it.row
        it.go_on()
        assert (await it.late())["event"] == "sent"
        assert (it.row, it.row.state) == (before, "PROCESSING")


async def test_a_late_answer_never_overwrites_a_later_success(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await stopped_after_the_dot(it, "resend")
        async with it.another():
            before = await it.ended()
        it.go_on()
        assert (await it.late())["event"] == "sent"
        assert (it.row, it.row.state, it.times) == (before, "SUCCESS", 2)


async def test_a_late_answer_to_a_mail_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await stopped_after_the_dot(it)
        await it.delete()
        it.go_on()
        await it.submit()
        await it.ended()
        assert (it.row.state, it.times) == ("SUCCESS", 2)
        assert (await it.process.doctor())[0] == 0
