"""What the OpenAPI document says of timers: their list. Skyring's own calls are no part of it."""

from __future__ import annotations

from typing import Any

from franking.apis.schemas_returns import Described
from franking.core.timer import ID_CHARACTERS, TRANSPORTS, TimerState

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


TIMER_SCHEMAS: dict[str, Schema] = {
    "Timer": _object(
        id=_TEXT,
        state={"enum": [str(state) for state in TimerState]},
        dueAt=_TIME,
        callback=_object(transport={"enum": list(TRANSPORTS)}, method=_TEXT, uri=_TEXT),
        createdAt=_TIME,
        servedAt={**_MAYBE_TIME, "description": "When its data was handed over."},
        executedAt={**_MAYBE_TIME, "description": "When that work ended, well or badly."},
        deletedAt=_MAYBE_TIME,
        error={**_MAYBE, "description": "Why it ended badly."},
        previousServedAt={**_MAYBE_TIME, "description": "Of the life before the last retry."},
        previousExecutedAt=_MAYBE_TIME,
        previousDeletedAt=_MAYBE_TIME,
        previousError=_MAYBE,
        retryCount={**_COUNT, "description": "How many times a person retried it."},
        attempt={**_COUNT, "description": "Calls that were begun; `x-timer-attempt` of the last."},
        tries={
            "type": "array",
            "description": "Calls of this life that ended badly.",
            "items": _object(attempt=_COUNT, at=_TIME, error=_TEXT),
        },
        nextAttemptTime={**_MAYBE_TIME, "description": "When a call that failed is made again."},
    ),
    "TimerPage": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Timer"}},
            "next": _MAYBE,
        },
    },
}

TIMER_PARAMETERS: dict[str, tuple[str, str, str, Schema]] = {
    "timerState": (
        "query",
        "state",
        "Only in this state.",
        {"enum": [str(state) for state in TimerState]},
    ),
    "transport": ("query", "transport", "Only of this transport.", {"enum": list(TRANSPORTS)}),
    "beginning": (
        "query",
        "q",
        "The beginning of an id.",
        {"type": "string", "minLength": 1, "maxLength": ID_CHARACTERS},
    ),
}

TIMER_CALLS: dict[str, Described] = {
    "listTimers": (
        "List timers, newest first, without their data",
        None,
        ("timerState", "transport", "beginning", "after", "limit"),
        {200: "TimerPage"},
        (),
    ),
}
