"""Deliveries in the middle of their lives, for tests to go on from."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from franking.core.delivery import Bounds, Delivery, Info, Outcome, Stage, State
from franking.core.fault import Fault

NOW = 1_795_269_900_000
MINUTE = 60_000
HOUR = 3_600_000
BOUNDS = Bounds()
INFO = Info("<1@example.com>", ("a@example.com",), ("b@example.com",), (), "250 ok")


def waiting(state: State = State.PENDING, **fields: Any) -> Delivery:
    """A mail that waits to be claimed."""
    return replace(Delivery(state=state, due_at=NOW, start_at=NOW), **fields)


def claimed(came_from: State = State.PENDING, **fields: Any) -> Delivery:
    """A mail under its first lease."""
    lease = {
        "epoch": 1,
        "stage": Stage.CLAIMED,
        "returns_to": came_from,
        "lease_expires_at": NOW + MINUTE,
    }
    return waiting(State.PROCESSING, **{**lease, **fields})


def ended(outcome: Outcome | None, **fields: Any) -> Delivery:
    """A mail in the final state that belongs to an outcome."""
    state = State.SUCCESS if outcome is Outcome.SENT else State.ERROR
    common = {"epoch": 1, "attempts": 1, "end_at": NOW, "outcome": outcome}
    return waiting(state, **{**common, **fields})


def fault(*, temporary: bool = False, limited: bool = False, error: str = "Error: no") -> Fault:
    """A verdict of one of the three kinds: final, temporary, or the sender's limit."""
    return Fault(
        category="send_limit" if limited else "service_unavailable",
        cause="account_rate_limited" if limited else "server_error",
        temporary=temporary or limited,
        rate_limited=limited,
        code="450 4.0.0",
        sentence="Not today.",
        error=error,
        text="450 4.0.0 no",
    )
