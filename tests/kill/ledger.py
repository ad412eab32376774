"""The promises, checked: what was handed in against what is on disk and what the sink took.

The rows are read with plain SQL, past franking's own code. A recipient is one mail's alone, so
that a mail sent twice is found under whatever Message-ID; a mail refused in part has a remainder
that answers for those recipients.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

from kill.reading import Database, reading
from kill.sink import Sink

FINAL = ("SUCCESS", "ERROR")

_MAILS = """
SELECT m.id, m.state, m.outcome, m.on_unknown, m.remainder_of, m.attempts, m.error, m.info, d.body
FROM mail m JOIN document d ON d.seq = m.seq ORDER BY m.seq
"""
_ATTEMPTS = "SELECT mail, epoch, event, stage, outcome FROM attempt ORDER BY epoch"
_LAST_EVENTS = (
    "SELECT mail, kind FROM event WHERE seq IN (SELECT max(seq) FROM event GROUP BY mail)"
)
_EVENTS = "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM event"
_KINDS = {"SUCCESS": "email_Sent", "ERROR": "email_Error"}


class Row(NamedTuple):
    """A mail as it is on disk; a remainder's recipients are those that were refused for now."""

    id: str
    state: str
    outcome: str | None
    on_unknown: str
    remainder_of: str | None
    attempts: int
    error: str | None
    info: dict[str, Any] | None
    recipients: tuple[str, ...]


class Attempt(NamedTuple):
    mail: str
    epoch: int
    event: str
    stage: str
    outcome: str


class Ledger:
    """What is on disk now."""

    def __init__(self, database: Database) -> None:
        with reading(database) as read:
            self.rows = [_row(**found) for found in read(_MAILS)]
            self.attempts = [Attempt(**found) for found in read(_ATTEMPTS)]
            self.news = {found["mail"]: found["kind"] for found in read(_LAST_EVENTS)}
            [events] = read(_EVENTS)
        self.events, self.event_ids = events["n"], events["ids"]

    @property
    def unended(self) -> list[Row]:
        return [row for row in self.rows if row.state not in FINAL]

    def of(self, recipient: str) -> Row:
        """The one mail, or remainder, that answers for a recipient."""
        return self.answering[recipient]

    @property
    def answering(self) -> dict[str, Row]:
        """For each recipient the mail that answers for it; a remainder after its parent."""
        return {recipient: row for row in self.rows for recipient in row.recipients}

    def broken(self, accepted: set[str], expected: set[str], sink: Sink) -> list[str]:
        """Every promise that was not kept, in words; `accepted` are ids that got their 2xx."""
        found = [f"{row.id} has not ended: {row.state}" for row in self.unended]
        stored = {row.id for row in self.rows}
        found += [f"{id} was accepted and is lost" for id in sorted(accepted - stored)]
        asked = Counter(a for r in self.rows if r.remainder_of is None for a in r.recipients)
        found += [f"{a} is stored {asked[a]} times" for a in sorted(expected) if asked[a] != 1]
        for recipient, row in self.answering.items():
            found += self._broken(recipient, row, sink.times(recipient))
        if self.events != self.event_ids:
            found.append(f"{self.events - self.event_ids} events have an id that another has")
        return found + [text for row in self.rows for text in self._untold(row)]

    def _broken(self, recipient: str, row: Row, times: int) -> list[str]:
        what = f"{recipient} ({row.id}, {row.on_unknown}, {row.state}, {row.outcome})"
        found = []
        if row.on_unknown == "ask" and times > 1:
            found.append(f"{what} was sent {times} times")
        if (
            row.state == "SUCCESS"
            and not times
            and recipient in (row.info or {}).get("accepted", ())
        ):
            found.append(f"{what} is SUCCESS, and the sink never took it")
        if row.state == "SUCCESS" and recipient in (row.info or {}).get("pending", ()):
            found.append(f"{what} waits for ever: it has no remainder")
        if row.state == "ERROR" and times and row.outcome != "unknown":
            found.append(f"{what} was taken, and says it was not")
        return found

    def _untold(self, row: Row) -> list[str]:
        found = []
        if row.outcome == "unknown" and not self._doubted(row.id):
            found.append(f"{row.id} is in doubt without an attempt that was transmitting")
        if row.state == "ERROR" and not row.error:
            found.append(f"{row.id} is ERROR without an error")
        if row.remainder_of is None and self.news.get(row.id) != _KINDS.get(row.state):
            found.append(f"{row.id} is {row.state}, its last event {self.news.get(row.id)}")
        return found

    def _doubted(self, id: str) -> bool:
        return any(
            attempt.mail == id and attempt.outcome == "unknown" and attempt.stage == "transmitting"
            for attempt in self.attempts
        )


def _row(
    id: str,
    state: str,
    outcome: str | None,
    on_unknown: str,
    remainder_of: str | None,
    attempts: int,
    error: str | None,
    info: str | None,
    body: str,
) -> Row:
    document = json.loads(body)
    to = document["recipients"] if remainder_of is not None else document["to"]
    told = json.loads(info) if info else None
    recipients = tuple([to] if isinstance(to, str) else to)
    return Row(id, state, outcome, on_unknown, remainder_of, attempts, error, told, recipients)
