"""The promises of webhooks, checked: what the receiver heard against what is on disk.

A timer may be called again only where the call before it was answered so that its rule says so,
or its worker was killed before it had written how the call ended, or a person retried it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from franking.core.timer.calls import WORKER_LOST
from kill.receiver import CUT
from kill.timer_ledger import Asked, Life, Row, Try
from kill.webhooks import Call

# What a webhook's rule says of an answer.
AGAIN, DONE, REFUSED = (CUT, 500), (204,), (404,)
MOST_TRIES = 5
# The shortest wait there may be, for waits are spread.
SHORTEST = 0.8


class Death(NamedTuple):
    """A kill: when the process was gone, and which calls (id, attempt) it left without an end; or
    a crash of the database, which was away from `since` on."""

    at: int
    under_way: frozenset[tuple[str, int]]
    since: int | None = None


class Span(NamedTuple):
    """One life of a timer: its attempts are those after `after`, up to `upto`."""

    after: int
    upto: int
    state: str
    tries: tuple[Try, ...]
    due_at: int


class Calls:
    """All that the receiver heard; `wait_ms` is the shortest wait between two tries. A lease that
    could not be renewed while the database was away is over within `lease_ms`, and its call lost;
    `clock_ms` is how far their clocks may be apart.
    """

    def __init__(
        self,
        calls: list[Call],
        deaths: list[Death],
        wait_ms: int,
        lease_ms: int = 0,
        clock_ms: int = 0,
    ) -> None:
        self.by_kill = 0
        self.by_rule = 0
        self.by_retry = 0
        self._deaths = deaths
        self._clock_ms = clock_ms
        self._lost = frozenset[tuple[str, int]]().union(*(d.under_way for d in deaths))
        self._away = [(d.since, d.at + 2 * lease_ms) for d in deaths if d.since is not None]
        self._wait_ms = int(wait_ms * SHORTEST)
        self._of: dict[str, list[Call]] = {}
        for call in sorted(calls, key=lambda call: call.began_at):
            self._of.setdefault(call.of, []).append(call)

    def broken(self, rows: dict[str, Row], asked: dict[str, Asked]) -> list[str]:
        """Every promise that was not kept, in words; it counts what was called again, and why."""
        found = [f"{id} was called and is not on disk" for id in self._of.keys() - rows.keys()]
        for row in rows.values():
            calls = self._of.get(row.id, [])
            if row.transport == "http":
                wrong = [*self._again(row, calls), *self._told(row, calls)]
                wrong += self._early(row, calls, asked[row.id].earliest_at)
            else:
                wrong = ["is a mail and was called"] if calls else []
            found += [f"{row.id} ({row.state}, attempt {row.attempt}) {text}" for text in wrong]
        return found

    def _again(self, row: Row, calls: list[Call]) -> Iterator[str]:
        """Is each call but the first one that had to be?"""
        for attempt, times in Counter(call.attempt for call in calls).items():
            if times > 1:
                yield f"was called {times} times as attempt {attempt}"
        for one, next in pairwise(calls):
            what = f"was called as {one.attempt} ({one.status}), then as {next.attempt}"
            if next.attempt < one.attempt:
                yield f"{what}: it went down"
            if any(one.attempt <= life.attempt < next.attempt for life in row.lives):
                self.by_retry += 1
            elif one.status in AGAIN and self._written(row, one):
                self.by_rule += 1
                if next.began_at < (one.ended_at or 0) + self._wait_ms - self._clock_ms:
                    yield f"{what}: too soon"
            elif self._killed(one, next) or self._cut_off(row, one):
                self.by_kill += 1
            else:
                yield f"{what}: nothing says why"

    def _written(self, row: Row, call: Call) -> bool:
        """Was the end of this call written, and is it no lost one's?"""
        tries = (one for span in spans(row) for one in span.tries)
        return any(t.attempt == call.attempt and t.error != WORKER_LOST for t in tries)

    def _killed(self, one: Call, next: Call) -> bool:
        """Did a kill fall between the first byte of the one and our write of its end?"""
        return any(
            one.began_at <= death.at <= next.began_at and (one.of, one.attempt) in death.under_way
            for death in self._deaths
        )

    def _cut_off(self, row: Row, call: Call) -> bool:
        """Did its lease end because the database was away?"""
        tries = (one for span in spans(row) for one in span.tries)
        return any(t.attempt == call.attempt and self._while_away(t) for t in tries)

    def _while_away(self, one: Try) -> bool:
        lost = one.error == WORKER_LOST
        return lost and any(since <= one.at <= until for since, until in self._away)

    def _told(self, row: Row, calls: list[Call]) -> Iterator[str]:
        """Is what is on disk of each life what the receiver knows?"""
        heard = {call.attempt: call for call in calls}
        for span in spans(row):
            attempts = range(span.after + 1, span.upto + 1)
            executed = span.state == "executed"
            tried = [one.attempt for one in span.tries]
            if tried != list(attempts)[: len(attempts) - executed]:
                yield f"had attempts {attempts} in one life, of which {tried} ended badly"
            if executed and (span.upto not in heard or heard[span.upto].status not in DONE):
                yield "is executed without an answer that says so"
            if sum(n in heard for n in attempts) > MOST_TRIES:
                yield f"was called more than {MOST_TRIES} times in one life"
            if span.state == "failed" and not _may_fail(span, heard):
                yield f"failed, and could have been tried again: {span.tries}"
            for one in span.tries[:MOST_TRIES]:
                yield from self._untrue(row.id, one, heard.get(one.attempt))

    def _untrue(self, id: str, one: Try, call: Call | None) -> Iterator[str]:
        """What is written of a call that ended badly is true."""
        if one.error == WORKER_LOST:
            if (id, one.attempt) not in self._lost and not self._while_away(one):
                yield f"lost attempt {one.attempt}, though nobody was killed then"
        elif call is None:
            yield f"says of attempt {one.attempt}, which never came: {one.error}"
        elif call.status in DONE:
            yield f"says of attempt {one.attempt}, which was answered well: {one.error}"
        elif call.status and not one.error.startswith(str(call.status)):
            yield f"says of attempt {one.attempt}, answered {call.status}: {one.error}"

    def _early(self, row: Row, calls: list[Call], earliest_at: int) -> Iterator[str]:
        """Is each call made once it is due, and does it say truly when, and whose it is?"""
        dues = {span.due_at for span in spans(row)}
        for call in calls:
            what = f"was called as attempt {call.attempt}"
            early_ms = max(earliest_at, call.due) - call.began_at
            if early_ms > self._clock_ms:
                yield f"{what} {early_ms} ms too soon"
            if call.due not in dues:
                yield f"{what} with a due time that it never had"
            if call.id != row.id:
                yield f"{what} under the id {call.id}"


def spans(row: Row) -> list[Span]:
    """The lives of a timer, the present one last."""
    lives: list[Life | Row] = [*row.lives, row]
    afters = [0, *(life.attempt for life in row.lives)]
    return [_span(life, after) for life, after in zip(lives, afters, strict=True)]


def _span(life: Life | Row, after: int) -> Span:
    return Span(after, life.attempt, life.state, life.tries, life.due_at)


def _may_fail(span: Span, heard: dict[int, Call]) -> bool:
    last = heard.get(span.upto)
    return len(span.tries) >= MOST_TRIES or (last is not None and last.status in REFUSED)
