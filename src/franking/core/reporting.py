"""How telling an outlet of an event went, and when to try again: pure functions.

Policy (contract cadence, section 3). What the outlet took is done. What it could not take now
waits, the touchpoint's later events behind it, with growing steps up to five minutes, spread by
half so that many do not come back together; a time that the outlet asks for is kept to, up to an
hour. What it will never take is parked, and later events pass it. Where the trouble is the
outlet's own, it is left in peace as a whole, and nothing is parked.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 300_000
LONGEST_ASKED_MS = 3_600_000
PAUSE_MS = 30_000
SPREAD = 0.5


class Heard(msgspec.Struct, frozen=True):
    """The outlet has the event, now or from before; `answer` is its word for that."""

    answer: str = "applied"


class Later(msgspec.Struct, frozen=True):
    """Not now. `after_ms` is what the outlet asked for; `most_tries` ends the waiting."""

    error: str
    after_ms: int | None = None
    most_tries: int | None = None


class Never(msgspec.Struct, frozen=True):
    """The outlet will not take this event as it is."""

    error: str


class Down(msgspec.Struct, frozen=True):
    """The outlet itself has a trouble that every event would meet."""

    error: str
    after_ms: int | None = None


Verdict = Heard | Later | Never | Down


class Report(msgspec.Struct, frozen=True):
    """What is written of one event after it was told: `told`, `waiting` or `parked`."""

    seq: int
    touchpoint_id: str
    state: Literal["told", "waiting", "parked"]
    at: int
    next_at: int
    error: str | None = None


def report(
    seq: int,
    touchpoint_id: str,
    tries: int,
    verdict: Heard | Later | Never,
    now: int,
    jitter: float,
) -> Report:
    """What follows from a verdict; `tries` are those before this one."""
    if isinstance(verdict, Heard):
        return Report(seq, touchpoint_id, "told", now, now)
    over = isinstance(verdict, Later) and (
        verdict.most_tries is not None and tries + 1 >= verdict.most_tries
    )
    if isinstance(verdict, Never) or over:
        return Report(seq, touchpoint_id, "parked", now, now, verdict.error)
    wait_ms = wait(tries, verdict.after_ms, jitter)
    return Report(seq, touchpoint_id, "waiting", now, now + wait_ms, verdict.error)


def wait(tries: int, asked_ms: int | None, jitter: float) -> int:
    """How long to wait after so many tries before this one, in milliseconds."""
    step = min(FIRST_WAIT_MS * 2 ** min(tries, 20), LONGEST_WAIT_MS)
    spread = int(step * (1 - SPREAD + SPREAD * jitter))
    return max(spread, min(asked_ms or 0, LONGEST_ASKED_MS))


def pause(failures: int, asked_ms: int | None, jitter: float) -> int:
    """How long the outlet is left in peace after so many failures in a row."""
    step = min(PAUSE_MS * 2 ** min(failures, 4), LONGEST_WAIT_MS)
    return max(int(step * (1 - SPREAD + SPREAD * jitter)), min(asked_ms or 0, LONGEST_ASKED_MS))
