"""Evidence that comes late: what an attempt's own answer still proves after its lease was lost.

A worker that lost its lease records its attempt all the same. Where it proves that the mail was
sent, a mail in doubt, one that waits for another try and one whose next attempt has not reached
the dot become SUCCESS. Where it proves that the mail was not sent, the mail is out of doubt once
no other attempt is in doubt, and nothing is sent by itself.
"""

from __future__ import annotations

from msgspec.structs import replace

from franking.core.delivery import Delivery, Info, Outcome, Stage, State, step
from franking.core.endings import sent
from franking.core.fault import ours
from franking.core.machine import Refused

LET_GO = "Error: The worker lost its lease before it sent this message."


def proved_sent(delivery: Delivery, info: Info | None, now: int) -> Delivery:
    """The next delivery; raises `Refused` where the proof comes to a mail that is past it."""
    given = ""
    counted = 0
    if delivery.state is State.ERROR:
        given = "unknown" if delivery.outcome is Outcome.UNKNOWN else "known"
    elif delivery.state is State.PROCESSING:
        begun = delivery.stage in (Stage.TRANSMITTING, Stage.ANSWERED)
        given = "transmitting" if begun else "before transmitting"
    state = step(delivery, "proved_sent", given)
    if delivery.outcome is not Outcome.UNKNOWN:
        counted = 1
    claimed = replace(delivery, state=State.PROCESSING, attempts=delivery.attempts - 1 + counted)
    ended = sent(claimed, info or _NOBODY, now)
    return replace(ended, state=state, info=info)


def proved_unsent(
    delivery: Delivery, event: str, late: Delivery, last_doubt: bool, now: int
) -> Delivery:
    """ERROR with the fault of the `late` verdict; `Refused` while another attempt is in doubt.

    `event` is how the late attempt ended: one that was returned met no fault, so it gets ours.
    """
    if not last_doubt:
        raise Refused(delivery.state, "proved_unsent", "another attempt is in doubt")
    given = "unknown" if delivery.outcome is Outcome.UNKNOWN else "known"
    state = step(delivery, "proved_unsent", given)
    fault = ours(LET_GO, "unknown", "unknown") if event == "returned" else None
    return replace(
        delivery,
        state=state,
        end_at=now,
        outcome=Outcome.NOT_SENT,
        error=fault.error if fault else late.error,
        category=fault.category if fault else late.category,
        cause=fault.cause if fault else late.cause,
        error_code=None if fault else late.error_code,
        sentence=fault.sentence if fault else late.sentence,
    )


_NOBODY = Info(message_id=None, accepted=(), rejected=(), pending=(), response=None)
