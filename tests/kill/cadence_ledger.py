"""The promises of touchpoints, checked: what the package shows against the events and the mails.

The rows are read with plain SQL, past franking's own code. What a touchpoint's events make of it
is worked out here anew, from their bodies alone, in the order of their sequence.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

from kill.reading import Database, reading

_TOUCHPOINTS = """
SELECT id, kind, status, error_code, error_category, error_message, manual_retry_count, mail_id,
    last_event_id, last_sequence, unfinished FROM touchpoint ORDER BY seq
"""
_EVENTS = "SELECT touchpoint_id, body FROM event WHERE touchpoint_id IS NOT NULL ORDER BY seq"
_CHILDREN = "SELECT touchpoint_id, event_id, status FROM conquer_error ORDER BY seq"
_MAILS = """
SELECT m.id, m.touchpoint_id AS touchpoint, m.state, m.outcome, t.retry_count
FROM mail m LEFT JOIN timer t ON t.id = m.id WHERE m.touchpoint_id IS NOT NULL ORDER BY m.seq
"""
_UNHEARD = "SELECT touchpoint_id, seq, state, error FROM outbox"
_PENDING = "SELECT id, state FROM timer WHERE state IN ('scheduled', 'served')"
_LANES = "SELECT count(*) AS n FROM outbox_lane"
_SHOWN_AS = {"SUCCESS": "Sent", "ERROR": "Error"}
_STATUSES = {"sent": "Sent", "error": "Error", "ratelimited": "Rate Limited"}


class Row(NamedTuple):
    id: str
    kind: str
    status: str
    error_code: str | None
    error_category: str | None
    error_message: str | None
    manual_retry_count: int
    mail_id: str | None
    last_event_id: str | None
    last_sequence: int
    unfinished: str | None


class Mailed(NamedTuple):
    id: str
    touchpoint: str
    state: str
    outcome: str | None
    retry_count: int | None


class CadenceLedger:
    """What is on disk now."""

    def __init__(self, database: Database) -> None:
        with reading(database) as read:
            self.rows = {found["id"]: Row(**found) for found in read(_TOUCHPOINTS)}
            self.events: dict[str, list[dict[str, Any]]] = {id: [] for id in self.rows}
            for touchpoint, body in (found.values() for found in read(_EVENTS)):
                self.events.setdefault(touchpoint, []).append(json.loads(body))
            self.children: dict[str, list[tuple[str, str]]] = {id: [] for id in self.rows}
            for touchpoint, event, status in (found.values() for found in read(_CHILDREN)):
                self.children.setdefault(touchpoint, []).append((event, status))
            self.mails: dict[str, list[Mailed]] = {id: [] for id in self.rows}
            for found in read(_MAILS):
                self.mails.setdefault(found["touchpoint"], []).append(Mailed(**found))
            self.unheard = [[*found.values()] for found in read(_UNHEARD)]
            self.pending = [[*found.values()] for found in read(_PENDING)]
            [lanes] = read(_LANES)
        self.lanes: int = lanes["n"]

    @property
    def restless(self) -> list[str]:
        """What has not ended yet, or not been told."""
        rows = self.rows.values()
        mails = [mail for mails in self.mails.values() for mail in mails]
        found = [f"{m.id} is {m.state}" for m in mails if m.state not in _SHOWN_AS]
        found += [f"{row.id} is unfinished: {row.unfinished}" for row in rows if row.unfinished]
        begun = self.mails
        found += [f"{r.id} has no mail" for r in rows if r.kind == "automated" and not begun[r.id]]
        found += [f"the timer {id} is {state}" for id, state in self.pending]
        return found + [f"an event is in the outbox: {one}" for one in self.unheard]

    @property
    def doubts(self) -> dict[str, int]:
        """How many doubtful mails of each touchpoint a person had followed by another one."""
        return {
            id: sum(mail.outcome == "unknown" for mail in mails[:-1])
            for id, mails in self.mails.items()
        }

    def failed(self, kind: str) -> list[str]:
        """Touchpoints whose last mail failed for certain."""
        found = [(row, self.mails[row.id][-1:]) for row in self.rows.values() if row.kind == kind]
        return [r.id for r, m in found if m and (m[0].state, m[0].outcome) == ("ERROR", "not_sent")]

    def broken(self, accepted: set[str]) -> list[str]:
        """Every promise that was not kept, in words; `accepted` are ids that got their 201."""
        found = [f"{id} was accepted and is lost" for id in sorted(accepted - self.rows.keys())]
        if self.unheard or self.lanes:
            found.append(f"{self.unheard} and {self.lanes} touchpoints are in the outbox")
        for id in self.events.keys() - self.rows.keys():
            found.append(f"{id} has events and is not there")
        for row in self.rows.values():
            wrong = [*self._events_broken(row), *self._mails_broken(row)]
            found += [f"{row.id} ({row.kind}, {row.status}): {text}" for text in wrong]
        return found

    def _events_broken(self, row: Row) -> list[str]:
        events = self.events[row.id]
        sequences = [event["sequence"] for event in events]
        wrong = []
        if sequences != [*range(1, len(events) + 1)]:
            wrong.append(f"its events are numbered {sequences}")
        last = (events[-1]["eventId"], sequences[-1]) if events else (None, 0)
        if (row.last_event_id, row.last_sequence) != last:
            wrong.append(f"{row.last_sequence} was applied last, {last[1]} happened last")
        children = self.children[row.id]
        told = [c for c in children if c[1] != "Manual Retry"]
        if told != (happened := [*_with_child(events)]):
            wrong.append(f"its children are {told}, and what happened {happened}")
        retries = [event for event, status in children if status == "Manual Retry"]
        wanted = [f"{row.id}.retry.{n + 1}" for n in range(row.manual_retry_count)]
        if retries != wanted:
            wrong.append(f"it was retried {row.manual_retry_count} times, as {retries}")
        if twice := [event for event, n in Counter(children).items() if n > 1]:
            wrong.append(f"{twice} are there twice")
        return wrong

    def _mails_broken(self, row: Row) -> list[str]:
        mails = self.mails[row.id]
        wrong = ["it is unfinished"] if row.unfinished else []
        if row.kind == "automated" and len(mails) != 1:
            return [*wrong, f"it has {len(mails)} mails"]
        if not mails:
            if row.status != "Pending Manual Send":
                wrong.append("it has no mail")
            return wrong
        last = mails[-1]
        if row.status != _SHOWN_AS.get(last.state):
            wrong.append(f"its mail is {last.state}")
        if row.mail_id != last.id:
            wrong.append(f"its mail is {last.id}, and it says {row.mail_id}")
        if row.kind == "automated" and row.manual_retry_count != last.retry_count:
            wrong.append(f"its timer was retried {last.retry_count} times")
        if (row.status == "Sent") != (row.error_message is row.error_category is None):
            wrong.append(f"it says {row.error_message!r}, {row.error_category}")
        return wrong


def _with_child(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The children that events make, in their order."""
    told = [(e["eventId"], _STATUSES[e["event"][6:].replace("_", "").lower()]) for e in events]
    return [(id, status) for id, status in told if status != "Sent"]
