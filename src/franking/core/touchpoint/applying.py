"""What a touchpoint becomes: when an event is told of it, and when a person's retry was taken.

Policy (contract cadence, sections 1 and 3). An event that was applied changes nothing, but for a
child that went missing. One that is older than the newest applied, or comes after Sent, adds its
child where that is missing and leaves the fields. For each retry that an event or Retry Timer's
answer knows of and the touchpoint does not, one Manual Retry is written first; whoever tells it
later writes nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from franking.core.touchpoint import (
    AUTOMATED,
    ConquerError,
    Reason,
    Status,
    Told,
    Touchpoint,
)
from franking.core.touchpoint.cuts import CATEGORY_UNITS, LONG_UNITS, SHORT_UNITS, cut

Answer = Literal["applied", "already applied", "out of order"]

WITH_CHILD = (Status.RATE_LIMITED, Status.ERROR, Status.MANUAL_RETRY)
# So many retries that nobody told of are written for one event.
MOST_RETRIES = 100


class Applied(msgspec.Struct, frozen=True):
    """What an event came to: the touchpoint after it, and the children to add."""

    answer: Answer
    touchpoint: Touchpoint
    children: tuple[ConquerError, ...] = ()


def apply(
    touchpoint: Touchpoint, told: Told, known: bool, last: ConquerError | None, now: int
) -> Applied:
    """Apply an event. `known`: its child exists; `last` is the touchpoint's newest child."""
    if known:
        return Applied("already applied", touchpoint)
    child = _child(touchpoint, told) if told.status in WITH_CHILD else None
    if told.event_id == touchpoint.last_event_id:
        return Applied("already applied", touchpoint, () if child is None else (child,))
    if touchpoint.status == Status.SENT or _overtaken(touchpoint, told):
        return Applied("out of order", touchpoint, () if child is None else (child,))
    before, retries = _retried(touchpoint, told.retry_count, last, now)
    after = replace(
        _wiped(before, told.status, now),
        last_event_id=told.event_id,
        last_sequence=told.sequence,
        next_attempt_at=told.next_attempt_at if told.status is Status.RATE_LIMITED else None,
        mail_id=_mail_id(before, told),
        timer_id=told.timer_id or before.timer_id,
    )
    if child is not None:
        after = _with_error(after, told.error or Reason())
    return Applied("applied", after, retries if child is None else (*retries, child))


def _overtaken(touchpoint: Touchpoint, told: Told) -> bool:
    """By a newer event; or by the retry of what it tells of, but for a mail that was sent."""
    if told.sequence <= touchpoint.last_sequence:
        return True
    retried_since = told.retry_count < touchpoint.manual_retry_count
    return touchpoint.kind == AUTOMATED and retried_since and told.status is not Status.SENT


def _mail_id(touchpoint: Touchpoint, told: Told) -> str | None:
    """An automated one has one mail; which of a manual one's is the last, its completions say."""
    if touchpoint.kind == AUTOMATED:
        return told.mail_id or touchpoint.mail_id
    return touchpoint.mail_id or told.mail_id


def retried(
    touchpoint: Touchpoint, retry_count: int, last: ConquerError | None, now: int
) -> Applied:
    """Retry Timer answered with success and this count; nothing where an event told it before."""
    after, children = _retried(touchpoint, retry_count, last, now)
    answer: Answer = "applied" if children else "already applied"
    return Applied(answer, after, children)


def _retried(
    touchpoint: Touchpoint, retry_count: int, last: ConquerError | None, now: int
) -> tuple[Touchpoint, tuple[ConquerError, ...]]:
    """One Manual Retry for each retry that is not known yet; each holds what is being retried."""
    if touchpoint.kind != AUTOMATED or touchpoint.status == Status.SENT:
        return touchpoint, ()
    first = touchpoint.manual_retry_count + 1
    counts = range(first, min(retry_count, first + MOST_RETRIES - 1) + 1)
    if not counts:
        return touchpoint, ()
    wiped = _wiped(touchpoint, Status.MANUAL_RETRY, now)
    after = replace(wiped, manual_retry_count=counts[-1], next_attempt_at=None)
    return after, tuple(_retry_child(touchpoint, count, last, now) for count in counts)


def _wiped(touchpoint: Touchpoint, status: Status, now: int) -> Touchpoint:
    return replace(
        touchpoint,
        status=status.value,
        status_updated_at=now,
        error_message=None,
        error_message_truncated=None,
        error_code=None,
        error_category=None,
    )


def _with_error(touchpoint: Touchpoint, error: Reason) -> Touchpoint:
    message = error.message or ""
    return replace(
        touchpoint,
        error_message=cut(message, LONG_UNITS),
        error_message_truncated=cut(message, SHORT_UNITS),
        error_code=error.code and cut(error.code, SHORT_UNITS),
        error_category=error.category and cut(error.category, CATEGORY_UNITS),
    )


def _child(touchpoint: Touchpoint, told: Told) -> ConquerError:
    error = told.error or Reason()
    words = [part for part in (error.message, error.detail) if part]
    text = "\n\n".join(words)
    return ConquerError(
        event_id=told.event_id,
        touchpoint_id=touchpoint.id,
        status=told.status.value,
        occurred_at=told.occurred_at,
        error_message=cut(text, LONG_UNITS),
        error_message_truncated=cut(text, SHORT_UNITS),
        error_code=error.code and cut(error.code, SHORT_UNITS),
        cadence_member_id=touchpoint.cadence_member_id,
        email_message_id=touchpoint.email_message_id,
    )


def _retry_child(
    touchpoint: Touchpoint, count: int, last: ConquerError | None, now: int
) -> ConquerError:
    return ConquerError(
        event_id=f"{touchpoint.id}.retry.{count}",
        touchpoint_id=touchpoint.id,
        status=Status.MANUAL_RETRY.value,
        occurred_at=now,
        error_message=last.error_message if last else touchpoint.error_message,
        error_message_truncated=(
            last.error_message_truncated if last else touchpoint.error_message_truncated
        ),
        error_code=last.error_code if last else touchpoint.error_code,
        cadence_member_id=touchpoint.cadence_member_id,
        email_message_id=touchpoint.email_message_id,
    )
