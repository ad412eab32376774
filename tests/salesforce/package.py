"""The package in the org: its touchpoints and conquer errors, and what changes them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

from franking.clock import Clock
from franking.core import times
from franking.core.touchpoint import ConquerError, Kind, Reason, Status, Told, Touchpoint
from franking.core.touchpoint.applying import Applied, apply, retried
from salesforce.apex import LOCKED, ApexError, check_lengths

LOCK_SECONDS = 10.0
RETRY_SECONDS = 10.0
OUT_OF_REACH = "Retry is out of reach right now. Try again in a minute."
MANUAL = "Manual emails can't be retried. Complete the touchpoint again."
EVENTS = {
    "emailsent": Status.SENT,
    "emailerror": Status.ERROR,
    "emailratelimited": Status.RATE_LIMITED,
}


class Pressed(msgspec.Struct, frozen=True):
    """What came of a press of Retry: the toast, if there is one, and Retry Timer's status."""

    status: int | None
    toast: str | None = None


class _Error(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    message: str | None = None
    code: str | None = None
    category: str | None = None
    cause: str | None = None
    detail: str | None = None


class _Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The fields of the contract, and no others."""

    event: str
    event_id: str
    sequence: int
    occurred_at: str
    touchpoint_id: str
    cadence_member_id: str | None = None
    email_message_id: str | None = None
    mail_id: str | None = None
    timer_id: str | None = None
    attempt: int | None = None
    retry_count: int = 0
    error: _Error | None = None
    next_attempt_time: str | None = None
    recipient: str | None = None


class Package:
    """The rows of the org, in dicts."""

    def __init__(self, clock: Clock) -> None:
        self.lock_seconds = LOCK_SECONDS
        self._clock = clock
        self._numbers = 0
        self._rows: dict[str, Touchpoint] = {}
        self._errors: dict[str, list[ConquerError]] = defaultdict(list)
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def create(
        self,
        id: str | None = None,
        kind: Kind = "automated",
        *,
        cadence_member_id: str | None = None,
        email_message_id: str | None = None,
        due_at: int | None = None,
    ) -> Touchpoint:
        """A touchpoint, Scheduled or Pending Manual Send."""
        now = self._clock.now()
        created = Touchpoint(
            id=id or f"a0X5g{len(self._rows):010d}EAV",
            kind=kind,
            status=Status.SCHEDULED if kind == "automated" else Status.PENDING_MANUAL_SEND,
            status_updated_at=now,
            created_at=now,
            cadence_member_id=cadence_member_id,
            email_message_id=email_message_id,
            due_at=due_at,
        )
        assert created.id not in self._rows
        self._rows[created.id] = created
        return created

    def read(self, id: str) -> Touchpoint:
        return self._rows[id]

    def errors(self, id: str) -> Sequence[ConquerError]:
        """Its conquer errors, newest first."""
        return self._errors[id][::-1]

    def shown(self, id: str) -> dict[str, Any]:
        """A touchpoint as `GET /cadence/touchpoints/{id}` spells one (contract, section 6)."""
        return _shown(self._rows[id], self.errors(id))

    def delete(self, id: str) -> None:
        del self._rows[id]

    async def take(self, body: bytes, held: Callable[[], Awaitable[None]]) -> dict[str, Any]:
        """Apply an event; its row stays locked while `held` takes its time. Raises `ApexError`."""
        event = _read(body)
        if event.touchpoint_id not in self._rows:
            raise ApexError(400, "INVALID_ID", f"No touchpoint has the id {event.touchpoint_id}")
        told = _told(event)
        lock = self._locks[event.touchpoint_id]
        try:
            await asyncio.wait_for(lock.acquire(), self.lock_seconds)
        except TimeoutError:
            locked = LOCKED.format(id=event.touchpoint_id)
            raise ApexError(500, "APEX_ERROR", locked) from None
        try:
            await held()
            applied = self._apply(event.touchpoint_id, told)
        finally:
            lock.release()
        return {"status": applied.answer, "touchpoint": self.shown(event.touchpoint_id)}

    async def schedule(
        self,
        proxy_url: str,
        mail: Mapping[str, Any],
        *,
        due_at: int | None = None,
        id: str | None = None,
        headers: Mapping[str, str] = {},
    ) -> Touchpoint:
        """An automated email, as the package makes it: the touchpoint, and its timer."""
        due = self._clock.now() if due_at is None else due_at
        made = self.create(id, due_at=due)
        data = {**mail, "touchpointId": made.id}
        body = {
            "dueAt": times.text(due),
            "data": data,
            "callback": {"transport": "mail", "method": "send", "uri": "mail"},
        }
        status, answer = await _post(f"{proxy_url}/timer", body, {**headers, "x-timer-id": made.id})
        assert status in (201, 409), (status, answer)
        self._rows[made.id] = msgspec.structs.replace(made, timer_id=made.id)
        return self._rows[made.id]

    async def retry(
        self,
        proxy_url: str,
        id: str,
        *,
        mail: Mapping[str, Any] | None = None,
        force: bool = False,
        headers: Mapping[str, str] = {},
        hears: bool = True,
    ) -> Pressed:
        """Press Retry. With `hears` false Retry Timer's answer is lost on its way back."""
        row = self._rows[id]
        if row.kind != "automated":
            return Pressed(None, MANUAL)
        body = {
            **({"mail": mail} if mail is not None else {}),
            **({"force": True} if force else {}),
        }
        try:
            url = f"{proxy_url}/timer/{row.timer_id or id}/retry"
            status, answer = await _post(url, body, headers)
        except (aiohttp.ClientError, TimeoutError):
            return Pressed(None, OUT_OF_REACH)
        if not hears:
            return Pressed(None, OUT_OF_REACH)
        if status != 200:
            return Pressed(status, _text(answer, "error_message") or OUT_OF_REACH)
        async with self._locks[id]:
            self._write(
                retried(self._rows[id], answer["retryCount"], self._last(id), self._clock.now())
            )
        return Pressed(200)

    def _apply(self, id: str, told: Told) -> Applied:
        known = any(error.event_id == told.event_id for error in self._errors[id])
        applied = apply(self._rows[id], told, known, self._last(id), self._clock.now())
        self._write(applied)
        return applied

    def _write(self, applied: Applied) -> None:
        """All of it or nothing."""
        check_lengths(applied.touchpoint)
        for child in applied.children:
            check_lengths(child)
        self._rows[applied.touchpoint.id] = applied.touchpoint
        children = self._errors[applied.touchpoint.id]
        for child in applied.children:
            self._numbers += 1
            children.append(msgspec.structs.replace(child, id=f"a0Z5g{self._numbers:010d}EAV"))

    def _last(self, id: str) -> ConquerError | None:
        """Its newest child with the status Error."""
        return next((e for e in reversed(self._errors[id]) if e.status == Status.ERROR), None)


def _read(body: bytes) -> _Event:
    try:
        return msgspec.json.decode(body, type=_Event)
    except msgspec.ValidationError as error:
        words = str(error)
        code = "JSON_PARSER_ERROR"
        if "missing required" in words:
            code = "REQUIRED_FIELD_MISSING"
        elif "unknown field" in words:
            code = "INVALID_FIELD"
        raise ApexError(400, code, words) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApexError(400, "JSON_PARSER_ERROR", str(error)) from None


def _told(event: _Event) -> Told:
    name = event.event.lower().replace(" ", "").replace("_", "")
    if name not in EVENTS:
        raise ApexError(400, "INVALID_EVENT", f"There is no event {event.event}")
    error = event.error
    try:
        later = event.next_attempt_time
        return Told(
            status=EVENTS[name],
            event_id=event.event_id,
            sequence=event.sequence,
            occurred_at=times.parse(event.occurred_at),
            retry_count=event.retry_count,
            error=None if error is None else Reason(**msgspec.structs.asdict(error)),
            next_attempt_at=None if later is None else times.parse(later),
            mail_id=event.mail_id,
            timer_id=event.timer_id,
        )
    except ValueError as wrong:
        raise ApexError(400, "JSON_PARSER_ERROR", str(wrong)) from None


async def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, Any]:
    timeout = aiohttp.ClientTimeout(total=RETRY_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, json=body, headers=headers) as response,
    ):
        octets = await response.read()
        try:
            return response.status, msgspec.json.decode(octets) if octets else {}
        except msgspec.DecodeError:
            return response.status, {}


def _text(answer: Any, name: str) -> str | None:
    found = answer.get(name) if isinstance(answer, dict) else None
    return found if isinstance(found, str) else None


def _shown(row: Touchpoint, errors: Sequence[ConquerError]) -> dict[str, Any]:
    def moment(at: int | None) -> str | None:
        return None if at is None else times.text(at)

    return {
        "id": row.id,
        "type": row.kind,
        "actionStatus": row.status,
        "errorMessage": row.error_message,
        "errorMessageTruncated": row.error_message_truncated,
        "errorCode": row.error_code,
        "errorCategory": row.error_category,
        "manualRetryCount": row.manual_retry_count,
        "statusLastUpdated": moment(row.status_updated_at),
        "cadenceMemberId": row.cadence_member_id,
        "emailMessageId": row.email_message_id,
        "dueAt": moment(row.due_at),
        "nextAttemptTime": moment(row.next_attempt_at),
        "timerId": row.timer_id,
        "mailId": row.mail_id,
        "errors": [
            {
                "id": error.id,
                "status": error.status,
                "errorMessage": error.error_message,
                "errorMessageTruncated": error.error_message_truncated,
                "errorCode": error.error_code,
                "occurredAt": moment(error.occurred_at),
            }
            for error in errors
        ],
    }
