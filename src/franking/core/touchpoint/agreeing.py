"""Does a touchpoint show what its mails' own record says, and if not, why.

Policy. What a touchpoint should show is what its events come to, applied in the order of their
sequence to the touchpoint as it was created, and then the retries that its timer knows of. An event
is missing where telling it now would change something: it waits, it is parked, or it was told and
lost. A status that is none of ours was written by somebody in the CRM and is kept, so it is no
difference. A retry that no event tells of yet may be known already or not; the mail's next event
settles it. A mail that ended, or waits for a sending limit, without an event that says so is a
difference too, and none that sending again would mend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core import times
from franking.core.delivery import Delivery, State
from franking.core.endings import SEND_LIMIT
from franking.core.touchpoint import AUTOMATED, ConquerError, Reason, Status, Told, Touchpoint
from franking.core.touchpoint.applying import apply, retried

NOT_MENDED = "No event that is sent again would change it: it was written by somebody else."
NO_EVENT = "The mail is {}, and no event tells of it."
NO_EVENT_MADE_IT = "No event on record made it."
ANSWER_LOST = "Retry Timer's answer did not reach the package; the mail's next event tells it."

FIELDS = (
    ("errorMessage", "error_message"),
    ("errorMessageTruncated", "error_message_truncated"),
    ("errorCode", "error_code"),
    ("errorCategory", "error_category"),
)


class Recorded(msgspec.Struct, frozen=True):
    """An event on record. `state` is the outbox's: waiting or parked, None once it was told."""

    seq: int
    kind: str
    told: Told
    state: str | None = None
    error: str | None = None


class Record(msgspec.Struct, frozen=True):
    """What the services have of a touchpoint: its events by sequence, how often its timer was
    retried (None where no timer is here), and its newest mail."""

    events: tuple[Recorded, ...] = ()
    retry_count: int | None = None
    mail: Delivery | None = None


class Difference(msgspec.Struct, frozen=True):
    """A field that shows something else than it should, and why."""

    field: str
    shown: str | None
    expected: str | None
    reason: str


class Finding(msgspec.Struct, frozen=True):
    """All differences of a touchpoint, and the events that would change it if told now."""

    differences: tuple[Difference, ...] = ()
    missing: tuple[Recorded, ...] = ()


class _Expected(msgspec.Struct, frozen=True):
    """What the events come to, and what with the retries that none of them tells of."""

    told: Touchpoint
    retried: Touchpoint
    children: frozenset[str]


class _Mended(msgspec.Struct, frozen=True):
    """What telling the missing events would come to; `gained` are children by the event that
    would make them, `by` the last event that would change the fields."""

    touchpoint: Touchpoint
    missing: tuple[Recorded, ...]
    gained: dict[str, Recorded]
    by: Recorded | None


def compare(touchpoint: Touchpoint, children: Sequence[ConquerError], record: Record) -> Finding:
    """Every difference between what is shown and what should be."""
    known = frozenset(child.event_id for child in children)
    expected = _expected(touchpoint, record)
    mended = _mended(touchpoint, known, record.events)
    differences = (
        *map(_missing, mended.missing),
        *_fields(touchpoint, expected, mended),
        *_retries(touchpoint, expected, mended),
        *_children(touchpoint, known, expected, mended),
        *_mail(touchpoint, expected, record.mail),
    )
    return Finding(differences, mended.missing)


def told(
    kind: str, body: Mapping[str, Any], event_id: str, sequence: int | None, occurred_at: int
) -> Told | None:
    """An event of ours as the package is told it; None where it hears nothing of such a kind."""
    status = _STATUSES.get(kind)
    if status is None or sequence is None:
        return None
    given, next_at = body.get("error"), body.get("nextAttemptTime")
    error = None if given is None else {name: _text(given.get(name)) for name in _REASON}
    return Told(
        status,
        event_id,
        sequence,
        occurred_at,
        retry_count=body.get("retryCount", 0),
        error=None if error is None else Reason(**error),
        next_attempt_at=None if next_at is None else times.parse(next_at),
        mail_id=body.get("mailId"),
        timer_id=body.get("timerId"),
    )


def _text(value: str | None) -> str | None:
    # The package keeps no NUL (outlets/package/taking).
    return value and value.replace("\0", "\ufffd")


def _expected(touchpoint: Touchpoint, record: Record) -> _Expected:
    now, children = _created(touchpoint), set[str]()
    for event in record.events:
        applied = apply(now, event.told, False, None, 0)
        now = applied.touchpoint
        children |= {child.event_id for child in applied.children}
    count = touchpoint.manual_retry_count if record.retry_count is None else record.retry_count
    after = retried(now, count, None, 0)
    # What no event tells of yet is there as soon as the package heard of it otherwise.
    later = [
        f"{touchpoint.id}.retry.{number}"
        for number in range(now.manual_retry_count + 1, after.touchpoint.manual_retry_count + 1)
        if number <= touchpoint.manual_retry_count
    ]
    return _Expected(now, after.touchpoint, frozenset((*children, *later)))


def _created(touchpoint: Touchpoint) -> Touchpoint:
    status = Status.SCHEDULED if touchpoint.kind == AUTOMATED else Status.PENDING_MANUAL_SEND
    blank = dict.fromkeys((name for _, name in FIELDS), None)
    return replace(
        touchpoint,
        status=status.value,
        manual_retry_count=0,
        last_event_id=None,
        last_sequence=0,
        **blank,
    )


def _mended(touchpoint: Touchpoint, known: frozenset[str], events: Sequence[Recorded]) -> _Mended:
    now, by = touchpoint, None
    missing: list[Recorded] = []
    gained: dict[str, Recorded] = {}
    for event in events:
        applied = apply(now, event.told, event.told.event_id in known, None, 0)
        fresh = [c.event_id for c in applied.children if c.event_id not in known]
        if applied.answer == "applied":
            by = event
        if applied.answer == "applied" or fresh:
            missing.append(event)
        gained |= dict.fromkeys(fresh, event)
        now = applied.touchpoint
    return _Mended(now, tuple(missing), gained, by)


def _missing(event: Recorded) -> Difference:
    return Difference("event", None, f"{event.kind} {event.told.event_id}", _why(event))


def _why(event: Recorded) -> str:
    name = f"{event.kind} {event.told.event_id}"
    if event.state is None:
        return f"{name} was told, and is not applied."
    said = f": {event.error}" if event.error else "."
    return f"{name} is parked{said}" if event.state == "parked" else f"{name} waits{said}"


def _fields(touchpoint: Touchpoint, expected: _Expected, mended: _Mended) -> Iterator[Difference]:
    """Status and error fields. A retry that only the timer knows of may be shown or not."""
    wanted = expected.told if touchpoint.status == expected.told.status else expected.retried
    names = [("actionStatus", "status")] if touchpoint.status in list(Status) else []
    for field, name in (*names, *FIELDS):
        shown, right = getattr(touchpoint, name), getattr(wanted, name)
        if shown != right:
            heals = mended.by and getattr(mended.touchpoint, name) in (
                getattr(expected.told, name),
                right,
            )
            reason = _why(mended.by) if mended.by and heals else NOT_MENDED
            yield Difference(field, shown, right, reason)


def _retries(touchpoint: Touchpoint, expected: _Expected, mended: _Mended) -> Iterator[Difference]:
    shown, right = touchpoint.manual_retry_count, expected.retried.manual_retry_count
    if shown == right:
        return
    reason = NOT_MENDED
    if mended.by and mended.touchpoint.manual_retry_count > shown:
        reason = _why(mended.by)
    elif shown == expected.told.manual_retry_count:
        reason = ANSWER_LOST
    yield Difference("manualRetryCount", str(shown), str(right), reason)


def _children(
    touchpoint: Touchpoint, known: frozenset[str], expected: _Expected, mended: _Mended
) -> Iterator[Difference]:
    for id in sorted(expected.children - known):
        event = mended.gained.get(id)
        yield Difference("errors", None, id, NOT_MENDED if event is None else _why(event))
    for id in sorted(known - expected.children):
        yield Difference("errors", id, None, NO_EVENT_MADE_IT)


def _mail(
    touchpoint: Touchpoint, expected: _Expected, mail: Delivery | None
) -> Iterator[Difference]:
    """A mail that was sent once leaves Sent there for good, whatever becomes of it later."""
    wanted = None if mail is None else _shown_by(mail)
    right = (Status.SENT, expected.told.status, expected.retried.status)
    if mail is None or wanted is None or wanted in right[1:] or expected.told.status == right[0]:
        return
    reason = NO_EVENT.format(mail.state)
    yield Difference("mail", touchpoint.status, wanted.value, reason)


def _shown_by(mail: Delivery) -> Status | None:
    """What a mail's state means for the rep; None while it is on its way."""
    if mail.state is State.SUCCESS:
        return Status.SENT
    if mail.state is State.ERROR:
        return Status.ERROR
    # One that waits for a limit which another mail met has told nothing.
    limited = mail.state is State.RETRY and mail.waiting_for == SEND_LIMIT and mail.waits > 0
    return Status.RATE_LIMITED if limited else None


_STATUSES = {
    "email_Sent": Status.SENT,
    "email_Error": Status.ERROR,
    "email_Rate_Limited": Status.RATE_LIMITED,
}
_REASON = Reason.__struct_fields__
