"""What is posted of an event: the fields of the contract (cadence, section 3), in its order.

The package may read strictly, so nothing else goes out: neither the account, which chose the org,
nor the mail's state.
"""

from __future__ import annotations

import msgspec

from franking.stores.base import StoredEvent

RATE_LIMITED = "email_Rate_Limited"
FIELDS = (
    *("event", "eventId", "sequence", "occurredAt"),
    *("touchpointId", "cadenceMemberId", "emailMessageId", "mailId", "timerId"),
    *("attempt", "retryCount", "error", "nextAttemptTime"),
    # Of email_Bounced: who did not get it.
    "recipient",
)


def letter(event: StoredEvent, rate_limited: str) -> bytes:
    """The JSON of an event; `rate_limited` is how that one is spelled."""
    body = {"sequence": event.sequence, "touchpointId": event.touchpoint_id, **event.body}
    if body.get("event") == RATE_LIMITED:
        body["event"] = rate_limited
    told = {name: body[name] for name in FIELDS if name in body}
    return msgspec.json.encode(told)
