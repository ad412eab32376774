"""A settlement whose lease was lost: recorded all the same, and what it proves is applied."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.attempt import Settlement
from franking.core.delivery import Delivery, Outcome, State
from franking.core.event import Event, report
from franking.core.machine import Refused
from franking.core.proof import proved_sent, proved_unsent
from franking.stores.base import Change, Mail
from franking.stores.queries import Db
from franking.stores.rows import insert_remainder, update

_mail = msgspec.json.Decoder(Mail)


def record(db: Db, late: Settlement) -> bool:
    """True where this very settlement was written before, its COMMIT's answer lost."""
    attempt = late.attempt
    words = msgspec.json.encode(attempt).decode()
    row = db.value("read_attempt", mail=attempt.mail, epoch=attempt.epoch)
    known: dict[str, Any] = msgspec.json.decode(row) if row is not None else {}
    if (known.get("event"), known.get("worker"), known.get("ended_at")) == (
        attempt.event,
        attempt.worker,
        attempt.ended_at,
    ):
        return True
    found = db.value("read_row", seq=late.lease.seq)
    if found is None or known.get("late") == words:
        return False
    if not known:
        rows = msgspec.json.encode([attempt]).decode()
        db.run("insert_attempts", rows=rows)
    else:
        db.run("write_late", mail=attempt.mail, epoch=attempt.epoch, late=words)
    _prove(db, late, _mail.decode(found))
    return False


def _prove(db: Db, late: Settlement, mail: Mail) -> None:
    try:
        event, delivery = _proved(db, late, mail)
    except Refused:
        return
    update(db, mail, Change(delivery=delivery, event=_report(late, mail, event, delivery)))
    if late.remainder is not None and event == "proved_sent":
        insert_remainder(db, late.remainder, mail)


def _proved(db: Db, late: Settlement, mail: Mail) -> tuple[str, Delivery]:
    attempt = late.attempt
    if attempt.outcome is Outcome.SENT:
        return "proved_sent", proved_sent(mail.delivery, late.delivery.info, attempt.ended_at)
    if attempt.outcome is Outcome.UNKNOWN:
        raise Refused(mail.delivery.state, "proved", "nothing is proved")
    others = db.value("other_doubts", mail=attempt.mail, epoch=attempt.epoch)
    last = others == 0
    unsent = proved_unsent(mail.delivery, attempt.event, late.delivery, last, attempt.ended_at)
    return "proved_unsent", unsent


def _report(late: Settlement, mail: Mail, event: str, delivery: Delivery) -> Event | None:
    if mail.remainder_of is not None or delivery.state not in (State.SUCCESS, State.ERROR):
        return None
    attempt = late.attempt
    return report(
        event,
        delivery,
        event_id=f"{mail.id}.{attempt.epoch}.{event}",
        mail=mail.id,
        links=mail.links,
        now=attempt.ended_at,
        text=attempt.text or "",
    )
