"""A mail's story for the eye: every attempt with its steps, what came back, and how it ended.

Policy. The oldest comes first, for a story is read so, and what happens next is its last line. The
peer's words stay as they are. Of very many attempts the newest are shown, and it is said how many
are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from franking.core.attempt import Attempt
from franking.core.bounce import Bounce
from franking.core.delivery import FINAL, Delivery, State
from franking.core.fault import ours
from franking.stores.base import Mail

MOST_ATTEMPTS = 100
MOST_RETURNED = 100
MOST_STEPS = 30
# A delivery's end and its attempt's are the same where they are no further apart.
SAME_MS = 1_000

STAGES = {
    "claimed": "Taken up to be sent",
    "composed": "Put together",
    "transmitting": "Going out to the server",
    "answered": "The server answered",
}
# How an attempt ended: a tone, and what happened.
_ENDS = {
    "sent": ("good", "sent"),
    "failed": ("bad", "failed"),
    "deferred": ("wait", "refused for now"),
    "doubted": ("doubt", "contact was lost while it was being sent"),
    "expired": ("doubt", "the sender stopped while it was being sent"),
    "returned": ("", "given back before anything was sent"),
    "released": ("", "the sender stopped before anything was sent"),
}
_GOES_ON = ("deferred", "returned")
_RETURNED = {
    "failed": ("bad", "It came back"),
    "delayed": ("wait", "It is delayed on its way"),
    "delivered": ("good", "It was delivered"),
    "relayed": ("good", "It was handed on to a server that sends no receipts"),
    "expanded": ("good", "It was handed on to the members of a list"),
}


class Step(msgspec.Struct, frozen=True):
    """A stage that was reached, or what was said of a recipient; `took` since the step before."""

    words: str
    at: int | None
    took: int | None = None
    recipient: str | None = None
    said: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """One thing that happened; `said` are words of others, each with whose they are."""

    id: str
    at: int
    tone: str
    title: str
    outcome: str | None = None
    words: str | None = None
    category: str | None = None
    code: str | None = None
    recipient: str | None = None
    part: str | None = None
    took: int | None = None
    steps: tuple[Step, ...] = ()
    more_steps: int = 0
    said: tuple[tuple[str, str], ...] = ()
    about: str = ""


class Story(msgspec.Struct, frozen=True):
    """What happened, oldest first; `left_out` older attempts are not shown."""

    entries: tuple[Entry, ...]
    left_out: int = 0


def story(mail: Mail, attempts: Sequence[Attempt], bounces: Sequence[Bounce]) -> Story:
    """All that happened to a mail."""
    entries = [_attempt(mail, one) for one in attempts[-MOST_ATTEMPTS:]]
    entries += [_returned(mail, one) for one in bounces[-MOST_RETURNED:]]
    entries += _end(mail.delivery, attempts)
    entries.sort(key=lambda entry: entry.at)
    begun = Entry("begun", mail.created_at, "", "Taken in")
    return Story((begun, *entries), max(0, len(attempts) - MOST_ATTEMPTS))


def _attempt(mail: Mail, attempt: Attempt) -> Entry:
    tone, what = _ENDS.get(attempt.event, ("", attempt.event))
    steps = _steps(attempt)
    return Entry(
        id=f"attempt-{attempt.mail}-{attempt.epoch}",
        at=attempt.started_at,
        tone=tone,
        title=f"Attempt {attempt.number}: {what}" if attempt.number else what.capitalize(),
        outcome=attempt.outcome if tone else None,
        words=attempt.error,
        category=attempt.category,
        code=attempt.code,
        part=None if attempt.mail == mail.id else attempt.mail,
        took=attempt.ended_at - attempt.started_at,
        steps=steps[:MOST_STEPS],
        more_steps=max(0, len(steps) - MOST_STEPS),
        said=_said(attempt),
        about=_about(attempt),
    )


def _steps(attempt: Attempt) -> tuple[Step, ...]:
    """How far it got and when, the attempt's end last; without a journal, only how far."""
    if not attempt.steps:
        stage = STAGES.get(attempt.stage, attempt.stage)
        return (Step(f"The last that is known of it: {stage.lower()}", None),)
    steps: list[Step] = []
    before: int | None = None
    for step in attempt.steps:
        at = step.get("at")
        at = at if isinstance(at, int) else None
        took = at - before if at is not None and before is not None else None
        steps.append(_step(attempt, step, at, took))
        before = at if at is not None else before
    if before is not None and attempt.ended_at > before:
        steps.append(Step("Ended", attempt.ended_at, attempt.ended_at - before))
    return tuple(steps)


def _step(attempt: Attempt, step: dict[str, Any], at: int | None, took: int | None) -> Step:
    said = step.get("text")
    said = said if isinstance(said, str) and said != attempt.text else None
    recipient = step.get("recipient")
    if isinstance(recipient, str):
        return Step("Not taken", at, took, recipient, said)
    stage = str(step.get("stage", ""))
    return Step(STAGES.get(stage, stage), at, took, said=said)


def _said(attempt: Attempt) -> tuple[tuple[str, str], ...]:
    found = []
    if attempt.text:
        found.append(("What the server said", attempt.text))
    if attempt.response and attempt.response != attempt.text:
        found.append(("Its answer", attempt.response))
    late = attempt.late or {}
    if late:
        words = f"{late.get('event', 'ended')}: {late.get('text') or late.get('error') or ''}"
        found.append(("What the sender reported after its time was over", words))
    return tuple(found)


def _about(attempt: Attempt) -> str:
    parts = [f"revision {attempt.revision}", f"epoch {attempt.epoch}"]
    if attempt.worker:
        parts.append(f"worker {attempt.worker}")
    if attempt.message_id:
        parts.append(f"Message-ID {attempt.message_id}")
    return ", ".join(parts)


def _returned(mail: Mail, bounce: Bounce) -> Entry:
    tone, title = _RETURNED.get(bounce.action, ("", f"A report came: {bounce.action}"))
    told = None
    if bounce.category is not None and bounce.cause is not None:
        told = ours(bounce.text, bounce.category, bounce.cause).sentence
    return Entry(
        id=f"returned-{bounce.fingerprint}",
        at=bounce.received_at,
        tone=tone,
        title=title,
        words=told,
        category=bounce.category,
        code=bounce.status,
        recipient=bounce.recipient,
        part=None if bounce.mail == mail.id else bounce.mail,
        said=(("What the report says", bounce.text),) if bounce.text else (),
    )


def _end(delivery: Delivery, attempts: Sequence[Attempt]) -> list[Entry]:
    """The end where no attempt brought it: refused at the door, cancelled, waited too long."""
    if delivery.state not in FINAL or delivery.end_at is None:
        return []
    if any(_ended(attempt, delivery.end_at) for attempt in attempts):
        return []
    failed = delivery.state is State.ERROR
    said = (("Why", delivery.error),) if delivery.error else ()
    return [
        Entry(
            id="end",
            at=delivery.end_at,
            tone="bad" if failed else "good",
            title="Failed" if failed else "Known to be sent",
            outcome=delivery.outcome,
            words=delivery.sentence,
            category=delivery.category,
            code=delivery.error_code,
            said=said,
        )
    ]


def _ended(attempt: Attempt, at: int) -> bool:
    """Did this attempt bring the end? The two times are taken one after the other."""
    return attempt.event not in _GOES_ON and abs(attempt.ended_at - at) <= SAME_MS
