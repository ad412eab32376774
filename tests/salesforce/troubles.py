"""What a call may meet instead of, or beside, the package's answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec

from salesforce.apex import LOCKED, errors


class Trouble(msgspec.Struct, frozen=True):
    """An answer instead of the package's; with `status` 0 the package does its work.

    `seconds`: so slowly. `silent`: and then the connection is cut.
    """

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = {}
    seconds: float = 0.0
    silent: bool = False


def answers(status: int, body: bytes = b"", **headers: str) -> Trouble:
    """Any answer; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Trouble(status, body, named)


def request_limit(retry_after: str | None = None) -> Trouble:
    body = errors("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    return Trouble(403, body, {} if retry_after is None else {"Retry-After": retry_after})


def row_lock() -> Trouble:
    return Trouble(500, errors("APEX_ERROR", LOCKED.format(id="a0X5g00000AbCdEEAV")))


def cpu_limit() -> Trouble:
    words = "System.LimitException: Apex CPU time limit exceeded"
    return Trouble(500, errors("APEX_ERROR", words))


def apex_error(message: str = "System.NullPointerException: Attempt to de-reference") -> Trouble:
    return Trouble(500, errors("APEX_ERROR", message))


def unavailable(status: int = 503, retry_after: str | None = None) -> Trouble:
    body = errors("SERVER_UNAVAILABLE", "Server Unavailable")
    return Trouble(status, body, {} if retry_after is None else {"Retry-After": retry_after})


def forbidden() -> Trouble:
    return Trouble(403, errors("FORBIDDEN", "You do not have access to the Apex class named: X"))


def no_match() -> Trouble:
    return Trouble(404, errors("NOT_FOUND", "Could not find a match for URL"))


def slow(seconds: float) -> Trouble:
    return Trouble(seconds=seconds)


def loses_answer() -> Trouble:
    return Trouble(silent=True)


def hangs_up() -> Trouble:
    return Trouble(status=-1, silent=True)


class Troubles:
    """Those of the calls to come."""

    def __init__(self) -> None:
        self._next: deque[Trouble] = deque()
        self._always: dict[str | None, Trouble] = {}

    def next(self, *troubles: Trouble) -> None:
        """One for each of the calls to come."""
        self._next.extend(troubles)

    def always(self, trouble: Trouble, touchpoint: str | None = None) -> None:
        """For all calls, or those of a touchpoint, until `clear`."""
        self._always[touchpoint] = trouble

    def clear(self) -> None:
        self._next.clear()
        self._always.clear()

    def of(self, touchpoint: str | None) -> Trouble:
        """What the call of now meets."""
        if touchpoint in self._always:
            return self._always[touchpoint]
        if self._next:
            return self._next.popleft()
        return self._always.get(None, Trouble())
