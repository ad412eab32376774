"""A mail that waited for as long as it may: its touchpoint hears of that at once."""

from __future__ import annotations

import pytest

from franking.core import times
from franking.core.touchpoint import Status

from .world import World


@pytest.mark.xfail(strict=True, reason="the sweeper wakes nobody for what it gives up")
async def test_what_the_sweeper_gives_up_is_told_at_once() -> None:
    world = World()
    await world.open()
    mail = {"to": ["a@example.com"], "message": {"subject": "Hi", "text": "Hello"}}
    before = times.text(world.clock.now() + 60_000)
    await world.package.create({"type": "manual", "cadenceMemberId": "m"}, "a")
    await world.package.complete("a", {**mail, "sendBefore": before}, False)
    world.server.script.append("limited")
    await world.delivered()
    await world.told()
    await world.swept()
    outbox = world.engine.outbox
    assert outbox is not None
    outbox._alarm.reset()
    world.clock.advance(60_001)
    await world.swept()
    rung = outbox._alarm.rung
    await world.told()
    shown = await world.package.read("a")
    await world.close()
    assert [child.status for child in shown.children] == [Status.ERROR, Status.RATE_LIMITED]
    assert rung
