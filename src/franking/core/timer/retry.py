"""Retry Timer's table: whether a person may have a timer again, and in which words not.

Policy. Only what failed or was deleted is retried (contract skyring, section 4). The words are
for the rep, who presses a button and reads a toast. Where the outcome of a mail is unknown, the
first press is told so; a second one 3 s to 10 min later, or `force`, sends it anyway: sooner it is
a double click, later another occasion.
"""

from __future__ import annotations

import msgspec

from franking.core import times
from franking.core.delivery import Delivery, Outcome, State
from franking.core.endings import SEND_LIMIT
from franking.core.prediction import Standing, held
from franking.core.timer import MAIL, Timer, TimerState

SCHEDULED = "This email is already scheduled to be sent."
BEING_SENT = "This email is being sent now."
LIMITED = "Your mailbox has reached its sending limit. This email will be sent automatically."
TRIED_AGAIN = "This email is being tried again automatically."
SENT = "This email was already sent."
IN_DOUBT = "This email may already have been delivered. Press Retry again to send it anyway."
OUTCOME_UNKNOWN = "outcome_unknown"

SOONEST_AGAIN_MS = 3_000
LATEST_AGAIN_MS = 10 * 60_000


class Refusal(msgspec.Struct, frozen=True):
    """Why a timer is not retried now: words, a word for programs, and when it goes by itself."""

    text: str
    reason: str
    at: int | None = None


class Mailed(msgspec.Struct, frozen=True):
    """The mail that a timer was served as, and what its account holds it for."""

    delivery: Delivery
    hold: Standing | None = None


def refusal(timer: Timer, mail: Mailed | None, now: int, force: bool) -> Refusal | None:
    """Why not; None where it may be retried."""
    found = _refusal(timer, mail, now, force)
    if found is None or timer.callback.transport == MAIL:
        return found
    return msgspec.structs.replace(found, text=found.text.replace("This email", "This timer"))


def doubt_asked_at(timer: Timer, now: int) -> int:
    """When the question was put that a refusal for an unknown outcome puts now, or put before."""
    fresh = timer.asked_at is not None and 0 <= now - timer.asked_at <= LATEST_AGAIN_MS
    return timer.asked_at if fresh and timer.asked_at is not None else now


def _refusal(timer: Timer, mail: Mailed | None, now: int, force: bool) -> Refusal | None:
    if timer.state is TimerState.SCHEDULED:
        return Refusal(SCHEDULED, "scheduled", timer.due_at)
    if timer.state is TimerState.SERVED:
        return _under_way(timer, mail, now)
    if mail is not None and mail.delivery.state is State.PROCESSING:
        return Refusal(BEING_SENT, "being_sent")
    if timer.state is TimerState.EXECUTED or (mail and mail.delivery.state is State.SUCCESS):
        return Refusal(SENT, "already_sent")
    in_doubt = mail is not None and mail.delivery.outcome is Outcome.UNKNOWN
    if in_doubt and not force and not _asked_before(timer, now):
        return Refusal(IN_DOUBT, OUTCOME_UNKNOWN)
    return None


def _under_way(timer: Timer, mail: Mailed | None, now: int) -> Refusal:
    if mail is None:
        # A call under way was counted before it began.
        if timer.tries and timer.tries[-1].attempt == timer.attempt:
            return Refusal(TRIED_AGAIN, "tried_again", timer.next_at)
        return Refusal(BEING_SENT, "being_sent")
    delivery = mail.delivery
    if delivery.state is State.PROCESSING:
        return Refusal(BEING_SENT, "being_sent")
    hold = None if mail.hold is None else held(mail.hold, delivery.due_at, now)
    if delivery.waiting_for == SEND_LIMIT or (hold and hold.because == SEND_LIMIT):
        return Refusal(LIMITED, SEND_LIMIT, hold.at if hold else delivery.due_at)
    if delivery.state is State.RETRY:
        return Refusal(TRIED_AGAIN, "tried_again", delivery.due_at)
    return Refusal(SCHEDULED, "scheduled", delivery.due_at)


def _asked_before(timer: Timer, now: int) -> bool:
    if timer.asked_at is None:
        return False
    return SOONEST_AGAIN_MS <= now - timer.asked_at <= LATEST_AGAIN_MS


def told(refused: Refusal) -> dict[str, object]:
    """The refusal as the body of an answer."""
    body: dict[str, object] = {"error_message": refused.text, "reason": refused.reason}
    if refused.at is not None:
        body["nextAttemptTime"] = times.text(refused.at)
    return body
