"""The seven events of Trigger Email: which of them a fact of a mail is, by what led to it.

Policy (contract trigger-email, sections 8 and 9): each is told exactly when its name says.
`onStart`: a document's delivery begins. `onPending`, `onRetry`, `onProcessing`: the mail came to
that state, however it did. `onComplete`: an attempt was counted, or the mail ended without one;
never twice for one of them. `onSuccess`, `onError`: the mail came to that end, or its end became
another, as when a doubt is cleared up. A document that came with its end already written
(`delivery.state` SUCCESS or ERROR) starts and completes, and nothing of it succeeds or fails. An
edit is none of the seven. The recipients that go on by themselves are a part of their mail, which
has ended: nothing is told of them.
"""

from __future__ import annotations

from enum import StrEnum

from franking.core.delivery import FINAL, WAITING, Delivery, State


class Told(StrEnum):
    """The last part of a CloudEvent's type, as the extension spells it."""

    START = "onStart"
    PENDING = "onPending"
    PROCESSING = "onProcessing"
    RETRY = "onRetry"
    COMPLETE = "onComplete"
    SUCCESS = "onSuccess"
    ERROR = "onError"


TYPE = "firebase.extensions.firestore-send-email.v1."
FROM_SCRATCH = "from scratch"

START, COMPLETE = Told.START, Told.COMPLETE
_CAME_TO = {
    State.PENDING: Told.PENDING,
    State.RETRY: Told.RETRY,
    State.PROCESSING: Told.PROCESSING,
    State.SUCCESS: Told.SUCCESS,
    State.ERROR: Told.ERROR,
}
# How an attempt may end without being counted.
_UNCOUNTED = ("returned", "released")
CLAIMED: tuple[Told, ...] = (Told.PROCESSING,)


def begun(delivery: Delivery) -> tuple[Told, ...]:
    """A document came in, or its delivery begins from scratch."""
    if delivery.state not in FINAL:
        return START, _CAME_TO[delivery.state]
    # What came with its end has no end of ours.
    ended = () if delivery.end_at is None else (_CAME_TO[delivery.state],)
    return START, COMPLETE, *ended


def settled(event: str, delivery: Delivery) -> tuple[Told, ...]:
    """An attempt ended along the machine's `event`."""
    came_to = _CAME_TO[delivery.state]
    if event in _UNCOUNTED and delivery.state not in FINAL:
        return (came_to,)
    return COMPLETE, came_to


def changed(before: Delivery, after: Delivery, asked: str | None) -> tuple[Told, ...]:
    """Something else than an attempt led to `after`; `asked`: a person's new round.

    `asked` is RETRY, PENDING, or FROM_SCRATCH. Nothing where only times were moved.
    """
    if asked == FROM_SCRATCH:
        return begun(after)
    if asked is not None:
        return (_CAME_TO[after.state],)
    if after.state not in FINAL:
        return ()
    if before.state not in FINAL:
        return COMPLETE, _CAME_TO[after.state]
    news = (before.state, before.outcome) != (after.state, after.outcome)
    return (_CAME_TO[after.state],) if news else ()


def removed(before: Delivery) -> tuple[Told, ...]:
    """The document was deleted; while it waited, its delivery ends with it."""
    return (COMPLETE,) if before.state in WAITING else ()


def moment(after: Delivery, asked: str | None) -> int:
    """When what `changed` tells of happened, in milliseconds since 1970 UTC."""
    if asked == FROM_SCRATCH and after.start_at is not None:
        return after.start_at
    if after.state in FINAL and after.end_at is not None:
        return after.end_at
    # What is asked for again is due at once.
    return after.due_at


def fact(told: tuple[Told, ...], at: int) -> tuple[int | Told, ...] | None:
    """What a statement writes beside the change itself: when, and which; None where none is."""
    return (at, *told) if told else None
