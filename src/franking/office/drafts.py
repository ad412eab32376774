"""What the door writes: from a request and the mail as it stands to the change that is stored.

Plain functions; the store calls them inside its transaction, so what they see is what they
change. They raise `Conflict` or `Invalid` before anything was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core import merging, requests
from franking.core.delivery import FINAL, WAITING, Delivery, Outcome, State
from franking.core.event import Event, Links, report
from franking.core.expiry import NEVER, Expiry
from franking.core.lifecycle import FROM_SCRATCH
from franking.core.message import Options, options, trouble
from franking.core.timer import LIVE
from franking.core.timer.retry import OUTCOME_UNKNOWN, Mailed, doubt_asked_at, refusal
from franking.office.contents import contents
from franking.office.refusals import Conflict, Invalid
from franking.stores.base import Change, Mail, NewMail, Stored, TimerChange

ALREADY_SENT = "This email was already sent."
BEING_SENT = "This email is being sent now."
IN_DOUBT = "This email may already have been delivered. Retry it with force to send it anyway."
MANUAL = "Manual emails can't be retried. Complete the touchpoint again."
BY_TOUCHPOINT = "This belongs to a touchpoint, and is deleted only with it."
PART = "These are recipients of mail {} that were refused for now. They go on by themselves."

Document = dict[str, Any]


class Draft(msgspec.Struct, frozen=True):
    """Which mail is written, when, where new ids come from, and how long documents live."""

    id: str
    now: int
    new_id: Callable[[], str]
    expiry: Expiry = NEVER


def submitted(draft: Draft, document: Document, text: str | None) -> NewMail:
    """A new mail; `text` is its trouble, where it has one and is stored all the same."""
    return _inserted(draft, _bare(document), _first(draft, document, text))


def written(draft: Draft, document: Document) -> NewMail:
    """A new mail as written to the collection, where a preset `delivery` counts."""
    text = trouble(document)
    given = document.get("delivery")
    delivery = _first(draft, document, text)
    # What is to be sent, by its state or by none, must be without trouble.
    to_send = isinstance(given, Mapping) and given.get("state", State.PENDING) in WAITING
    if isinstance(given, Mapping) and (text is None or not to_send):
        asked = options(document)
        delivery = requests.preset(given, draft.now, asked.send_at, asked.send_before)
    return _inserted(draft, _bare(document), delivery)


def replaced(draft: Draft, stored: Stored, document: Document) -> Change:
    """The document written anew; `"delivery": null` sends it from scratch."""
    edited = _edited(draft, stored, _bare(document))
    if "delivery" in document and document["delivery"] is None:
        return _sent_again(draft, stored, edited, document, FROM_SCRATCH)
    return edited


def patched(draft: Draft, stored: Stored, patch: Document, asked: str | None) -> Change:
    """Some fields merged in, and sent again if that was asked too."""
    document = merging.merged(_decoded(stored), patch)
    edited = _edited(draft, stored, document)
    return edited if asked is None else _sent_again(draft, stored, edited, document, asked)


def retried(draft: Draft, stored: Stored, force: bool) -> Change:
    """Sent again as it stands; what was or may have been delivered only with `force`."""
    delivery = stored.mail.delivery
    if stored.timer is not None:
        return _sent_again(draft, stored, Change(), _decoded(stored), State.RETRY, force)
    _retriable(stored.mail)
    if delivery.state is State.SUCCESS and not force:
        raise Conflict(ALREADY_SENT, "already_sent")
    in_doubt = delivery.state is State.ERROR and delivery.outcome is Outcome.UNKNOWN
    if in_doubt and not force:
        raise Conflict(IN_DOUBT, "outcome_unknown")
    return _sent_again(draft, stored, Change(), _decoded(stored), State.RETRY)


def tried_again(draft: Draft, stored: Stored) -> Change:
    """Handed over once more by its timer, as it stands."""
    return _round(draft, stored, Change(), _decoded(stored), State.RETRY)


def begun_anew(draft: Draft, stored: Stored, document: Document) -> Change:
    """Another document of its timer: sent from scratch, unless what is there still waits."""
    edited = _edited(draft, stored, _bare(document))
    if stored.mail.delivery.state not in FINAL:
        return edited
    return _round(draft, stored, edited, document, FROM_SCRATCH)


def mended(draft: Draft, stored: Stored, patch: Document) -> Change:
    """Fields merged into the document, and nothing else. Raises `Invalid`."""
    document = merging.merged(_decoded(stored), patch)
    text = trouble(document)
    if text is not None:
        raise Invalid(text)
    return _edited(draft, stored, _bare(document))


def deleted(draft: Draft, stored: Stored, touchpoint: str | None) -> Change:
    """Removed, and what its timer had still to do is dropped. Raises `Conflict`."""
    own = stored.mail.links.touchpoint_id
    if own is not None and own != touchpoint:
        raise Conflict(BY_TOUCHPOINT, "touchpoint")
    at_rest(stored.mail)
    if stored.timer is None or stored.timer.state not in LIVE:
        return Change(delete=True, at=draft.now)
    return Change(delete=True, at=draft.now, timer=TimerChange("deleted", draft.now))


def asked(patch: Document) -> str | None:
    """What a patch asks of the delivery: a state, from scratch, or nothing. Raises `Invalid`."""
    if "delivery" not in patch:
        return None
    given = patch["delivery"]
    if given is None:
        return FROM_SCRATCH
    if not isinstance(given, Mapping) or not given:
        raise Invalid("Field 'delivery' must be null or a map with 'state'")
    for name in given:
        if name != "state":
            raise Invalid(f"Field 'delivery.{name}' can't be written: it is franking's own")
    if given["state"] not in (State.RETRY, State.PENDING):
        raise Invalid("Field 'delivery.state' must be RETRY or PENDING")
    return str(given["state"])


def at_rest(mail: Mail) -> None:
    """Raises `Conflict` while the mail is being sent."""
    if mail.delivery.state is State.PROCESSING:
        raise Conflict(BEING_SENT, "processing")


def _retriable(mail: Mail) -> None:
    _whole(mail)
    if mail.links.touchpoint_id is not None:
        raise Conflict(MANUAL, "manual")
    at_rest(mail)


def _whole(mail: Mail) -> None:
    if mail.remainder_of is not None:
        raise Conflict(PART.format(mail.remainder_of), "remainder")


def _first(draft: Draft, document: Document, text: str | None) -> Delivery:
    expire_at = draft.expiry.at(draft.now)
    if text is not None:
        return replace(requests.refused(draft.now, text), expire_at=expire_at)
    given = options(document)
    begun = requests.submitted(draft.now, given.send_at, given.send_before)
    return begun if expire_at is None else replace(begun, expire_at=expire_at)


def _inserted(draft: Draft, document: Document, delivery: Delivery) -> NewMail:
    found = contents(document, options(document))
    return NewMail(
        id=draft.id,
        created_at=draft.now,
        delivery=delivery,
        message_token=draft.new_id(),
        event=_told(draft, found["links"], delivery),
        **found,
    )


def _edited(draft: Draft, stored: Stored, document: Document) -> Change:
    """What an edit of the document changes; nothing where the document stays as it is."""
    _whole(stored.mail)
    if document == _decoded(stored):
        return Change()
    given = options(document)
    return Change(
        delivery=_moved(draft, stored.mail.delivery, given),
        message_token=draft.new_id(),
        **contents(document, given),
    )


def _moved(draft: Draft, delivery: Delivery, given: Options) -> Delivery | None:
    """A PENDING mail follows an edited `sendAt` and `sendBefore`; others keep their times."""
    if delivery.state is not State.PENDING:
        return None
    first = requests.submitted(draft.now, given.send_at, given.send_before)
    return replace(
        delivery,
        due_at=first.due_at,
        give_up_at=first.give_up_at,
        waiting_for=first.waiting_for,
    )


def _sent_again(
    draft: Draft,
    stored: Stored,
    edited: Change,
    document: Document,
    asked: str,
    force: bool = False,
) -> Change:
    if stored.timer is not None:
        return _through_timer(draft, stored, edited, document, asked, force)
    _retriable(stored.mail)
    return _round(draft, stored, edited, document, asked)


def _through_timer(
    draft: Draft, stored: Stored, edited: Change, document: Document, asked: str, force: bool
) -> Change:
    """Retrying what a timer served is Retry Timer on that timer, which serves it at once."""
    timer, mail = stored.timer, stored.mail
    assert timer is not None
    refused = refusal(timer, Mailed(mail.delivery, mail.hold), draft.now, force)
    if refused is None:
        again = _round(draft, stored, edited, document, asked)
        return replace(again, timer=TimerChange("retried", draft.now, served=True))
    conflict = Conflict(refused.text, refused.reason)
    if refused.reason != OUTCOME_UNKNOWN:
        raise conflict
    at = doubt_asked_at(timer, draft.now)
    return Change(timer=TimerChange("asked", draft.now, asked_at=at, refuse=conflict))


def _round(draft: Draft, stored: Stored, edited: Change, document: Document, asked: str) -> Change:
    mail = stored.mail
    delivery = _asked_for(draft, mail.delivery, document, asked)
    if delivery is mail.delivery:
        return edited
    was_sent = mail.delivery.outcome is Outcome.SENT
    return replace(
        edited,
        delivery=delivery,
        drop_remainders=True,
        message_token=draft.new_id() if was_sent else edited.message_token,
        event=_told(draft, mail.links, delivery),
        asked=asked,
    )


def _asked_for(draft: Draft, delivery: Delivery, document: Document, asked: str) -> Delivery:
    before = options(document).send_before
    if asked == FROM_SCRATCH:
        return _first(draft, document, trouble(document))
    if asked == State.RETRY:
        return requests.retried(delivery, draft.now, before)
    return requests.resubmitted(delivery, draft.now, before)


def _told(draft: Draft, links: Links, delivery: Delivery) -> Event | None:
    """The event of a document that was refused at the door; a preset ERROR is no news."""
    if delivery.state is not State.ERROR or delivery.end_at is None:
        return None
    return report(
        "refused",
        delivery,
        event_id=draft.new_id(),
        mail=draft.id,
        links=links,
        now=draft.now,
        text="",
    )


def _bare(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "delivery"}


def _decoded(stored: Stored) -> Document:
    found: Document = msgspec.json.decode(stored.document)
    return found
