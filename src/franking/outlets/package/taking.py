"""Takes the events that the services tell: read, checked, and applied in one write.

Policy (contract cadence, section 3). An event's name is read without regard to case, spaces or
underscores. What can't be read, and what nobody has, is refused as Apex would: it is the teller's
to park it. What is not known here is passed over, so that a newer teller may say more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franking.core import times
from franking.core.touchpoint import Reason, Status, Told
from franking.core.touchpoint.applying import Applied, apply
from franking.outlets.base import BadEvent, Shown, Taken
from franking.outlets.package.parts import Parts, unreached
from franking.outlets.package.unfinished import Undoing
from franking.outlets.package.unfinished import read as unfinished
from franking.stores.base import Found, Write

MISSING, WRONG, UNKNOWN = "REQUIRED_FIELD_MISSING", "INVALID_FIELD", "NOT_FOUND"
ID_CHARACTERS = 255
TEXT_CHARACTERS = 1_000_000
LARGEST = 2**53

BEING_UNDONE = "Nobody knows yet whether this touchpoint was created. Tell it again a little later."

EVENTS = {
    "email" + status.value.lower().replace(" ", ""): status
    for status in (Status.SENT, Status.ERROR, Status.RATE_LIMITED)
}


class Taking:
    """Applies events to touchpoints."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take(self, event: Mapping[str, Any]) -> Taken:
        """Apply an event. Raises `BadEvent`; `Refused` where it has to wait."""
        told = read(event)
        id = _text(event, "touchpointId", required=True) or ""
        now = self._parts.clock.now()
        answers: list[str] = []

        def decide(found: Found | None) -> Write | None:
            applied = apply(_there(id, found).touchpoint, told, *_known(found), now)
            answers.append(applied.answer)
            return _write(applied, found)

        await self._parts.store.change(id, decide, told.event_id)
        after = await self._parts.store.read(id)
        if after is None:
            raise _unknown(id)
        return Taken(answers[-1], Shown(*after))


def read(event: Mapping[str, Any]) -> Told:
    """The event in a body. Raises `BadEvent`."""
    missing = [name for name in REQUIRED if event.get(name) is None]
    if missing:
        raise BadEvent(MISSING, f"Required fields are missing: [{', '.join(missing)}]")
    return Told(
        status=_status(event),
        event_id=_text(event, "eventId", required=True) or "",
        sequence=_count(event, "sequence", 1),
        occurred_at=_time(event, "occurredAt") or 0,
        retry_count=_count(event, "retryCount", 0),
        error=_error(event.get("error")),
        next_attempt_at=_time(event, "nextAttemptTime"),
        mail_id=_text(event, "mailId"),
        timer_id=_text(event, "timerId"),
    )


def _there(id: str, found: Found | None) -> Found:
    if found is None:
        raise _unknown(id)
    if isinstance(unfinished(found.unfinished), Undoing):
        raise unreached(BEING_UNDONE)
    if found.touchpoint.deleted_at is not None:
        raise BadEvent(UNKNOWN, f"The touchpoint {id} was deleted.")
    return found


def _known(found: Found | None) -> tuple[bool, Any]:
    assert found is not None
    return found.known, found.last_error


def _write(applied: Applied, found: Found | None) -> Write | None:
    """All that follows; nothing where nothing does. What is unfinished stays so."""
    assert found is not None
    if applied.touchpoint == found.touchpoint and not applied.children:
        return None
    return Write(applied.touchpoint, applied.children, found.unfinished)


def _unknown(id: str) -> BadEvent:
    return BadEvent(UNKNOWN, f"There is no touchpoint with id {id}.")


def _status(event: Mapping[str, Any]) -> Status:
    given = _text(event, "event", required=True) or ""
    status = EVENTS.get(given.lower().replace(" ", "").replace("_", ""))
    if status is None:
        raise _wrong("event", f"must be one of {', '.join(KINDS)}, not {given[:50]!r}")
    return status


def _text(
    event: Mapping[str, Any],
    name: str,
    required: bool = False,
    most: int = ID_CHARACTERS,
    where: str = "",
) -> str | None:
    value = event.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str):
        raise _wrong(where + name, "must be a string")
    if required and not value.strip():
        raise _wrong(where + name, "must not be empty")
    if len(value) > most:
        raise _wrong(where + name, f"must have {most} characters at most")
    # No database keeps a NUL in a text.
    return value.replace("\0", "\ufffd")


def _count(event: Mapping[str, Any], name: str, least: int) -> int:
    value = event.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise _wrong(name, f"must be a whole number from {least}")
    return value


def _time(event: Mapping[str, Any], name: str) -> int | None:
    value = event.get(name)
    if value is None:
        return None
    try:
        return times.parse(value)
    except (TypeError, ValueError):
        raise _wrong(name, "must be an RFC 3339 time with a zone") from None


def _error(given: Any) -> Reason | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise _wrong("error", "must be an object")
    names = Reason.__struct_fields__
    return Reason(**{n: _text(given, n, most=TEXT_CHARACTERS, where="error.") for n in names})


def _wrong(name: str, what: str) -> BadEvent:
    return BadEvent(WRONG, f"Field '{name}' {what}")


REQUIRED = ("event", "eventId", "sequence", "occurredAt", "touchpointId")
KINDS = ("email_Sent", "email_Error", "email_Rate_Limited")
