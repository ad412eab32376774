"""Timers as JSON: from core to what callers read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from franking.core import times
from franking.core.timer import Life, Timer, TimerState
from franking.office.timer_door import Told


def timer(timer: Timer) -> bytes:
    """One timer; `data` is byte for byte what was handed in."""
    return msgspec.json.encode(_whole(timer))


def told(told: Told) -> bytes:
    """One timer with its earlier lives, oldest first."""
    return msgspec.json.encode(_whole(told.timer) | {"lives": [_life(one) for one in told.lives]})


def page(timers: Sequence[Timer], next: int | None) -> bytes:
    """A page of timers without their data, which may be large."""
    items = [_summary(timer) for timer in timers]
    return msgspec.json.encode({"items": items, "next": None if next is None else str(next)})


def _whole(timer: Timer) -> dict[str, Any]:
    return _summary(timer) | {"data": timer.data}


def _summary(timer: Timer) -> dict[str, Any]:
    return {
        "id": timer.id,
        "state": timer.state,
        "dueAt": times.text(timer.due_at),
        "callback": timer.callback,
        "createdAt": times.text(timer.created_at),
        "servedAt": _time(timer.served_at),
        "executedAt": _time(timer.executed_at),
        "deletedAt": _time(timer.deleted_at),
        "error": timer.error,
        "previousServedAt": _time(timer.previous_served_at),
        "previousExecutedAt": _time(timer.previous_executed_at),
        "previousDeletedAt": _time(timer.previous_deleted_at),
        "previousError": timer.previous_error,
        "retryCount": timer.retry_count,
        "attempt": timer.attempt,
        "tries": [
            {"attempt": one.attempt, "at": times.text(one.at), "error": one.error}
            for one in timer.tries
        ],
        "nextAttemptTime": _time(next_try(timer)),
    }


def next_try(timer: Timer) -> int | None:
    """When a call is made again; None while one is being made, whose end nobody knows."""
    if timer.state is not TimerState.SERVED or not timer.tries:
        return None
    return timer.next_at if timer.tries[-1].attempt == timer.attempt else None


def _life(life: Life) -> dict[str, Any]:
    return {
        "endedBy": life.ended_by,
        "dueAt": times.text(life.due_at),
        "createdAt": times.text(life.created_at),
        "servedAt": _time(life.served_at),
        "executedAt": _time(life.executed_at),
        "deletedAt": _time(life.deleted_at),
        "error": life.error,
        "retryCount": life.retry_count,
    }


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)
