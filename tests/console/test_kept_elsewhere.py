"""Timers that another process keeps: what a page shows that has no key to hand on."""

from __future__ import annotations

from typing import Any

import httpx

from apis.timers_at_hand import TimersAtHand
from console.reps import planned
from console.served import Served
from franking.apis.http import build
from franking.apis.problems import Problem
from franking.clock import HandClock
from franking.web import console


def test_a_touchpoint_is_shown_though_its_timer_is_kept_where_the_key_is_asked_for(
    served: Served,
) -> None:
    touchpoint, it, door = (
        planned(served, "ada@example.com"),
        served.installation,
        TimersAtHand(HandClock()),
    )
    door.broken = Problem(401, "key_missing", "This call needs a key.", "Send one.")
    package = it.embedded.package
    pages = console(it.office, it.clock, door, package)
    app: Any = build(it.office, it.clock, timers=door, package=package, console=pages, trusted=True)

    async def look() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(f"/touchpoints/{touchpoint}")

    assert served.run(look()).status_code == 200
    assert [call[0] for call in door.calls] == ["read"]
