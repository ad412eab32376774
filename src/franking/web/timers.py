"""Timers: what waits for its time, and what became of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from litestar import get, post
from markupsafe import Markup

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.apis.timer_list import PARAMETERS
from franking.apis.wire_timers import next_try
from franking.core.message import options
from franking.core.prediction import FOREVER
from franking.core.timer import ENDED, LIVE, TRANSPORTS, Callback, Timer, TimerState
from franking.core.timer.calls import MOST_TRIES
from franking.core.timer.lanes import lane
from franking.core.timer.retry import OUTCOME_UNKNOWN
from franking.office.serving import document_of
from franking.office.timer_door import NoTimer, TimerFilter, TimerRefused, Told, Unreachable
from franking.web import asked
from franking.web.dialogs import closing
from franking.web.pretty import pretty
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.show import time

AT_ONCE = 50
ONE = "/timers/{id:str}"
# Stands where an id that can't be part of a path would.
BESIDE = "~"
RETRIABLE = (TimerState.FAILED, TimerState.DELETED)
RETRIED = "Retry was accepted. What the timer holds is handed over again."
DELETED = "The timer was deleted. What was still to come is dropped."


class TimerPages:
    """The list of timers, and each of them."""

    def __init__(self, rooms: Rooms) -> None:
        self._timers = rooms.timers
        self._clock = rooms.clock
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, "/timers", self.page),
            (get, ONE, self.one),
            (post, f"{ONE}/retry", closing(self._pages, self.retry)),
            (get, f"{ONE}/delete", self.ask_to_delete),
            (post, f"{ONE}/delete", closing(self._pages, self.delete)),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /timers."""
        wanted = asked.query(request, _PARAMETERS)
        filter = TimerFilter(**wanted, data=False)
        try:
            found = await self._timers.page(filter, AT_ONCE, caller(request))
        except Unreachable as error:
            return self._unreachable(request, "timers", error, wanted=wanted)
        return self._pages.page(
            request,
            "timers",
            wanted=wanted,
            narrowed=any(value is not None for value in wanted.values()),
            unreachable=None,
            found=found,
            path_of=path_of,
            receiver=receiver,
            **_CHOICES,
        )

    async def one(self, request: Ask) -> Answer:
        """GET /timers/{id}."""
        id = id_of(request)
        try:
            told = await self._read(request, id)
        except Unreachable as error:
            return self._unreachable(request, "timer", error, id=id)
        timer = told.timer
        return self._pages.page(
            request,
            "timer",
            id=id,
            unreachable=None,
            t=timer,
            lives=told.lives,
            path_of=path_of,
            receiver=receiver,
            now=self._clock.now(),
            next_try=next_try(timer),
            most_tries=MOST_TRIES,
            data=None if timer.data is None else pretty(bytes(timer.data)),
            touchpoint=touchpoint_of(timer),
            retriable=timer.state in RETRIABLE,
            live_states=LIVE,
            ended=timer.state in ENDED,
        )

    async def retry(self, request: Ask) -> Answer:
        """POST /timers/{id}/retry."""
        fields, id = await asked.form(request), id_of(request)
        try:
            await self._timers.retry(id, force=fields.ticked("force"), caller=caller(request))
        except NoTimer as error:
            raise _unknown(error) from None
        except TimerRefused as refused:
            if refused.reason != OUTCOME_UNKNOWN:
                raise _refusal(refused) from None
            return self._pages.part(
                request,
                "timer_doubt",
                headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
                words=str(refused),
                action=path_of(id, "retry"),
            )
        return done(self._pages, request, RETRIED)

    async def ask_to_delete(self, request: Ask) -> Answer:
        """GET /timers/{id}/delete: the question."""
        told = await self._read(request, id_of(request))
        return self._pages.part(
            request, "timer_delete", t=told.timer, action=path_of(told.timer.id, "delete")
        )

    async def delete(self, request: Ask) -> Answer:
        """POST /timers/{id}/delete."""
        await asked.form(request)
        try:
            await self._timers.delete(id_of(request), caller(request))
        except NoTimer as error:
            raise _unknown(error) from None
        except TimerRefused as refused:
            raise _refusal(refused) from None
        return done(self._pages, request, DELETED)

    async def _read(self, request: Ask, id: str) -> Told:
        try:
            return await self._timers.read(id, caller(request))
        except NoTimer as error:
            raise _unknown(error) from None

    def _unreachable(self, request: Ask, name: str, error: Unreachable, **values: Any) -> Answer:
        """The page without what it is for; a look that fails would else be a toast each time."""
        return self._pages.page(request, name, unreachable=str(error), **values, **_CHOICES)


def caller(request: Ask) -> str | None:
    """What a caller showed of itself, for a door that hands on."""
    return request.headers.get("authorization")


def path_of(id: str, step: str = "") -> str:
    """Where a timer's page is. Its id is any text: one with a slash goes beside the path."""
    tail = f"/{step}" if step else ""
    if "/" in id or id in (".", ".."):
        return f"/timers/{BESIDE}{tail}?{urlencode({'id': id})}"
    return f"/timers/{quote(id, safe='')}{tail}"


def id_of(request: Ask) -> str:
    """The timer's id, from the path or beside it."""
    beside: str | None = asked.query(request, {"id": PARAMETERS["q"]})["id"]
    within: str = request.scope["path_params"]["id"]
    return within if beside is None else beside


def receiver(callback: Callback) -> str:
    """Who gets what a timer holds: a host, or the mail that is made of it."""
    named = lane(callback).partition(" ")[2]
    return named or "mail"


def touchpoint_of(timer: Timer) -> str | None:
    """The touchpoint that its data names."""
    try:
        return options(document_of(timer) or {}).touchpoint_id
    except (msgspec.DecodeError, RecursionError):
        return None


def _unknown(error: NoTimer) -> Problem:
    next = "Look in the list of timers for those that there are."
    return Problem(404, "unknown_timer", str(error), next)


def _refusal(refused: TimerRefused) -> Problem:
    """The words as they are, and when it goes by itself."""
    at = refused.at
    told = at is not None and at < FOREVER
    next = Markup("It goes by itself {}.").format(time(at)) if told else ""
    return Problem(409, refused.reason, str(refused), next)


_PARAMETERS = {name: PARAMETERS[name] for name in ("state", "transport", "q", "after")}
_CHOICES: dict[str, Any] = {
    "states": [(state.value, state.value.capitalize()) for state in TimerState],
    "transports": [(name, name) for name in TRANSPORTS],
}
