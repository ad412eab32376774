"""Another try for all mails that match a filter, a bounded number at a time, oldest first.

Policy. The filter is required, and every mail is looked at again as it is then: what no longer
matches is passed over. What was sent, or may have been, is left out unless the filter names just
that (`state` SUCCESS, `category` outcome_unknown) and `force` is given. What is being sent, and
manual mails, are refused. The mails go in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.core.delivery import Outcome, State
from franking.core.machine import Refused
from franking.office import drafts
from franking.office.drafts import Draft
from franking.office.refusals import Conflict
from franking.stores.base import Change, Filter, Mail, Once, Replay, Store, Stored

RETRIED_AT_ONCE = 500
IN_DOUBT = "outcome_unknown"
LEFT_OUT = ("already_sent", IN_DOUBT, "waiting")
WAITING = "This email is waiting to be sent for the first time."


class Why(msgspec.Struct):
    """Why some mails were not retried: a word, words, how many, and one of them."""

    reason: str
    detail: str
    mail: str
    count: int = 0


class Tally(msgspec.Struct):
    """What became of the mails that matched; `next` is where to go on, None at the end."""

    retried: int = 0
    left_out: int = 0
    refused: int = 0
    why: dict[str, Why] = msgspec.field(default_factory=dict)
    next: int | None = None


class Retries:
    """Retries many mails of a store. `wake` is called when there is something to send."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake

    async def retry(self, filter: Filter, *, force: bool, once: Once | None) -> Tally | Replay:
        """Retry up to RETRIED_AT_ONCE mails in one transaction; `once.answer` gets the tally."""
        found = await self._store.matching(filter, RETRIED_AT_ONCE)
        tally = Tally(next=found[-1][0] if len(found) == RETRIED_AT_ONCE else None)
        now = self._clock.now()

        def decide(stored: Stored | None) -> Change | None:
            if stored is None or not _matches(stored.mail, filter):
                return None
            draft = Draft(stored.mail.id, now, self._clock.new_id)
            change = _counted(tally, stored.mail, lambda: _retried(draft, stored, filter, force))
            return None if change is None else replace(change, quiet=True)

        ids = [id for _, id in found]
        kept = once and replace(once, answer=_told(once.answer, tally, ids))
        result = await self._store.change(ids, decide, kept)
        if isinstance(result, Replay):
            return result
        self._wake()
        return tally if kept is not None else _corrected(tally, ids, result)


def _told(
    answer: Callable[[Any], bytes], tally: Tally, ids: Sequence[str]
) -> Callable[[Any], bytes]:
    return lambda result: answer(_corrected(tally, ids, result))


def _corrected(tally: Tally, ids: Sequence[str], result: Sequence[object]) -> Tally:
    """What the store itself refused was not retried; what is a bug is raised."""
    for id, refusal in zip(ids, result, strict=True):
        if isinstance(refusal, Refused):
            tally.retried -= 1
            _refuse(tally, id, "state", str(refusal))
        elif isinstance(refusal, Exception):
            raise refusal
    return tally


def _retried(draft: Draft, stored: Stored, filter: Filter, force: bool) -> Change:
    delivery = stored.mail.delivery
    if delivery.state is State.PENDING:
        raise Conflict(WAITING, "waiting")
    sent = delivery.state is State.SUCCESS
    named = filter.state == State.SUCCESS if sent else filter.category == IN_DOUBT
    if not sent and delivery.outcome is Outcome.UNKNOWN and not (force and named):
        raise Conflict(drafts.IN_DOUBT, IN_DOUBT)  # a question to many would be nobody's
    return drafts.retried(draft, stored, force and named)


def _counted(tally: Tally, mail: Mail, decide: Callable[[], Change]) -> Change | None:
    try:
        change = decide()
    except Conflict as refusal:
        _refuse(tally, mail.id, refusal.reason, str(refusal))
        return None
    except Refused as refusal:
        _refuse(tally, mail.id, "state", str(refusal))
        return None
    tally.retried += 1
    return change


def _refuse(tally: Tally, id: str, reason: str, detail: str) -> None:
    tally.why.setdefault(reason, Why(reason, detail, id)).count += 1
    if reason in LEFT_OUT:
        tally.left_out += 1
    else:
        tally.refused += 1


def _matches(mail: Mail, filter: Filter) -> bool:
    """Does it match still? The words of its document were looked for a moment ago."""
    delivery = mail.delivery
    pairs = (
        (filter.state, delivery.state),
        (filter.category, delivery.category),
        (filter.account, mail.account),
        (filter.touchpoint, mail.links.touchpoint_id),
    )
    return all(wanted is None or wanted == found for wanted, found in pairs)
