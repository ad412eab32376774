"""The email side as a script: timers and mails in dictionaries, and outages at any call."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from franking.clock import Clock
from franking.core import times
from franking.outlets.base import Answered, OutOfReach

GONE = "gone"  # it can't be reached
LOST = "lost"  # it does what was asked, and its answer is lost
BROKEN = "broken"  # it answers 503
HANGS = "hangs"  # it never answers
CRASH = "crash"  # the caller's process dies while it asks
CRASH_AFTER = "crash after"  # and here, once it was done
Trouble = str | Answered


class Died(Exception):
    """The process ended here."""


def answer(status: int, body: Any = None) -> Answered:
    return Answered(status, b"" if body is None else msgspec.json.encode(body))


class EmailSide:
    """`franking.outlets.base.Services`. `troubles["POST /timer"]` come first, one a call; with
    `always` every call meets that trouble."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.calls: list[tuple[str, str, Any, dict[str, str]]] = []
        self.timers: dict[str, dict[str, Any]] = {}
        self.mails: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[Any, str]] = {}
        self.troubles: dict[str, deque[Trouble]] = defaultdict(deque)
        self.always: Trouble | None = None
        self.reached = asyncio.Event()
        self._gate = asyncio.Event()
        self._gate.set()
        self.made = 0

    async def __call__(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answered:
        self.calls.append((method, path, body, dict(headers)))
        name = named(method, path)
        queue = self.troubles[name]
        trouble = self.always or (queue.popleft() if queue else None)
        if isinstance(trouble, Answered):
            return trouble
        if trouble in (GONE, BROKEN, HANGS, CRASH):
            return await _failing(trouble)
        if not self._gate.is_set():
            self.reached.set()
            await self._gate.wait()
        done = self._answered(name, path, body or {}, headers)
        if trouble == LOST:
            raise OutOfReach("the answer is lost")
        if trouble == CRASH_AFTER:
            raise Died
        return done

    def hold(self) -> None:
        """Calls wait from now on; the first of them sets `reached`."""
        self._gate.clear()

    def let_go(self) -> None:
        """They are answered."""
        self._gate.set()

    def asked(self, name: str) -> list[tuple[str, str, Any, dict[str, str]]]:
        """The calls of a name, as `POST /timer`."""
        return [call for call in self.calls if named(call[0], call[1]) == name]

    def _answered(
        self, name: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answered:
        parts = [unquote(part) for part in urlsplit(path).path.split("/")]
        if name == "POST /timer":
            id = headers["x-timer-id"]
            if id in self.timers:
                return answer(409, {"error_message": f"Timer with id {id} already exists"})
            now = times.text(self._clock.now())
            self.timers[id] = {"retryCount": 0, "state": "scheduled", "createdAt": now, **body}
            return answer(201)
        if name == "GET /timer/{}":
            timer = self.timers.get(parts[2])
            return answer(404) if timer is None else answer(200, timer)
        if name == "DELETE /timer/{}":
            gone = self.timers.pop(parts[2], None)
            return answer(404 if gone is None else 202)
        if name == "POST /timer/{}/retry":
            timer = self.timers[parts[2]]
            timer["retryCount"] += 1
            return answer(200, {"id": parts[2], **timer})
        return self._mail(name, path, parts, body, headers)

    def _mail(
        self,
        name: str,
        path: str,
        parts: list[str],
        body: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Answered:
        if name == "POST /v1/mail":
            return self._submitted(body, headers["Idempotency-Key"])
        if name == "GET /v1/mail":
            [touchpoint] = parse_qs(urlsplit(path).query)["touchpoint"]
            found = [m for m in self.mails.values() if m["touchpointId"] == touchpoint]
            return answer(200, {"items": found[::-1][:1], "next": None})
        mail = self.mails.get(parts[3])
        if mail is None:
            return answer(404, {"detail": "No such mail.", "reason": "unknown_mail"})
        if name == "DELETE /v1/mail/{}":
            del self.mails[parts[3]]
            return answer(204)
        return answer(200, mail)

    def _submitted(self, body: Mapping[str, Any], key: str) -> Answered:
        known = self.keys.get(key)
        if known is not None:
            same = known[0] == body
            reused = {"detail": "Another body.", "reason": "key_reused"}
            return answer(201, self.mails[known[1]]) if same else answer(409, reused)
        self.made += 1
        id = f"mail{self.made}"
        self.mails[id] = {**body, "id": id, "delivery": {"state": "PENDING"}}
        self.keys[key] = (dict(body), id)
        return answer(201, self.mails[id])


async def _failing(trouble: str | None) -> Answered:
    if trouble == CRASH:
        raise Died
    if trouble == GONE:
        raise OutOfReach("connection refused")
    if trouble == HANGS:
        await asyncio.Event().wait()
    return answer(503, {"detail": "The store can't be used now."})


def named(method: str, path: str) -> str:
    """A call's name, its ids left out."""
    parts = urlsplit(path).path.split("/")
    place = {"timer": 2, "v1": 3}[parts[1]]
    return f"{method} {'/'.join('{}' if i == place else p for i, p in enumerate(parts))}"
