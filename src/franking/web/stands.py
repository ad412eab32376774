"""How a mail stands, in words: what it waits for and until when, what comes next, what one can do.

Policy. What is not known is said to be so. A time is the earliest that is known: workers and
servers may be slower. A retry is offered where the office would take it, and asked about first
where the reason for the failure says so, or where the mail may have arrived.
"""

from __future__ import annotations

import msgspec

from franking.core.delivery import WAITING, Outcome, Stage, State
from franking.core.prediction import ACCOUNT_DISCONNECTED, ACCOUNT_PAUSED, Expectation, held
from franking.core.rules.asking import ASKING
from franking.stores.base import Mail, Stored
from franking.web.show import WAITS_FOR

OUTCOME_UNKNOWN = "outcome_unknown"
SEND_AGAIN = (
    "This email was sent already. Its recipients get it a second time, as an email of its own."
)
MANUAL = (
    "This email belongs to a touchpoint and was written by hand: complete the touchpoint again."
)
_WAITS = {**WAITS_FOR, "retry": "A passing fault held it up: it is tried again by itself."}
_UNTIL = {
    ACCOUNT_DISCONNECTED: "It goes once the account is connected again.",
    ACCOUNT_PAUSED: "It goes once the account is resumed.",
}


class Next(msgspec.Struct, frozen=True):
    """What comes next: words, and the time they speak of, with what that time is."""

    tone: str
    words: str
    at: int | None = None
    what: str = ""


class Retry(msgspec.Struct, frozen=True):
    """A retry that may be offered: the button's word, what to ask first, and whether to insist."""

    word: str
    asking: str | None = None
    force: bool = False


def next_of(mail: Mail, now: int, expected: Expectation | None = None) -> Next:
    """What happens next to a mail; `expected` where its turn was asked for."""
    delivery = mail.delivery
    if delivery.state in WAITING:
        return _waiting(mail, now, expected)
    if delivery.state is State.PROCESSING:
        going = delivery.stage is Stage.TRANSMITTING
        words = "It is going out to the server." if going else "It is being prepared and sent."
        return Next("busy", words, delivery.lease_expires_at, "The end is known by")
    if delivery.state is State.SUCCESS:
        return _sent(mail)
    if delivery.outcome is Outcome.UNKNOWN:
        words = "Nothing more is sent by itself. Check whether it arrived, before you retry it."
        return Next("doubt", words)
    return Next("bad", "Nothing more happens, unless somebody retries it.")


def retry_of(stored: Stored) -> Retry | None:
    """The retry that may be offered now, if any."""
    mail, delivery = stored.mail, stored.mail.delivery
    if mail.remainder_of is not None or by_hand(stored):
        return None
    if delivery.state is State.ERROR:
        in_doubt = delivery.outcome is Outcome.UNKNOWN
        reason = OUTCOME_UNKNOWN if in_doubt else delivery.category or ""
        return Retry("Retry", ASKING.get(reason), in_doubt)
    if stored.timer is not None:
        return None
    if delivery.state is State.RETRY:
        return Retry("Try now")
    return Retry("Send again", SEND_AGAIN, True) if delivery.state is State.SUCCESS else None


def by_hand(stored: Stored) -> bool:
    """Is it a touchpoint's email that no timer sends? It is completed again, never retried."""
    return stored.mail.links.touchpoint_id is not None and stored.timer is None


def _waiting(mail: Mail, now: int, expected: Expectation | None) -> Next:
    delivery = mail.delivery
    found = expected
    if found is None:
        hold = mail.hold
        found = Expectation(delivery.due_at) if hold is None else held(hold, delivery.due_at, now)
    because = found.because or delivery.waiting_for or ""
    words = _WAITS.get(because) or _by_time(mail, now)
    if found.at is None:
        return Next("wait", f"{words} {_UNTIL.get(because, 'No time can be told.')}")
    if found.at <= now:
        return Next("wait", _by_time(mail, now) if because == "sendAt" else words)
    return Next("wait", words, found.at, "Not before")


def _by_time(mail: Mail, now: int) -> str:
    if mail.delivery.due_at <= now:
        return "It goes as soon as its turn comes."
    again = mail.delivery.state is State.RETRY
    return "It is tried again by itself." if again else "Its time to be sent has not come."


def _sent(mail: Mail) -> Next:
    info = mail.delivery.info
    if info is not None and info.pending:
        count = len(info.pending)
        who = "One recipient was" if count == 1 else f"{count} recipients were"
        return Next("wait", f"{who} refused for now, and the rest goes on by itself.")
    if info is not None and info.rejected:
        count, whole = len(info.rejected), len(info.rejected) + len(info.accepted)
        words = f"{count} of {whole} recipients got nothing: they were refused."
        return Next("wait", words)
    words = "Nothing more happens. Should it come back, or a receipt come, that is shown here."
    return Next("good", words)
