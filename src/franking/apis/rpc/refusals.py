"""From an exception to a status of gRPC, and back to the same exception: one table for both ways.

Policy. The message is the one that REST gives. The trailing metadata `reason` is a word for
programs, and marks the status as ours: gRPC's own have none. What an HTTP caller is told beside a
problem's `detail` goes along as `http-status`, `next-bin` (UTF-8), `field`, `retry-after` and
`www-authenticate`, so that a proxy can answer as if it had refused by itself. What nobody expected
is INTERNAL and tells nothing of our insides; the log has where it happened and no documents.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping

import msgspec
import structlog
from grpc import StatusCode

from franking.apis import problems
from franking.apis.problems import Problem
from franking.apis.rpc import data_api_pb2 as pb
from franking.core import times
from franking.office.timer_door import (
    BadTimer,
    NoTimer,
    TimerExists,
    TimerRefused,
    Unreachable,
)
from franking.stores.base import KeyReused, NotFound, StoreRefused, StoreUnavailable, Unsure

# Headers of HTTP/2 have 8 KiB at most with many clients, and each byte may be escaped by three.
TEXT_BYTES = 1_500

# The first row that an error is an instance of counts; back, the first with the reason.
TABLE: tuple[tuple[type[Exception], StatusCode, str], ...] = (
    (NoTimer, StatusCode.NOT_FOUND, "no_timer"),
    (NotFound, StatusCode.NOT_FOUND, "no_timer"),
    (BadTimer, StatusCode.INVALID_ARGUMENT, "bad_timer"),
    (TimerExists, StatusCode.ALREADY_EXISTS, "timer_exists"),
    (KeyReused, StatusCode.ABORTED, "key_reused"),
    (Unsure, StatusCode.UNAVAILABLE, "store_unsure"),
    (StoreUnavailable, StatusCode.UNAVAILABLE, "store_unavailable"),
    (StoreRefused, StatusCode.UNAVAILABLE, "store_refused"),
    (Unreachable, StatusCode.UNAVAILABLE, "unreachable"),
)
# The status of a problem; any other is INTERNAL.
PROBLEMS: Mapping[int, StatusCode] = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    409: StatusCode.FAILED_PRECONDITION,
    413: StatusCode.RESOURCE_EXHAUSTED,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
}

Pairs = tuple[tuple[str, str | bytes], ...]

_log = structlog.get_logger("franking.apis")


class Late(Exception):
    """The deadline of a call was over before anything was done."""


class Ending(msgspec.Struct, frozen=True):
    """A call's status, its message, and the trailing metadata."""

    code: StatusCode
    text: str
    metadata: Pairs

    @property
    def reason(self) -> str:
        return str(dict(self.metadata)["reason"])


def ending(error: Exception, method: str) -> Ending:
    """How a call of `method` ends with an error; what nobody expected is logged."""
    if isinstance(error, TimerRefused):
        return _ending(StatusCode.FAILED_PRECONDITION, str(error), error.reason, _when(error))
    if isinstance(error, Late):
        return _ending(StatusCode.DEADLINE_EXCEEDED, str(error), "late")
    for known, code, reason in TABLE:
        if isinstance(error, known):
            return _ending(code, str(error), reason)
    problem = problems.of(error)
    if problem.status == 500:
        _logged(error, method)
    code = PROBLEMS.get(problem.status, StatusCode.INTERNAL)
    return _ending(code, problem.detail, problem.reason, _told(problem))


def _ending(code: StatusCode, text: str, reason: str, more: Pairs = ()) -> Ending:
    cut = text.encode()[:TEXT_BYTES].decode(errors="ignore")
    return Ending(code, cut, (("reason", reason), *more))


def _when(refused: TimerRefused) -> Pairs:
    return () if refused.at is None else (("next-attempt-time", times.text(refused.at)),)


def _told(problem: Problem) -> Pairs:
    field: Pairs = () if problem.field is None else (("field", problem.field),)
    return (
        ("http-status", str(problem.status)),
        ("next-bin", problem.next.encode()),
        *field,
        *((name.decode(), value.decode("latin-1")) for name, value in problem.headers),
    )


def _logged(error: Exception, method: str) -> None:
    # Where it happened and no more: an error's text or variables could hold a document.
    trace = "".join(traceback.format_tb(error.__traceback__))
    _log.error("unexpected", method=method, error=type(error).__name__, trace=trace)


def written(ending: Ending) -> pb.Refusal:
    """How one timer of a batch ended, within the answer."""
    return pb.Refusal(code=ending.code.value[0], message=ending.text, reason=ending.reason)


def read(refusal: pb.Refusal) -> Exception:
    """The error that one timer of a batch ended with."""
    return error(refusal.message, (("reason", refusal.reason),)) or _unexpected()


def error(text: str, metadata: Iterable[tuple[str, str | bytes]]) -> Exception | None:
    """The error that a status of ours stands for; None for one that is gRPC's own."""
    pairs = tuple(metadata)
    found = dict(pairs)
    reason = found.get("reason")
    if reason is None or reason == "late":
        return None
    if "http-status" in found:
        return _problem(text, pairs)
    for known, _, word in TABLE:
        if word == reason:
            return known(text)
    if reason == "unexpected":
        return _unexpected()
    at = found.get("next-attempt-time")
    return TimerRefused(text, str(reason), None if at is None else times.parse(str(at)))


def _problem(text: str, pairs: Pairs) -> Problem:
    found = dict(pairs)
    field = found.get("field")
    headers = [(n.encode(), str(v).encode("latin-1")) for n, v in pairs if n in _HEADERS]
    next = found.get("next-bin", b"")
    return Problem(
        int(found["http-status"]),
        str(found["reason"]),
        text,
        next.decode() if isinstance(next, bytes) else next,
        None if field is None else str(field),
        tuple(headers),
    )


def _unexpected() -> Problem:
    return problems.of(Exception())


_HEADERS = ("retry-after", "www-authenticate")
