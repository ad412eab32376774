"""What is asked of a delivery from outside: new, preset, retried, resubmitted or cancelled.

Whoever asks gets the next delivery or `Refused`, in words. A retry of a PENDING mail changes
nothing; of a PROCESSING one it is refused; anything else starts a new round of bounded tries and
goes now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from franking.core import times
from franking.core.delivery import TABLE, WAITING, Bounds, Delivery, Outcome, State, step
from franking.core.endings import lapsed
from franking.core.fault import Fault, ours
from franking.core.machine import NOTHING, follow

CANCELLED = "Error: The timer was deleted before this email was sent."
STATE_CHARACTERS = 100
CANCELLED_SENTENCE = "This email was cancelled before it was sent."


def submitted(now: int, send_at: int | None, send_before: int | None) -> Delivery:
    """A new mail, due now or at its own time."""
    state = State(follow(TABLE, NOTHING, "submitted"))
    waiting = "sendAt" if send_at is not None and send_at > now else None
    return Delivery(
        state=state,
        due_at=send_at if send_at is not None else now,
        start_at=now,
        give_up_at=send_before,
        waiting_for=waiting,
    )


def refused(now: int, error: str) -> Delivery:
    """A document that can't be sent as it stands, told at once."""
    state = State(follow(TABLE, NOTHING, "refused"))
    return _ended(Delivery(state=state, due_at=now, start_at=now), invalid(error), now)


def preset(
    given: Mapping[str, Any], now: int, send_at: int | None, send_before: int | None
) -> Delivery:
    """The delivery that a document came with on a new id (contract, cases 103 to 108).

    Only `state`, `attempts` and `leaseExpireTime` count. An unknown state, or none, is ERROR at
    once, as is PROCESSING without a lease. One that is to be sent waits for its `sendAt`.
    """
    name = given.get("state")
    if name not in list(State):
        said = name[:STATE_CHARACTERS] if isinstance(name, str) else ""
        return refused(now, f'Error: Unknown delivery state "{said}".')
    state = State(follow(TABLE, NOTHING, "preset", str(name)))
    attempts = _attempts(given.get("attempts"))
    if state in WAITING:
        return replace(submitted(now, send_at, send_before), state=state, attempts=attempts)
    found = Delivery(state=state, due_at=now, start_at=now, attempts=attempts)
    if state is not State.PROCESSING:
        return found
    lease = _time(given.get("leaseExpireTime"))
    if lease is None:
        _, expired = lapsed(found, False, now, 0.0, Bounds())
        return expired
    return replace(found, lease_expires_at=lease)


def retried(delivery: Delivery, now: int, give_up_at: int | None) -> Delivery:
    """A person asked for another try: RETRY, now, with a new round of tries."""
    if delivery.state is State.PENDING:
        return delivery
    return _round(delivery, State(step(delivery, "retried")), now, give_up_at)


def resubmitted(delivery: Delivery, now: int, give_up_at: int | None) -> Delivery:
    """As `retried`, for those who write PENDING."""
    if delivery.state is State.PENDING:
        return delivery
    asked = _round(delivery, State(step(delivery, "resubmitted")), now, give_up_at)
    return replace(asked, error=None, category=None, cause=None, error_code=None, sentence=None)


def cancelled(delivery: Delivery, now: int) -> Delivery:
    """What it was waiting to be sent for is no longer wanted: it never will be, by itself."""
    return replace(
        delivery,
        state=State(step(delivery, "cancelled")),
        end_at=now,
        outcome=delivery.outcome if delivery.outcome is Outcome.UNKNOWN else Outcome.NOT_SENT,
        error=CANCELLED,
        category=None,
        cause=None,
        error_code=None,
        sentence=CANCELLED_SENTENCE,
        waiting_for=None,
    )


def invalid(error: str) -> Fault:
    """The verdict on a document that the door refused."""
    if "recipient" in error:
        return ours(error, "invalid_recipient_address", "address_invalid")
    return ours(error)


def _round(delivery: Delivery, state: State, now: int, give_up_at: int | None) -> Delivery:
    return replace(
        delivery,
        state=state,
        due_at=now,
        end_at=None,
        tries=0,
        waits=0,
        releases=0,
        give_up_at=give_up_at,
        waiting_for=None,
    )


def _ended(delivery: Delivery, fault: Fault, now: int) -> Delivery:
    return replace(
        delivery,
        end_at=now,
        outcome=Outcome.NOT_SENT,
        error=fault.error,
        category=fault.category,
        cause=fault.cause,
        error_code=fault.code,
        sentence=fault.sentence,
        info=None,
        waiting_for=None,
    )


def _attempts(value: object) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return min(max(int(value), 0), 1_000_000) if whole else 0  # type: ignore[call-overload]


def _time(value: object) -> int | None:
    try:
        return times.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None
