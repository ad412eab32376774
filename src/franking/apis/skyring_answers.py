"""What Skyring's clients read: statuses, a reason in a header and in JSON, and timers.

Policy. Skyring tells its text in the header `x-skyring-reason` and leaves the body empty; here it
is in both. A header holds Latin-1 on one line, so there the text may lose what JSON keeps. What
the guard and the keys refuse on these paths is told in the same way. What nobody expected is a
500 that tells nothing of our insides, and is logged with where it happened.
"""

from __future__ import annotations

import re
import traceback
from typing import Any

import msgspec
import structlog
from litestar.types import Receive, Scope, Send

from franking.apis import problems
from franking.apis.answers import ALWAYS, Answer, Headers
from franking.apis.problems import RETRY_AFTER_SECONDS, Problem
from franking.core.timer.retry import Refusal, told
from franking.office.timer_door import BadTimer, TimerExists, TimerRefused, Unreachable
from franking.stores.base import KeyReused, NotFound, StoreRefused, StoreUnavailable

PING, TIMER = b"/ping", b"/timer"
REASON = b"x-skyring-reason"
REASON_CHARACTERS = 1_000
TOO_LARGE = "request entity too large"

_log = structlog.get_logger("franking.apis")


def reached(raw_path: bytes) -> bool:
    """Is this a path of Skyring's, which the bare app answers?"""
    return raw_path.startswith(b"/timer/") or raw_path in (TIMER, PING)


def turned_away(scope: Any, problem: Problem) -> Answer:
    """What the guard or the keys refused, in the way of the path that was asked for."""
    return _problem(problem, ()) if reached(scope["raw_path"]) else problems.answer(problem)


def refused(error: Exception, headers: Headers = (), *, state: int = 409) -> Answer:
    """The answer to an exception; `state` is the status where the timer's state refuses."""
    if isinstance(error, Problem):
        return _problem(error, headers)
    if isinstance(error, TimerRefused):
        refusal = Refusal(str(error), error.reason, error.at)
        return _told(state, refusal.text, told(refusal), headers)
    for known, status in _STATUSES.items():
        if isinstance(error, known):
            text = str(error) or "There is no such timer."
            later = _LATER if status == 503 else ()
            return _told(status, text, {"error_message": text}, (*headers, *later))
    _log.error(
        "unexpected",
        path=TIMER.decode(),
        error=type(error).__name__,
        trace="".join(traceback.format_tb(error.__traceback__)),
    )
    return _told(500, _UNEXPECTED, {"error_message": _UNEXPECTED}, headers)


class Empty:
    """An answer without a body: a status and headers; an ASGI app that sends just that."""

    __slots__ = ("_start",)

    def __init__(self, status: int, headers: Headers = ()) -> None:
        sent = [*headers, *ALWAYS, (b"content-length", b"0")]
        self._start: Any = {"type": "http.response.start", "status": status, "headers": sent}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self._start)
        await send(_END)


def _problem(problem: Problem, headers: Headers) -> Answer:
    text = TOO_LARGE if problem.status == 413 else problem.detail
    body = {"error_message": text, "reason": problem.reason, "next": problem.next}
    return _told(problem.status, text, body, (*headers, *problem.headers))


def _told(status: int, text: str, body: dict[str, Any], headers: Headers) -> Answer:
    return Answer(status, msgspec.json.encode(body), (*headers, (REASON, _one_line(text))))


def _one_line(text: str) -> bytes:
    """Text as a header may hold it: nothing of it can begin another line."""
    return _CONTROL.sub(" ", text[:REASON_CHARACTERS]).strip().encode("latin-1", "replace")


NOT_FOUND = Answer(404, b'{"message":"Not Found"}', ((REASON, b"Not Found"),))

_END: Any = {"type": "http.response.body", "body": b"", "more_body": False}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LATER = ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)
_UNEXPECTED = "Something went wrong inside franking. Its log tells where."
_STATUSES: dict[type[Exception], int] = {
    BadTimer: 400,
    NotFound: 404,
    TimerExists: 409,
    KeyReused: 409,
    Unreachable: 503,
    StoreUnavailable: 503,
    StoreRefused: 503,
}
