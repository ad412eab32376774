"""Calls to a timer's receiver: what one came to, and whether and when to try again.

Policy. A call that was answered with 2xx is done. Connection errors, time-outs, 408, 425, 429 and
5xx are tried again: five tries over about ten minutes, spread by a fifth so that timers which
failed together don't come back together; a `Retry-After` that asks for more is honoured, up to an
hour. Everything else, and what can't be called at all, fails at once: redirects are not followed.
A worker that dies during a call has used up a try, and nobody knows what became of it.
"""

from __future__ import annotations

import msgspec

from franking.core.timer import Timer, TimerEnd, TimerState, Try

WAITS_MS = (5_000, 30_000, 120_000, 445_000)
MOST_TRIES = len(WAITS_MS) + 1
LONGEST_WAIT_MS = 3_600_000
SPREAD = 0.2
ERROR_CHARACTERS = 2_000
WORKER_LOST = "The worker stopped while it made the call, so nobody knows what became of it."


class Called(msgspec.Struct, frozen=True):
    """What a call came to: no `error` is success; `again` says whether another try may help.

    `after_ms` is how long the receiver asked to wait.
    """

    error: str | None = None
    again: bool = False
    after_ms: int | None = None


def ended(timer: Timer, called: Called, now: int, jitter: float) -> TimerEnd:
    """What is written of a timer after one call."""
    if called.error is None:
        return TimerEnd(timer.seq, timer.epoch, TimerState.EXECUTED, now)
    error = called.error[:ERROR_CHARACTERS]
    tried = Try(timer.attempt, now, error)
    tries = len(timer.tries) + 1
    if not called.again or tries >= MOST_TRIES:
        return TimerEnd(timer.seq, timer.epoch, TimerState.FAILED, now, error, None, tried)
    wait_ms = int(WAITS_MS[tries - 1] * (1 - SPREAD + 2 * SPREAD * jitter))
    wait_ms = max(wait_ms, min(called.after_ms or 0, LONGEST_WAIT_MS))
    return TimerEnd(timer.seq, timer.epoch, TimerState.SERVED, now, None, now + wait_ms, tried)
