"""What goes on by itself: what was given up is told at once, and nothing is sent twice."""

from __future__ import annotations

from franking.core import times
from franking.core.touchpoint import Status

from .world import World


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


async def test_a_creation_that_is_finished_late_sends_nothing_again() -> None:
    """Its timer was made and served while the package was away."""
    world = World()
    await world.open()
    mail = {"to": ["a@example.com"], "message": {"subject": "Hi", "text": "Hello"}}
    given = {"type": "automated", "cadenceMemberId": "m", "dueAt": "2026-01-01T00:00:00Z"}
    world.services.troubles.append("died after")
    await world.asked(world.package.create({**given, "mail": mail}, "a"))
    for _ in range(2):
        await world.served()
        await world.delivered()
        await world.finished()
    taken = world.server.taken["a"]
    await world.close()
    assert taken == 1
