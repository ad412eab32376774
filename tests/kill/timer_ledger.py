"""The promises of timers, checked: what was asked against what is on disk.

The rows are read with plain SQL, past franking's own code; `timer_calls` checks them against what
the receiver heard, and `ledger` the mails that timers made against what the sink took.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kill.reading import Database, reading

ENDED = ("executed", "failed")

_TIMERS = """
SELECT id, transport, state, attempt, tries, due_at, served_at, executed_at, error, retry_count,
    previous_executed_at, previous_error, next_at, lease_expires_at FROM timer ORDER BY seq
"""
_LIVES = """
SELECT timer, ended_by, state, attempt, tries, due_at, executed_at, error, retry_count
FROM timer_life ORDER BY timer, life
"""
_MAILS = "SELECT id, state, outcome, error, end_at FROM mail WHERE timed > 0"
# Timers that nobody would look at in time, for their lane sleeps longer than they do.
_ASLEEP = """
SELECT t.id FROM timer t LEFT JOIN timer_lane l ON l.id = t.lane
WHERE t.next_at IS NOT NULL AND (l.next_at IS NULL OR l.next_at > t.next_at)
"""
# In PostgreSQL somebody may have been told already to wake the lane.
_WOKEN = "EXISTS (SELECT 1 FROM timer_wake w WHERE w.lane = t.lane AND w.next_at <= t.next_at)"
_MAILED_AS = {"SUCCESS": "executed", "ERROR": "failed"}


class Asked(NamedTuple):
    """A timer that was asked for; it may not be served before `earliest_at`."""

    id: str
    transport: str
    kind: str
    earliest_at: int


class Retries(NamedTuple):
    """What is known of one timer's retries: how many were surely done, and how many perhaps."""

    done: int = 0
    perhaps: int = 0


class Try(NamedTuple):
    attempt: int
    error: str
    at: int


class Life(NamedTuple):
    """An earlier life of a timer, as it is on disk."""

    ended_by: str
    state: str
    attempt: int
    tries: tuple[Try, ...]
    due_at: int
    executed_at: int | None
    error: str | None
    retry_count: int


class Row(NamedTuple):
    """A timer as it is on disk, and its earlier lives."""

    id: str
    transport: str
    state: str
    attempt: int
    tries: tuple[Try, ...]
    due_at: int
    served_at: int | None
    executed_at: int | None
    error: str | None
    retry_count: int
    previous_executed_at: int | None
    previous_error: str | None
    next_at: int | None
    lease_expires_at: int | None
    lives: tuple[Life, ...] = ()

    @property
    def under_way(self) -> bool:
        """Is one of its calls counted, and its end not written?"""
        return self.state == "served" and self.lease_expires_at is not None


class Mailed(NamedTuple):
    state: str
    outcome: str | None
    error: str | None
    end_at: int | None


class TimerLedger:
    """What is on disk now."""

    def __init__(self, database: Database) -> None:
        lives: dict[str, list[Life]] = {}
        with reading(database) as read:
            for found in read(_LIVES):
                lives.setdefault(found["timer"], []).append(Life(**_values(found, Life)))
            rows = [
                Row(**_values(found, Row), lives=tuple(lives.get(found["id"], ())))
                for found in read(_TIMERS)
            ]
            self.mails = {found["id"]: Mailed(**_values(found, Mailed)) for found in read(_MAILS)}
            asleep = _ASLEEP if isinstance(database, Path) else f"{_ASLEEP} AND NOT {_WOKEN}"
            self.asleep = [found["id"] for found in read(asleep)]
        self.rows = {row.id: row for row in rows}

    @property
    def unended(self) -> list[Row]:
        return [row for row in self.rows.values() if row.state not in ENDED]

    def broken(
        self, asked: dict[str, Asked], accepted: set[str], retries: dict[str, Retries]
    ) -> list[str]:
        """Every promise that was not kept, in words; `accepted` are ids that got their 201."""
        found = [f"{id} was accepted and is lost" for id in sorted(accepted - self.rows.keys())]
        found += [f"nobody asked for {id}" for id in sorted(self.rows.keys() - asked.keys())]
        for row in self.rows.values():
            name = f"{row.id} ({row.transport}, {row.state})"
            wrong = [text for check, text in _RULES if not check(row)]
            wrong += _retried_wrongly(row, retries.get(row.id, Retries()))
            if row.transport == "mail":
                wrong += _unlike(row, self.mails.get(row.id))
            found += [f"{name} {text}" for text in wrong]
        return found


# What holds for every timer in the end.
_RULES: tuple[tuple[Callable[[Row], bool], str], ...] = (
    (lambda row: row.state in ENDED, "has not ended"),
    (lambda row: row.next_at is row.lease_expires_at is None, "is still looked at or held"),
    (lambda row: row.executed_at is not None, "does not say when it ended"),
    (lambda row: row.served_at is not None, "does not say when it was served"),
    (lambda row: row.state != "failed" or bool(row.error), "has no reason"),
    (lambda row: row.state != "executed" or row.error is None, "has an error"),
    (lambda row: (row.served_at or row.due_at) >= row.due_at, "was served before it was due"),
)


def _retried_wrongly(row: Row, retries: Retries) -> list[str]:
    """Each retry that was answered happened once, and left the life before it as it was."""
    found = []
    if not retries.done <= row.retry_count <= retries.done + retries.perhaps:
        told = f"{retries.done} answered and {retries.perhaps} not"
        found.append(f"was retried {row.retry_count} times, after {told}")
    if [life.retry_count for life in row.lives] != list(range(row.retry_count)):
        found.append(f"was retried {row.retry_count} times and has {len(row.lives)} earlier lives")
    if any((life.ended_by, life.state) != ("retried", "failed") for life in row.lives):
        found.append("has an earlier life that no retry of what had failed ended")
    last = row.lives[-1] if row.lives else None
    before = (last.executed_at, last.error) if last else (None, None)
    if (row.previous_executed_at, row.previous_error) != before:
        found.append("tells the life before it otherwise than it was")
    return found


def _unlike(row: Row, mail: Mailed | None) -> list[str]:
    """A timer that made a mail ends as the mail does, in its words."""
    if mail is None:
        return ["has no mail"]
    if row.state != _MAILED_AS.get(mail.state):
        return [f"has a mail that is {mail.state}, {mail.outcome}"]
    if (row.executed_at, row.error) != (mail.end_at, mail.error):
        return [f"says {row.error!r} at {row.executed_at}, its mail {mail.error!r}, {mail.end_at}"]
    return []


def _values(found: dict[str, Any], kind: type[Row | Life | Mailed]) -> dict[str, Any]:
    """The columns that `kind` has, with the tries read."""
    values = {name: value for name, value in found.items() if name in kind._fields}
    if "tries" in values:
        tries = json.loads(values["tries"])
        values["tries"] = tuple(Try(one["attempt"], one["error"], one["at"]) for one in tries)
    return values
