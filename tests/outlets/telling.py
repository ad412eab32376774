"""Events to tell, and an outlet to tell them with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from franking.clock import HandClock, SystemClock
from franking.config import Org, Orgs
from franking.outlets.salesforce import Salesforce
from franking.stores.base import StoredEvent
from salesforce import FakeSalesforce

TOUCHPOINT = "a0X5g00000AbCdEEAV"
AT = "2026-11-21T14:05:00.000Z"
ERROR = {
    "message": "This email address doesn't exist or is no longer active.",
    "code": "550 5.1.1",
    "category": "recipient_not_found",
    "cause": "recipient_unknown",
    "detail": "550-5.1.1 The email account that you tried to reach does not exist",
}


def event(
    kind: str = "email_Error",
    *,
    sequence: int = 1,
    touchpoint: str = TOUCHPOINT,
    **body: Any,
) -> StoredEvent:
    """An event as the outbox has it; `body` adds fields, None takes one away."""
    id = f"01JD{touchpoint[-8:]}{sequence:08d}"
    found = {
        "event": kind,
        "eventId": id,
        "occurredAt": AT,
        "mailId": "mail-1",
        "attempt": 1,
        "state": "ERROR",
        "touchpointId": touchpoint,
        "retryCount": 0,
        **({"error": ERROR} if kind != "email_Sent" else {}),
        **body,
    }
    told = {name: value for name, value in found.items() if value is not None}
    return StoredEvent(sequence, id, kind, "mail-1", 0, told, touchpoint, sequence)


@asynccontextmanager
async def telling(
    *orgs: Org, by_account: dict[str, Org] | None = None, **options: Any
) -> AsyncIterator[Salesforce]:
    """The outlet; the one org is the default, and time is the system's."""
    clock: SystemClock | HandClock = options.pop("clock", SystemClock())
    outlet = Salesforce(Orgs(orgs[0] if orgs else None, by_account or {}), clock, **options)
    try:
        yield outlet
    finally:
        await outlet.close()


@asynccontextmanager
async def told(**options: Any) -> AsyncIterator[tuple[FakeSalesforce, Salesforce]]:
    """An org with a touchpoint, and the outlet that tells it."""
    async with FakeSalesforce() as salesforce:
        salesforce.package.create(TOUCHPOINT)
        flow = options.pop("flow", "refresh_token")
        async with telling(salesforce.org(flow), **options) as outlet:
            yield salesforce, outlet
