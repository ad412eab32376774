"""How an attempt ends: one function for each ending, from the claimed delivery to the next.

`refused` decides between deferred and failed. A sending limit waits without using up a try, until
`give_up_at`. A temporary fault waits with growing steps while fewer than `transient_attempts`
tries of this round have been used. Everything else is final.
"""

from __future__ import annotations

from msgspec.structs import replace

from franking.core.delivery import (
    CONNECTION_LOST,
    LEASE_EXPIRED,
    RESTORED,
    STOPPED_TOO_OFTEN,
    Bounds,
    Delivery,
    Info,
    Outcome,
    Stage,
    State,
    step,
)
from franking.core.fault import Fault, doubt, ours
from franking.core.retry import backoff_ms

SEND_LIMIT = "send_limit"


def sent(delivery: Delivery, info: Info, now: int) -> Delivery:
    """At least one recipient was accepted."""
    return replace(
        _counted(delivery),
        state=step(delivery, "sent"),
        end_at=now,
        outcome=Outcome.SENT,
        error=None,
        category=None,
        cause=None,
        error_code=None,
        sentence=None,
        tries=0,
        waits=0,
        give_up_at=None,
        info=info,
    )


def refused(
    delivery: Delivery, fault: Fault, now: int, jitter: float, bounds: Bounds
) -> tuple[str, Delivery]:
    """Nobody took it: `("deferred" | "failed", the next delivery)`."""
    ended = _told(_counted(delivery), fault, _unless_in_doubt(delivery))
    if fault.rate_limited:
        return "deferred", _limited(delivery, ended, now, bounds)
    if fault.temporary and delivery.tries + 1 < bounds.transient_attempts:
        return "deferred", _again(delivery, ended, "deferred", "", now, jitter, bounds)
    return "failed", replace(ended, state=step(delivery, "failed"), end_at=now)


def doubted(
    delivery: Delivery,
    resend: bool,
    now: int,
    jitter: float,
    bounds: Bounds,
    error: str = CONNECTION_LOST,
) -> Delivery:
    """The connection ended between the dot and its answer, or an answer does not tell."""
    return _unknown(delivery, "doubted", error, resend, now, jitter, bounds)


def returned(delivery: Delivery) -> Delivery:
    """A graceful stop, or a pause: as it was before the claim, no try counted."""
    before = delivery.returns_to or State.RETRY
    return replace(_freed(delivery), state=step(delivery, "returned", f"came from {before}"))


def lapsed(
    delivery: Delivery, resend: bool, now: int, jitter: float, bounds: Bounds
) -> tuple[str, Delivery]:
    """The lease ran out: `("released" | "expired", the next delivery)`, by the journal.

    A delivery without an epoch was PROCESSING when it came: no journal of ours, so expired, and
    no try of ours either (contract trigger-email, case 108).
    """
    if delivery.epoch == 0:
        fault = doubt(LEASE_EXPIRED)
        told = _told(_freed(delivery), fault, Outcome.UNKNOWN)
        return "expired", replace(told, state=step(delivery, "expired"))
    if delivery.stage in (Stage.TRANSMITTING, Stage.ANSWERED):
        return "expired", _unknown(delivery, "expired", LEASE_EXPIRED, resend, now, jitter, bounds)
    return "released", _released(delivery, now, bounds)


def waited_out(delivery: Delivery, now: int) -> Delivery:
    """It waited as long as it may: ERROR, with what it waited for."""
    waited = f" It waited for: {delivery.waiting_for}." if delivery.waiting_for else ""
    last = f" Last answer: {delivery.error}" if delivery.error else ""
    category = delivery.category or "service_unavailable"
    cause = delivery.cause or "server_error"
    fault = ours(f"Error: Not sent within the time it may wait.{waited}{last}", category, cause)
    told = _told(delivery, fault, _unless_in_doubt(delivery))
    return replace(
        told,
        state=step(delivery, "waited_out"),
        error_code=delivery.error_code,
        end_at=now,
        waiting_for=None,
    )


def held_out(delivery: Delivery, reason: str, now: int) -> Delivery:
    """Its account was disconnected for longer than it may wait: ERROR, as the mail that met it."""
    error = f"Error: The email account is disconnected: {reason}"
    fault = ours(error, "mailbox_disconnected", "credentials_rejected")
    told = _told(delivery, fault, Outcome.NOT_SENT)
    return replace(told, state=step(delivery, "waited_out"), end_at=now, waiting_for=None)


def restored(delivery: Delivery, now: int) -> Delivery:
    """The database is a backup: nobody knows what became of it since."""
    told = _told(_freed(delivery), doubt(RESTORED), Outcome.UNKNOWN)
    state = step(delivery, "restored")
    return replace(told, state=state, end_at=now, give_up_at=None, waiting_for=None)


def limited_out(delivery: Delivery, reason: str | None) -> Delivery:
    """As it waits for its account's sending limit, that another mail met."""
    return replace(
        delivery,
        waiting_for=SEND_LIMIT,
        category=SEND_LIMIT,
        cause="account_rate_limited",
        error=delivery.error or reason,
    )


def _limited(delivery: Delivery, ended: Delivery, now: int, bounds: Bounds) -> Delivery:
    return replace(
        ended,
        state=step(delivery, "deferred"),
        waits=delivery.waits + 1,
        give_up_at=delivery.give_up_at or now + bounds.max_wait_ms,
        waiting_for=SEND_LIMIT,
    )


def _again(
    delivery: Delivery,
    ended: Delivery,
    event: str,
    given: str,
    now: int,
    jitter: float,
    bounds: Bounds,
) -> Delivery:
    tries = delivery.tries + 1
    return replace(
        ended,
        state=step(delivery, event, given),
        tries=tries,
        waits=0,
        due_at=now + backoff_ms(tries, bounds.retry_base_ms, jitter),
        waiting_for="retry",
    )


def _unknown(
    delivery: Delivery,
    event: str,
    error: str,
    resend: bool,
    now: int,
    jitter: float,
    bounds: Bounds,
) -> Delivery:
    ended = _told(_counted(delivery), doubt(error), Outcome.UNKNOWN)
    if resend and delivery.tries + 1 < bounds.transient_attempts:
        return _again(delivery, ended, event, "resend", now, jitter, bounds)
    return replace(ended, state=step(delivery, event), end_at=now)


def _released(delivery: Delivery, now: int, bounds: Bounds) -> Delivery:
    releases = delivery.releases + 1
    if releases < bounds.releases:
        freed = replace(_freed(delivery), releases=releases, due_at=now, waiting_for=None)
        return replace(freed, state=step(delivery, "released"))
    fault = ours(STOPPED_TOO_OFTEN.format(releases))
    told = _told(_counted(delivery), fault, _unless_in_doubt(delivery))
    return replace(told, state=step(delivery, "released", "too often"), end_at=now)


def _unless_in_doubt(delivery: Delivery) -> Outcome:
    """Not sent by what ends it now; an earlier try that is in doubt stays so."""
    in_doubt = delivery.outcome is Outcome.UNKNOWN
    return Outcome.UNKNOWN if in_doubt else Outcome.NOT_SENT


def _freed(delivery: Delivery) -> Delivery:
    return replace(delivery, lease_expires_at=None, returns_to=None, stage=None)


def _counted(delivery: Delivery) -> Delivery:
    return replace(
        _freed(delivery), attempts=delivery.attempts + 1, releases=0, info=None, waiting_for=None
    )


def _told(delivery: Delivery, fault: Fault, outcome: Outcome) -> Delivery:
    return replace(
        delivery,
        outcome=outcome,
        error=fault.error,
        category=fault.category,
        cause=fault.cause,
        error_code=fault.code,
        sentence=fault.sentence,
    )
