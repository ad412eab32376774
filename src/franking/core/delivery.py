"""The delivery of one mail: its states, the arrows between them, and what is kept of it.

Policy, as `docs/machines.md` draws it. A mail is PENDING until a worker claims it under a lease
(mail, epoch, expiry) and PROCESSING until that attempt has ended: SUCCESS when a server took it
for at least one recipient, ERROR when it will not be tried again by itself, RETRY when it will.
Doubt begins with the final dot, so the stage `transmitting` is on disk before it: a lease that
runs out earlier is released and tried again, one that runs out later is `unknown`, never a guess.

Every function of `core/endings`, `core/requests` and `core/proof` takes a `Delivery` and returns
the next one; `follow` refuses what the table has no arrow for.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from franking.core.machine import NOTHING, Arrow, follow, table


class State(StrEnum):
    """As the outside spells them."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class Stage(StrEnum):
    """How far an attempt got."""

    CLAIMED = "claimed"
    COMPOSED = "composed"
    TRANSMITTING = "transmitting"
    ANSWERED = "answered"


class Outcome(StrEnum):
    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


WAITING = (State.PENDING, State.RETRY)
FINAL = (State.SUCCESS, State.ERROR)

LEASE_EXPIRED = "Message processing lease expired."
CONNECTION_LOST = "Error: Connection lost before the server confirmed the message."
RESTORED = "Error: Restored from a backup: this message may have been sent after that was made."
STOPPED_TOO_OFTEN = "Error: The worker stopped {} times in a row while it prepared this message."

P, W, R, S, E = State.PENDING, State.PROCESSING, State.RETRY, State.SUCCESS, State.ERROR

ARROWS = (
    Arrow(NOTHING, "submitted", P, note="`sendAt` is the mail's own due time"),
    Arrow(NOTHING, "refused", E, note="written to the collection and invalid: told at once"),
    *(Arrow(NOTHING, "preset", s, s, "the document came with a `delivery`") for s in State),
    *(Arrow(s, "claimed", W, note="a new epoch, `leaseExpireTime`") for s in WAITING),
    Arrow(W, "sent", S, note="at least one recipient accepted"),
    Arrow(W, "failed", E, note="the fault is final, or the bounded tries are used up"),
    Arrow(W, "deferred", R, note="rate limited, or temporary with tries left"),
    *(
        Arrow(W, "returned", s, f"came from {s}", "a graceful stop or a pause: no try counted")
        for s in WAITING
    ),
    Arrow(W, "released", R, note="the lease ran out and no final dot went out: try again now"),
    Arrow(W, "released", E, "too often", "five in a row"),
    Arrow(W, "expired", E, note="the lease ran out in `transmitting`: outcome `unknown`"),
    Arrow(W, "expired", R, "resend", '`onUnknown: "resend"` and tries are left'),
    Arrow(W, "doubted", E, note="the connection ended between the dot and its answer"),
    Arrow(W, "doubted", R, "resend", '`onUnknown: "resend"` and tries are left'),
    *(Arrow(s, "waited_out", E, note="waited longer than it may") for s in WAITING),
    *(Arrow(s, "cancelled", E, note="its timer was deleted") for s in WAITING),
    *(Arrow(s, "restored", E, note="from a backup: outcome `unknown`") for s in (P, W, R)),
    *(Arrow(s, "retried", R, note="a person asked; a waiting one goes now") for s in (E, S, R)),
    *(Arrow(s, "resubmitted", P, note="a person asked for it") for s in (E, S, R)),
    Arrow(E, "proved_sent", S, "unknown", "evidence came later"),
    Arrow(E, "proved_unsent", E, "unknown", "with its fault; nothing is sent by itself"),
    Arrow(R, "proved_sent", S, note="the late answer of an earlier epoch"),
    Arrow(W, "proved_sent", S, "before transmitting", "the late answer of an earlier epoch"),
)
TABLE = table(ARROWS)


class Bounds(msgspec.Struct, frozen=True):
    """What limits trying and waiting (settings of the same names)."""

    transient_attempts: int = 5
    releases: int = 5
    retry_base_ms: int = 30_000
    max_wait_ms: int = 72 * 3_600_000
    hold_ms: int = 60 * 60_000


class Info(msgspec.Struct, frozen=True, rename="camel"):
    """What the server said of the last attempt, while at least one recipient was accepted."""

    message_id: str | None
    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    pending: tuple[str, ...]
    response: str | None
    sendgrid_queue_id: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    """What is known of one mail; times are milliseconds since 1970 UTC.

    `attempts` counts tries when they end, for ever; `tries` the temporary and doubtful ones of
    this round; `waits` the answers in a row that named a sending limit; `releases` the leases in
    a row that ran out before the dot. `returns_to` is the state it was claimed from. `stage` is
    how far the present attempt is known, on disk, to have come. `give_up_at` ends all waiting;
    from `expire_at` on the document is deleted once its mail has ended.
    """

    state: State
    due_at: int
    start_at: int | None = None
    end_at: int | None = None
    attempts: int = 0
    tries: int = 0
    waits: int = 0
    releases: int = 0
    epoch: int = 0
    stage: Stage | None = None
    returns_to: State | None = None
    lease_expires_at: int | None = None
    give_up_at: int | None = None
    outcome: Outcome | None = None
    error: str | None = None
    category: str | None = None
    cause: str | None = None
    error_code: str | None = None
    sentence: str | None = None
    waiting_for: str | None = None
    info: Info | None = None
    expire_at: int | None = None


def step(delivery: Delivery, event: str, given: str = "") -> State:
    """The next state along the table. Raises `Refused`."""
    return State(follow(TABLE, delivery.state, event, given))
