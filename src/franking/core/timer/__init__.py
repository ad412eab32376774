"""The timer: its states, the arrows between them, and what is kept of it.

Policy, as `docs/machines.md` draws it. A timer is scheduled until its time, served once its data
was handed over, and executed or failed when the work that this began has ended: for a webhook the
call, with its tries; for `mail` and `smtp` the delivery of the mail that has the timer's id. Only
what failed or was deleted is retried, and only by a person. Deleting drops what is still to come:
a webhook's tries that are left, a mail that still waits. What was replaced, retried or created
anew keeps every earlier life in `timer_life`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from franking.core.machine import NOTHING, Arrow, table


class TimerState(StrEnum):
    SCHEDULED = "scheduled"
    SERVED = "served"
    EXECUTED = "executed"
    FAILED = "failed"
    DELETED = "deleted"


C, V, X, F, D = TimerState

ARROWS = (
    Arrow(NOTHING, "created", C),
    *(Arrow(s, "created", C, note="an ended id starts a new life") for s in (X, F, D)),
    Arrow(C, "served", V, note="`served_at`; for mail, in one transaction with the submit"),
    Arrow(V, "executed", X, note="`executed_at`"),
    Arrow(V, "failed", F, note="`executed_at` and `error`: when its work ended, and why badly"),
    Arrow(F, "proved_sent", X, note="evidence came later that its mail was sent after all"),
    *(Arrow(s, "replaced", C, note="the countdown restarts") for s in (C, V)),
    *(
        Arrow(s, "deleted", D, note="`deleted_at`; what is still to come is dropped")
        for s in (C, V)
    ),
    *(Arrow(s, "retried", C, note="`previous_*`, `retry_count` + 1, due now") for s in (F, D)),
)
TABLE = table(ARROWS)

LIVE = (C, V)
ENDED = (X, F, D)

# What hands a timer's data over. `mail` and `smtp` make a mail of it, the others call out.
MAIL, SMTP, HTTP, TCP = "mail", "smtp", "http", "tcp"
MAILED = (MAIL, SMTP)
TRANSPORTS = (HTTP, MAIL, SMTP, TCP)

# The longest id of a timer.
ID_CHARACTERS = 255


class Callback(msgspec.Struct, frozen=True):
    """Whom to hand the data to, as Skyring spells it."""

    transport: str
    method: str
    uri: str


class Try(msgspec.Struct, frozen=True):
    """A call that ended badly: which, when it ended, and how."""

    attempt: int
    at: int
    error: str


class Timer(msgspec.Struct, frozen=True):
    """A timer as it is stored; times are milliseconds since 1970 UTC.

    `data` is the JSON of a string or an object, None where there is none. `revision` counts what
    was asked to be handed over: it grows when a timer is replaced or its id used again.
    `attempt` counts calls over all lives of a revision and is on disk before the call; `tries`
    those of this life that ended badly. `next_at` is when somebody must look at it again: its due
    time, its next try, or the end of the lease under `epoch`. `asked_at` is when a person asked
    for a retry and was told that the outcome is unknown. `seq` is its row, 0 before it is read.
    """

    id: str
    state: TimerState
    callback: Callback
    due_at: int
    created_at: int
    data: msgspec.Raw | None = None
    served_at: int | None = None
    executed_at: int | None = None
    deleted_at: int | None = None
    error: str | None = None
    previous_served_at: int | None = None
    previous_executed_at: int | None = None
    previous_deleted_at: int | None = None
    previous_error: str | None = None
    retry_count: int = 0
    revision: int = 1
    epoch: int = 0
    attempt: int = 0
    tries: tuple[Try, ...] = ()
    next_at: int | None = None
    asked_at: int | None = None
    seq: int = 0

    @property
    def mailed(self) -> bool:
        """Is what it hands over a mail of ours?"""
        return self.callback.transport in MAILED


class Life(msgspec.Struct, frozen=True):
    """An earlier life of a timer, and what began the next: created, replaced or retried."""

    ended_by: str
    due_at: int
    created_at: int
    served_at: int | None = None
    executed_at: int | None = None
    deleted_at: int | None = None
    error: str | None = None
    retry_count: int = 0


class TimerEnd(msgspec.Struct, frozen=True):
    """How a call ended: executed, failed, or served still, with the time of its next try."""

    seq: int
    epoch: int
    state: TimerState
    at: int
    error: str | None = None
    next_at: int | None = None
    tried: Try | None = None
