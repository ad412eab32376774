"""A mail as the outside reads it: its document with `id` and `delivery`, as bytes.

A stored document is JSON already, so what is ours is spliced into it: `id` before its fields,
`delivery` (and `remainderOf`) after. `id` at the top of a document is ours on the wire, whatever
the document itself has there.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from franking.core import times
from franking.core.delivery import WAITING, Delivery, Info
from franking.core.prediction import Expectation, Standing, held
from franking.stores.base import Stored


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """The `delivery` map. `info` is only there while a recipient was accepted, `expireAt` only
    where documents expire."""

    state: str
    start_time: str | None
    end_time: str | None
    lease_expire_time: str | None
    attempts: int
    error: str | None
    category: str | None
    cause: str | None
    error_code: str | None
    message: str | None
    outcome: str | None
    next_attempt_time: str | None
    waiting_for: str | None
    expected_time: str | UnsetType = UNSET
    expire_at: str | UnsetType = UNSET
    info: Info | UnsetType = UNSET


def mail(stored: Stored, expected: Expectation | None = None) -> bytes:
    """The document with its `id` and `delivery`; `expected` where its turn was asked for."""
    fields = bytes(stored.document)
    if _ID in fields:
        fields = _without_id(fields)
    comma = b"," if len(fields) > len(b"{}") else b""
    tail = [b',"remainderOf":', _json(stored.mail.remainder_of)] if stored.mail.remainder_of else ()
    return b"".join(
        (
            b'{"id":',
            _json(stored.mail.id),
            comma,
            fields[1:-1],
            b',"delivery":',
            _json(told(stored.mail.delivery, stored.mail.hold, expected)),
            *tail,
            b"}",
        )
    )


def told(
    delivery: Delivery, hold: Standing | None = None, expected: Expectation | None = None
) -> Told:
    """A delivery as the outside reads it; while it waits, with what its account holds it for."""
    waits = _waits(delivery, hold, expected) if delivery.state in WAITING else Expectation(None)
    later = expected is not None and expected.at is not None and expected.at != waits.at
    return Told(
        state=delivery.state,
        start_time=_time(delivery.start_at),
        end_time=_time(delivery.end_at),
        lease_expire_time=_time(delivery.lease_expires_at),
        attempts=delivery.attempts,
        error=delivery.error,
        category=delivery.category,
        cause=delivery.cause,
        error_code=delivery.error_code,
        message=delivery.sentence,
        outcome=delivery.outcome,
        next_attempt_time=_time(waits.at),
        waiting_for=waits.because or delivery.waiting_for,
        expected_time=times.text(expected.at) if later and expected and expected.at else UNSET,
        expire_at=UNSET if delivery.expire_at is None else times.text(delivery.expire_at),
        info=UNSET if delivery.info is None else delivery.info,
    )


def _waits(delivery: Delivery, hold: Standing | None, expected: Expectation | None) -> Expectation:
    """When the next try may be by its own time and its account's state, and for what it waits."""
    because = expected.because if expected is not None else None
    due_at = delivery.due_at
    if hold is None:
        return Expectation(due_at, because)
    # A hold that is over was left out before, so this one holds whatever the time is.
    found = held(hold, due_at, due_at)
    return Expectation(found.at, found.because or because)


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)


def _without_id(document: bytes) -> bytes:
    fields = msgspec.json.decode(document)
    if fields.pop("id", UNSET) is UNSET:
        return document
    return _json(fields)


_ID = b'"id"'
_json = msgspec.json.Encoder().encode
