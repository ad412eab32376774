"""Rows of mails, documents and events, written with named queries inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from franking.core import lifecycle
from franking.core.attempt import Remainder
from franking.core.delivery import WAITING, Delivery, State
from franking.core.event import Event, Links
from franking.core.machine import Refused
from franking.stores.base import Change, Mail, NewMail
from franking.stores.news import tell_parent
from franking.stores.queries import Db
from franking.stores.timer_changes import tell_timers
from franking.stores.words import plain

encode = msgspec.json.Encoder().encode
_numbers = msgspec.json.Decoder(list[int])
_remainders = msgspec.json.Decoder(list[tuple[int, str, State]])

NO_LINKS = Links()


def insert(db: Db, mails: Sequence[NewMail]) -> list[Mail]:
    """Insert new mails and their documents and events."""
    if not mails:
        return []
    rows = [_new_row(m) for m in mails]
    db.run("insert_mails", rows=text(rows))
    seqs = _numbers.decode(db.value("seqs_of", ids=text([m.id for m in mails])))
    bodies = [bytes(m.document) for m in mails]
    first = accumulate(map(len, bodies), initial=1)
    places = [
        (seq, at, len(body), plain(m.search))
        for seq, at, body, m in zip(seqs, first, bodies, mails, strict=False)
    ]
    # One after the other in one value: no database reads into them.
    db.run("insert_documents", rows=text(places), bodies=b"".join(bodies))
    waiting = [s for s, m in zip(seqs, mails, strict=True) if m.delivery.state in WAITING]
    wake(db, waiting)
    report(db, [m.event for m in mails if m.event is not None])
    return [_as_stored(seq, m) for seq, m in zip(seqs, mails, strict=True)]


def update(db: Db, mail: Mail, wanted: Change) -> None:
    """Write a change over a mail, fenced by the state and epoch that were read."""
    delivery: Delivery = wanted.delivery or mail.delivery
    if wanted.drop_remainders:
        drop_remainders(db, mail.id)  # first, for it may refuse
    db.run(
        "update_mail",
        seq=mail.seq,
        state=mail.delivery.state,
        epoch=mail.delivery.epoch,
        d=text(delivery),
        account=wanted.account,
        priority=wanted.priority,
        recipients=wanted.recipients,
        timed=wanted.timed,
        on_unknown=wanted.on_unknown,
        message_token=wanted.message_token,
        links=text(wanted.links) if wanted.links is not None else None,
        edited=int(wanted.document is not None),
        recipient=wanted.recipient,
        subject=wanted.subject,
        fact=_fact(mail, wanted),
    )
    if wanted.document is not None:
        body = bytes(wanted.document).decode()
        db.run("update_document", seq=mail.seq, body=body, words=plain(wanted.search or ""))
    if mail.remainder_of is not None:
        tell_parent(db, mail.seq, mail.remainder_of, delivery)
    if mail.timed and wanted.delivery is not None:
        tell_timers(db, [(mail.id, delivery)])
    wake(db, [mail.seq] if delivery.state in WAITING else [])
    report(db, [wanted.event] if wanted.event is not None else [])


def insert_remainder(db: Db, remainder: Remainder, parent: Mail) -> None:
    """The recipients refused for now, as a mail of their own beside their parent."""
    id = _free(db, remainder.id)
    row = (
        id,
        parent.account,
        parent.priority,
        parent.created_at,
        parent.on_unknown,
        parent.message_token,
        NO_LINKS,
        remainder.delivery,
        remainder.parent,
        len(remainder.envelope["recipients"]),
        0,
        None,
        None,
        None,
    )
    db.run("insert_mails", rows=text([row]))
    [seq] = _numbers.decode(db.value("seqs_of", ids=text([id])))
    body = text(remainder.envelope)
    db.run("insert_content", seq=seq, body=body, content=remainder.content)
    wake(db, [seq])


def _free(db: Db, id: str) -> str:
    """An id that no mail has. A client may have given its mail this one, but none that is longer
    than a client's ids are, so the search ends."""
    while _numbers.decode(db.value("seqs_of", ids=text([id]))):
        id += "~"
    return id


def remove(db: Db, mail: Mail, at: int) -> None:
    """Delete a mail with its attempts and remainders; `Refused` while one is being sent."""
    if mail.delivery.state is State.PROCESSING:
        raise Refused(State.PROCESSING, "removed")
    drop_remainders(db, mail.id)
    fact = lifecycle.fact(lifecycle.removed(mail.delivery), at)
    if fact is not None:
        db.run("tell_fact", seq=mail.seq, fact=text(fact))
    _remove_row(db, mail.seq, mail.id)


def drop_remainders(db: Db, id: str) -> None:
    """Delete the recipients that still wait from an earlier round."""
    remainders = _remainders.decode(db.value("remainders_of", id=id))
    for _, _, state in remainders:
        if state is State.PROCESSING:
            raise Refused(state, "removed", "some of its recipients are being sent to now")
    for seq, name, _ in remainders:
        _remove_row(db, seq, name)


def wake(db: Db, seqs: Sequence[int]) -> None:
    """The accounts of these waiting mails have something due."""
    if seqs:
        db.run("wake_accounts", seqs=text(seqs))


def report(db: Db, events: Sequence[Event]) -> None:
    """Write events to the outbox, with the next sequence of each one's touchpoint, and count what
    they say."""
    if not events:
        return
    rows = text(events)
    if any(event.touchpoint_id is not None for event in events):
        db.run("draw_sequences", rows=rows)
    db.run("insert_events", rows=rows)
    db.run("tally_events", rows=rows)


def text(value: Any) -> str:
    """JSON for a query's list."""
    return encode(value).decode()


def _new_row(m: NewMail) -> tuple[Any, ...]:
    return (
        m.id,
        m.account,
        m.priority,
        m.created_at,
        m.on_unknown,
        m.message_token,
        m.links,
        m.delivery,
        None,
        m.recipients,
        m.timed,
        m.recipient,
        m.subject,
        lifecycle.fact(lifecycle.begun(m.delivery), m.created_at),
    )


def _fact(mail: Mail, wanted: Change) -> str | None:
    """What a change tells of a mail; nothing where its delivery stays."""
    after = wanted.delivery
    if after is None:
        return None
    told = lifecycle.changed(mail.delivery, after, wanted.asked)
    fact = lifecycle.fact(told, lifecycle.moment(after, wanted.asked))
    return None if fact is None else text(fact)


def _as_stored(seq: int, m: NewMail) -> Mail:
    return Mail(
        seq=seq,
        id=m.id,
        account=m.account,
        priority=m.priority,
        created_at=m.created_at,
        revision=1,
        version=1,
        on_unknown=m.on_unknown,
        links=m.links,
        delivery=m.delivery,
        message_token=m.message_token,
        timed=m.timed,
    )


def _remove_row(db: Db, seq: int, id: str) -> None:
    db.run("delete_document", seq=seq)
    db.run("delete_attempts", id=id)
    db.run("delete_bounces", mail=id)
    db.run("delete_mail", seq=seq)
