"""Skyring's calls on timers, with Retry Timer, as one bare ASGI app over a `TimerDoor`.

Policy. Applications that talk to Skyring talk to this unchanged: its paths, statuses, headers and
texts (contract skyring, sections 1 and 3). The content type is passed over, for Skyring does. An
id is any printable text: `location` has it percent-encoded, and a slash in a path ends it unless
it is escaped. `location` is told whatever becomes of a POST, with the id that was, or would have
been, the timer's.

No framework is on this path, for it is the busiest there is; and what is created within one turn
of the event loop is one call of the door.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from litestar.types import ASGIApp, Receive, Scope, Send

from franking.apis import wire_timers
from franking.apis.answers import Answer
from franking.apis.skyring_answers import NOT_FOUND, PING, TIMER, Empty, reached, refused
from franking.apis.skyring_requests import Call, asked_for, retry_asked, text, timer_id
from franking.clock import Clock
from franking.core.timer import ID_CHARACTERS, Timer
from franking.core.timer.request import checked_id
from franking.engine.batch import Batch
from franking.office.timer_door import NewTimer, TimerDoor, TimerRefused

# What one call of the door takes: so many timers, and bytes of data as long as there are several.
MOST_TIMERS = 1_000
MOST_SHARED_BYTES = 2 * 1024 * 1024
# What has a touchpoint is deleted only by who names it.
TOUCHPOINT = b"x-touchpoint-id"


class Fork:
    """Skyring's paths go to the bare app, all others to the one with routes."""

    def __init__(self, skyring: Skyring, app: ASGIApp) -> None:
        self._skyring = skyring
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found: Any = scope
        if found["type"] == "http" and reached(found["raw_path"]):
            await self._skyring(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Skyring:
    """The ASGI app for the paths that are `reached`."""

    def __init__(self, door: TimerDoor, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._batch: Batch[tuple[NewTimer, str | None], Timer | Exception] = Batch(self._shared)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive)
        new = call.method == "POST" and len(call.parts) == 2 and call.raw_path != PING
        answer = await (self._post(call) if new else self._other(call))
        await answer(scope, receive, send)

    async def _post(self, call: Call) -> Answer | Empty:
        """POST /timer."""
        given = call.headers.get(b"x-timer-id")
        id = text(given) if given else self._clock.new_uuid()
        try:
            timer = await self._created(call, id)
            return Empty(201, (_location(timer.id),))
        except Exception as error:
            return refused(error, (_location(id),))

    async def _created(self, call: Call, id: str) -> Timer:
        call.bound()
        body = await call.body()
        new = NewTimer(asked_for(body), checked_id(id))
        key = call.key("/timer", body)
        if key is None:
            result = await self._batch.ask((new, call.caller))
        else:
            [result] = await self._door.create([new], key, call.caller)
        if isinstance(result, Exception):
            raise result
        return result

    async def _shared(
        self, together: Sequence[tuple[NewTimer, str | None]]
    ) -> Sequence[Timer | Exception]:
        """Create what many callers asked for; each caller's timers in as few calls as may be."""
        results: dict[int, Timer | Exception] = {}

        async def create(caller: str | None, places: list[int]) -> None:
            try:
                timers = [together[place][0] for place in places]
                found = await self._door.create(timers, None, caller)
                results.update(zip(places, found, strict=True))
            except Exception as error:
                results.update(dict.fromkeys(places, error))

        await asyncio.gather(*(create(*lot) for lot in _lots(together)))
        return [results[place] for place in range(len(together))]

    async def _other(self, call: Call) -> Answer | Empty:
        try:
            call.bound()
            return await self._answered(call)
        except Exception as error:
            return refused(error)

    async def _answered(self, call: Call) -> Answer | Empty:
        method, parts = call.method, call.parts
        if call.raw_path == PING and method == "GET":
            return Empty(200)
        call_of_timer = {3: ("GET", "PUT", "DELETE"), 4: ("POST",)}.get(len(parts), ())
        if method not in call_of_timer or not parts[2] or parts[3:] not in ([], [b"retry"]):
            return NOT_FOUND
        id = timer_id(parts[2])
        if method == "POST":
            return await self._retry(call, id)
        if method == "PUT":
            return await self._put(call, id)
        if method == "DELETE":
            touchpoint = call.headers.get(TOUCHPOINT)
            named = None if touchpoint is None else text(touchpoint)
            await self._door.delete(id, call.caller, named)
            return Empty(202)
        told = await self._door.read(id, call.caller)
        return Answer(200, wire_timers.told(told))

    async def _put(self, call: Call, id: str) -> Empty:
        """PUT /timer/{id}."""
        body = await call.body()
        key = call.key(_path(id), body)
        await self._door.replace(id, asked_for(body), key, call.caller)
        return Empty(200)

    async def _retry(self, call: Call, id: str) -> Answer:
        """POST /timer/{id}/retry."""
        body = await call.body()
        force, mail = retry_asked(body)
        key = call.key(f"{_path(id)}/retry", body)
        try:
            timer = await self._door.retry(id, force=force, mail=mail, key=key, caller=call.caller)
        except TimerRefused as error:
            return refused(error, state=400)
        return Answer(200, wire_timers.timer(timer))


def _lots(
    together: Sequence[tuple[NewTimer, str | None]],
) -> list[tuple[str | None, list[int]]]:
    """The places of what goes in one call: one caller's, and no more than a call takes."""
    lots: list[tuple[str | None, list[int]]] = []
    newest: dict[str | None, tuple[list[int], int]] = {}
    for place, (new, caller) in enumerate(together):
        size = 0 if new.asked.data is None else len(bytes(new.asked.data))
        places, total = newest.get(caller, (None, 0))
        if places is None or len(places) == MOST_TIMERS or total + size > MOST_SHARED_BYTES:
            places, total = [], 0
            lots.append((caller, places))
        places.append(place)
        newest[caller] = (places, total + size)
    return lots


def _location(id: str) -> tuple[bytes, bytes]:
    return b"location", _path(id).encode()


def _path(id: str) -> str:
    # What no id can be is shown as far as one goes.
    return f"{TIMER.decode()}/{quote(id[:ID_CHARACTERS], safe='')}"
