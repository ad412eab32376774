"""The only caller of the time, and of chance: now, a steady count, new ids and jitter.

Policy. Where many processes share a database, its time is theirs: a `FollowingClock` is told what
time it is there now and then, and counts on from that by the steady clock, so that nobody who sets
this machine's clock changes what is written down. A machine whose own clock is far from it is not
to be trusted with leases: it is astray. Tests replace the whole of it by a `HandClock` that moves
only when told to.
"""

from __future__ import annotations

import random
import secrets
import time
from typing import NamedTuple, Protocol

# Crockford's base 32, which ULIDs use: no I, L, O or U to be misread.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
# How many digits of a ULID are its time.
_TIME_DIGITS = 10
# Asking that took longer says too little of when the answer was given.
MOST_ASKING_MS = 1_000


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC: for what is written down."""

    def steady_ms(self) -> int:
        """Milliseconds that only grow and that run on through suspend: for counting a lease."""

    def jitter(self) -> float:
        """A random number in [0, 1)."""

    def new_id(self) -> str:
        """A ULID: 26 characters, ordered by time, 80 bits of chance."""

    def new_uuid(self) -> str:
        """A random UUID (RFC 9562, version 4), as Skyring names its timers."""

    def secret(self, size: int) -> bytes:
        """So many random bytes that nobody can guess."""

    def off_ms(self) -> int:
        """By how much this machine's own clock is ahead of `now`; 0 where it is `now`."""

    def astray(self) -> bool:
        """Is it so far off that nothing may be claimed here?"""


class Sighting(NamedTuple):
    """What time it was elsewhere, and this machine's steady count before and after asking."""

    before_ms: int
    there_ms: int
    after_ms: int


class SystemClock:
    """The machine's own clock.

    Chance is drawn from a generator that is seeded once: ids are no secrets, and a system call for
    each would hand the interpreter to another thread.
    """

    def __init__(self) -> None:
        self._random = random.Random(secrets.randbits(256))  # noqa: S311

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        # CLOCK_BOOTTIME counts suspended time too; where there is none, monotonic is next best.
        return time.clock_gettime_ns(_STEADY) // 1_000_000

    def jitter(self) -> float:
        return self._random.random()

    def new_id(self) -> str:
        return ulid(self.now(), self._random.getrandbits(80))

    def new_uuid(self) -> str:
        return uuid4(self._random.getrandbits(128))

    def secret(self, size: int) -> bytes:
        return secrets.token_bytes(size)

    def off_ms(self) -> int:
        return 0

    def astray(self) -> bool:
        return False


class FollowingClock:
    """The time of elsewhere, as last seen there; `own` is this machine's clock, by which it goes
    until then. With `most_off_ms` it is astray while `own` is further off than that."""

    def __init__(self, own: Clock, most_off_ms: int | None = None) -> None:
        self._own = own
        self._most_off_ms = most_off_ms
        self._ahead: int | None = None

    def see(self, seen: Sighting) -> bool:
        """Follow what was seen; false where asking took too long for it to say when that was."""
        took_ms = seen.after_ms - seen.before_ms
        if took_ms > MOST_ASKING_MS:
            return False
        self._ahead = seen.there_ms - (seen.before_ms + took_ms // 2)
        return True

    def now(self) -> int:
        return self._own.now() if self._ahead is None else self._own.steady_ms() + self._ahead

    def steady_ms(self) -> int:
        return self._own.steady_ms()

    def jitter(self) -> float:
        return self._own.jitter()

    def new_id(self) -> str:
        return ulid(self.now(), 0)[:_TIME_DIGITS] + self._own.new_id()[_TIME_DIGITS:]

    def new_uuid(self) -> str:
        return self._own.new_uuid()

    def secret(self, size: int) -> bytes:
        return self._own.secret(size)

    def off_ms(self) -> int:
        return self._own.now() - self.now()

    def astray(self) -> bool:
        return self._most_off_ms is not None and abs(self.off_ms()) > self._most_off_ms


class HandClock:
    """A clock for tests: starts at `start_ms`, moves by `advance`, seeded chance; `set_ahead` sets
    it as a person does, which its steady count does not see."""

    def __init__(self, start_ms: int = 1_795_269_900_000, seed: int = 1) -> None:
        self._now = start_ms
        self._ahead = 0
        self._random = random.Random(seed)  # noqa: S311

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds

    def set_ahead(self, milliseconds: int) -> None:
        self._ahead = milliseconds

    def now(self) -> int:
        return self._now + self._ahead

    def steady_ms(self) -> int:
        return self._now

    def jitter(self) -> float:
        return self._random.random()

    def new_id(self) -> str:
        return ulid(self.now(), self._random.getrandbits(80))

    def new_uuid(self) -> str:
        return uuid4(self._random.getrandbits(128))

    def secret(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def off_ms(self) -> int:
        return 0

    def astray(self) -> bool:
        return False


def ulid(milliseconds: int, chance: int) -> str:
    """The ULID of a time and 80 random bits (https://github.com/ulid/spec)."""
    number = (milliseconds & 0xFFFFFFFFFFFF) << 80 | chance
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def uuid4(chance: int) -> str:
    """The UUID of 128 random bits, of which six make way for version and variant."""
    number = chance & ~(0xF << 76) & ~(0b11 << 62) | 4 << 76 | 0b10 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
