"""What follows from a report: entries on a timeline, proofs, events, suppressed addresses.

Policy. A report (RFC 3464) belongs to the mail whose Message-ID it names; where several mails
have that one, to the newest that names one of the report's recipients. Each recipient in it makes
one entry on the mail's timeline, judged as any failure; a repeat of the same words about the same
recipient makes none. A failure is told as `email_Bounced`, and SUCCESS stays SUCCESS: the server
did take the mail. Whatever it says, a report proves that its mail left us, so it ends a doubt. An
address that does not exist goes on the suppression list, but only where the mail did name it, and
where the refusal is final: a report is a mail, and could be anybody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from franking.core import times
from franking.core.bounce import (
    FAILED,
    RECEIPTS,
    Bounce,
    Candidate,
    Filing,
    Known,
    Notice,
    Proof,
    Report,
)
from franking.core.delivery import Delivery, Info, Outcome
from franking.core.event import Event, report
from franking.core.fault import Failure, Fault, judge
from franking.core.machine import Refused
from franking.core.proof import proved_sent
from franking.core.suppression import Suppression, listed, normal

BOUNCED = "email_Bounced"


def filed(
    found: Report,
    message_id: str,
    candidates: Sequence[Candidate],
    known: Known,
    now: int,
    new_id: Callable[[], str],
) -> Filing:
    """What a report changes, of the mails that have `message_id`, newest first (one at least).

    `known` tells which fingerprints are there already.
    """
    rows = _whose(found, candidates)
    judged = [_judged(notice, message_id, rows, now) for notice in found.notices]
    there = known([one.bounce.fingerprint for one in judged])
    fresh = _first_of_each([one for one in judged if one.bounce.fingerprint not in there])
    proofs = _proofs(found, message_id, rows, now, new_id)
    root = rows[0]
    after = next((p.delivery for p in proofs if p.seq == root.seq), root.delivery)
    failures = [one for one in fresh if one.bounce.action == FAILED]
    return Filing(
        fresh=tuple(one.bounce for one in fresh),
        repeated=tuple(one.bounce for one in judged if one.bounce.fingerprint in there),
        proofs=proofs,
        events=tuple(_event(one, root, after, now, new_id()) for one in failures),
        suppressions=tuple(_suppression(one, now) for one in failures if _is_gone(one)),
        unknown=tuple(one.bounce.text for one in fresh if one.bounce.category == "unknown"),
    )


class _Judged(msgspec.Struct, frozen=True):
    """An entry, its verdict, and whether the mail did name its recipient."""

    bounce: Bounce
    fault: Fault | None
    named: bool


def verdict(notice: Notice) -> Fault | None:
    """Why the mail did not reach a recipient; None where it did."""
    if notice.action in RECEIPTS:
        return None
    error = f"Error: Bounced: {' '.join(notice.text.split()) or notice.status or notice.action}"
    return judge(Failure("rcpt", notice.text, error, enhanced=notice.status))


def _whose(found: Report, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The rows of one mail, the mail itself first."""
    roots = list(dict.fromkeys(row.root for row in candidates))
    spoken = {normal(a) for n in found.notices for a in (n.final, n.original or "")}
    naming = [row.root for row in candidates if spoken.intersection(map(normal, row.recipients))]
    root = naming[0] if naming else roots[0]
    rows = [row for row in candidates if row.root == root]
    return sorted(rows, key=lambda row: row.remainder_of is not None)


def _judged(notice: Notice, message_id: str, rows: Sequence[Candidate], now: int) -> _Judged:
    named = _named(notice, rows)
    recipient = named or notice.final or notice.original or ""
    fault = verdict(notice)
    key = (rows[0].root, message_id, normal(recipient), notice.action, notice.status, notice.text)
    bounce = Bounce(
        fingerprint=hashlib.sha256(msgspec.json.encode(key)).hexdigest(),
        mail=rows[0].root,
        recipient=recipient,
        action=notice.action,
        status=notice.status,
        received_at=now,
        category=fault.category if fault else None,
        cause=fault.cause if fault else None,
        text=notice.text,
    )
    return _Judged(bounce, fault, named is not None)


def _named(notice: Notice, rows: Sequence[Candidate]) -> str | None:
    """The recipient as the mail named it."""
    spelled = {normal(address): address for row in rows for address in row.recipients}
    for address in (notice.original, notice.final):
        if address is not None and normal(address) in spelled:
            return spelled[normal(address)]
    return None


def _first_of_each(judged: Sequence[_Judged]) -> list[_Judged]:
    found: dict[str, _Judged] = {}
    for one in judged:
        found.setdefault(one.bounce.fingerprint, one)
    return list(found.values())


def _proofs(
    found: Report,
    message_id: str,
    rows: Sequence[Candidate],
    now: int,
    new_id: Callable[[], str],
) -> tuple[Proof, ...]:
    proofs: list[Proof] = []
    for row in rows:
        doubtful = row.in_doubt and row.delivery.outcome is Outcome.UNKNOWN
        if doubtful and any(_proves(notice, row) for notice in found.notices):
            try:
                proofs.append(_proof(row, message_id, now, new_id))
            except Refused:
                continue
    return tuple(proofs)


def _proves(notice: Notice, row: Candidate) -> bool:
    """A report on a remainder must be about one of its own recipients."""
    return row.remainder_of is None or _named(notice, [row]) is not None


def _proof(row: Candidate, message_id: str, now: int, new_id: Callable[[], str]) -> Proof:
    # A remainder's parent reads its end off `info`: all of its recipients went with that dot.
    info = Info(message_id, row.recipients, (), (), None) if row.remainder_of else None
    delivery = proved_sent(row.delivery, info, now)
    if row.remainder_of is not None:
        return Proof(row.seq, delivery, None)
    event = report(
        "proved_sent",
        delivery,
        event_id=new_id(),
        mail=row.id,
        links=row.links,
        now=now,
        text="",
    )
    return Proof(row.seq, delivery, event)


def _event(one: _Judged, root: Candidate, delivery: Delivery, now: int, event_id: str) -> Event:
    fault, bounce = one.fault, one.bounce
    body: dict[str, Any] = {
        "event": BOUNCED,
        "eventId": event_id,
        "occurredAt": times.text(now),
        "mailId": bounce.mail,
        "attempt": delivery.attempts,
        "state": delivery.state,
        **root.links.named(),
        "recipient": bounce.recipient,
    }
    if fault is not None:
        body["error"] = {
            "message": fault.sentence,
            "code": fault.code or bounce.status,
            "category": fault.category,
            "cause": fault.cause,
            "detail": bounce.text,
        }
    return Event(event_id, BOUNCED, bounce.mail, root.links.touchpoint_id, now, body)


def _is_gone(one: _Judged) -> bool:
    """A final refusal of an address that does not exist, and that the mail did name."""
    fault = one.fault
    if fault is None or not one.named or fault.category != "recipient_not_found":
        return False
    return not fault.temporary and not (one.bounce.status or "").startswith("4")


def _suppression(one: _Judged, now: int) -> Suppression:
    bounce = one.bounce
    reason = bounce.text or f"bounced with {bounce.status}"
    return listed(bounce.recipient, reason, "bounce", now)
