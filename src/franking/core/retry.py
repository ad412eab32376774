"""When to try again: pure functions of what was tried and a jitter drawn by the caller.

Temporary faults wait longer each time: `base`, then four times as long, up to an hour, each
spread by a fifth either way so that mails which failed together don't come back together. The
sender's own sending limit waits 1, 5, 15 and then 60 minutes where the provider names no time.
`jitter` is a number in [0, 1) everywhere.
"""

from __future__ import annotations

FACTOR = 4
LONGEST_WAIT_MS = 3_600_000
LIMIT_WAITS_MS = (60_000, 300_000, 900_000, 3_600_000)
SPREAD = 0.2


def backoff_ms(tries: int, base_ms: int, jitter: float) -> int:
    """How long to wait after the `tries`-th temporary fault of a round (1 is the first)."""
    exponent = min(max(tries - 1, 0), 16)
    return _spread(min(base_ms * FACTOR**exponent, LONGEST_WAIT_MS), jitter)


def limit_wait_ms(refusals: int, jitter: float) -> int:
    """How long to wait after the `refusals`-th answer in a row that named a sending limit.

    Never shorter than the step: trying before a limit ends only makes providers stricter.
    """
    step = LIMIT_WAITS_MS[min(max(refusals - 1, 0), len(LIMIT_WAITS_MS) - 1)]
    return step + int(step * SPREAD * jitter)


def _spread(wait_ms: int, jitter: float) -> int:
    return int(wait_ms * (1 - SPREAD + 2 * SPREAD * jitter))
