"""The rep's pages: what became of the emails to their people, and one touchpoint's history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask, checked_id
from franking.apis.problems import Problem
from franking.core.ids import RESERVED
from franking.core.touchpoint import Touchpoint
from franking.office.timer_door import NoTimer, Told, Unreachable
from franking.outlets.base import MOST_LOOKED, MOST_STATUS
from franking.stores.base import NotFound, Stored
from franking.web import asked
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.show import CATEGORIES

AT_ONCE = 50
FILTER = ("status", "category", "member", "q")
PARAMETERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(FILTER, asked.words),
    "after": lambda value: str(asked.seq(value)),
}
ONE = "/touchpoints/{id:str}"


class TouchpointPages:
    """The list of touchpoints, and each of them."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._package = rooms.package
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, "/touchpoints", self.page),
            (get, ONE, self.one),
            (get, f"{ONE}/delete", self.ask_to_delete),
            (post, f"{ONE}/delete", self.delete),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /touchpoints."""
        wanted = asked.query(request, PARAMETERS)
        return self._pages.page(
            request,
            "touchpoints",
            wanted=wanted,
            looked=await self._package.look(wanted, AT_ONCE),
            counts=await self._package.statuses(),
            most=MOST_STATUS,
            most_looked=MOST_LOOKED,
            categories=CATEGORIES,
        )

    async def one(self, request: Ask) -> Answer:
        """GET /touchpoints/{id}."""
        shown = await self._package.read(id_of(request))
        touchpoint = shown.touchpoint
        return self._pages.page(
            request,
            "touchpoint",
            t=touchpoint,
            children=shown.children,
            mail=await last_mail(self._rooms, touchpoint),
            told=await self._timer(request, touchpoint),
        )

    async def ask_to_delete(self, request: Ask) -> Answer:
        """GET /touchpoints/{id}/delete: the question."""
        shown = await self._package.read(id_of(request))
        return self._pages.part(request, "touchpoint_delete", t=shown.touchpoint)

    async def delete(self, request: Ask) -> Answer:
        """POST /touchpoints/{id}/delete."""
        await asked.form(request)
        await self._package.delete(id_of(request))
        words = "The touchpoint was deleted, and what was still to come is cancelled."
        return done(self._pages, request, words, to="/touchpoints")

    async def _timer(self, request: Ask, touchpoint: Touchpoint) -> Told | None:
        if touchpoint.timer_id is None:
            return None
        try:
            caller = request.headers.get("authorization")
            return await self._rooms.timers.read(touchpoint.timer_id, caller)
        except (NoTimer, Unreachable):
            return None
        except Problem as refused:  # by the other process, which asks for the key itself
            if refused.status != 401:
                raise
            return None


def id_of(request: Ask) -> str:
    """The touchpoint's id in the path. Raises `Problem`."""
    return checked_id(request, "A touchpoint", RESERVED)


async def last_mail(rooms: Rooms, touchpoint: Touchpoint) -> Stored | None:
    """The mail that was last handed in for a touchpoint."""
    if touchpoint.mail_id is None:
        return None
    try:
        return await rooms.office.read(touchpoint.mail_id)
    except NotFound:
        return None
