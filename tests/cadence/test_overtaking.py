"""A button is pressed while an event of the mail before it still waits in the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from franking.core.touchpoint import Status
from franking.outlets.base import Refused

from .world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.open()
    yield world
    await world.close()


def mail(id: str) -> dict[str, object]:
    return {"to": [f"{id}@example.com"], "message": {"subject": "Hi", "text": "Hello"}}


async def failed_unheard(world: World) -> None:
    """The touchpoint's mail was refused, and nobody has told the package."""
    world.server.script.append("unknown")
    await world.served()
    await world.delivered()


async def test_an_error_that_was_retried_is_not_shown_again(world: World) -> None:
    given = {"type": "automated", "cadenceMemberId": "m", "dueAt": "2026-01-01T00:00:00Z"}
    await world.package.create({**given, "mail": mail("a")}, "a")
    await failed_unheard(world)
    await world.package.retry("a", None, False)
    await world.told()
    shown = await world.package.read("a")
    assert [child.status for child in shown.children] == [Status.ERROR, Status.MANUAL_RETRY]
    assert shown.touchpoint.status == Status.MANUAL_RETRY
    assert shown.touchpoint.manual_retry_count == 1
    await world.delivered()
    await world.served()
    await world.delivered()
    await world.told()
    assert (await world.package.read("a")).touchpoint.status == Status.SENT


async def test_an_error_of_the_mail_before_lets_nobody_send_twice(world: World) -> None:
    await world.package.create({"type": "manual", "cadenceMemberId": "m"}, "a")
    await world.package.complete("a", mail("a"), False)
    await failed_unheard(world)
    again = await world.package.complete("a", mail("a"), False)
    await world.told()
    assert (await world.package.read("a")).touchpoint.mail_id == again.touchpoint.mail_id
    with pytest.raises(Refused, match="being sent now"):
        await world.package.complete("a", mail("a"), False)
    await world.delivered()
    assert world.server.taken["a"] == 1
